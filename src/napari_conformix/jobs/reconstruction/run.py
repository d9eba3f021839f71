"""ReconstructionRun: the folder of a reconstruction, run by a process of its own."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from napari_conformix.errors import UserError
from napari_conformix.jobs.folder import in_sentences
from napari_conformix.jobs.reconstruction import layout as files
from napari_conformix.jobs.reconstruction import warping
from napari_conformix.jobs.reconstruction.events import (
    ReconstructionProgress,
    reconstruction_event,
)
from napari_conformix.jobs.reconstruction.report import ReconstructionReport
from napari_conformix.jobs.reconstruction.spec import (
    SPEC,
    ReconstructionSettings,
    ReconstructionSpec,
    path_to_job,
)
from napari_conformix.runs import (
    Event,
    Failed,
    RunFolder,
    atomic_save,
    launching,
    layout,
)

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import Selection
    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.reconstruction import HalfMaps


class ReconstructionRun(RunFolder):
    """A folder of a reconstruction. Several objects and processes may look at it at once."""

    @staticmethod
    def event_of(line: str) -> Event:
        """The event of a line of the log."""
        return reconstruction_event(line)

    def __init__(self, folder: str | Path, spec: ReconstructionSpec) -> None:
        super().__init__(folder)
        self.spec = spec

    @classmethod
    def create(
        cls,
        job: "JobFolder",
        selection: "Selection | None" = None,
        folder: str | Path | None = None,
        *,
        deformed: bool,
        overwrite: bool = False,
        settings: dict[str, Any] | None = None,
    ) -> "ReconstructionRun":
        """Write down what to reconstruct: by default in reconstruction/NAME of the job, with NAME
        the selection's ('all' without one), and '_deformed' added for a deformed one.

        Particles, model and latents are kept as they are now, so that training may go on.
        UserError when the folder holds a reconstruction already (unless `overwrite`), when the
        method moves nothing, or when a setting is wrong.
        """
        try:
            chosen = ReconstructionSettings.model_validate(settings or {})
        except ValidationError as error:
            raise UserError(in_sentences(error, ReconstructionSettings, "Setting ")) from error
        if chosen.mask is not None:
            mask = chosen.mask.absolute()
            _refuse_other_mask(mask, job)
            chosen = chosen.model_copy(update={"mask": mask})
        name = None if selection is None else selection.name
        where = Path(folder or default_folder(job, name, deformed)).absolute()
        if deformed:
            warping.refuse_without_displacement(job.method_class)
        epoch = job.latents().epoch if deformed else None
        _make_room(where, overwrite)
        if deformed:
            warping.keep_model(job, where)
        rows = np.arange(len(job.particles)) if selection is None else selection.rows
        atomic_save(where / files.ROWS, lambda stream: np.save(stream, rows, allow_pickle=False))
        spec = ReconstructionSpec(
            job=path_to_job(job.folder, where),
            name=where.name,
            selection=name,
            deformed=deformed,
            epoch=epoch,
            settings=chosen,
        )
        spec.write(where / SPEC)  # last: from now on the folder is a reconstruction
        return cls(where, spec)

    @classmethod
    def open(cls, folder: str | Path) -> "ReconstructionRun":
        """Open a folder; UserError when it is no reconstruction."""
        return cls(folder, ReconstructionSpec.read(Path(folder)))

    # -- what it is -------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def deformed(self) -> bool:
        """Whether the maps follow the particles' displacements."""
        return self.spec.deformed

    # -- running ----------------------------------------------------------------------------------

    def run(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Reconstruct in this process, or go on; the last event is `finished` or `failed`."""
        from napari_conformix.jobs.reconstruction import running

        self._refuse_finished()
        return running.run(self.folder, stop=stop)

    def launch(self) -> int:
        """Reconstruct, or go on, in a process of its own that outlives this one; its number."""
        module = "napari_conformix.jobs.reconstruction.reconstructor"
        command = [sys.executable, "-m", module, str(self.folder), "--launched"]
        return launching.launch(self.folder, command, self._check)

    def _check(self) -> None:
        from napari_conformix.jobs.reconstruction.running import refuse_if_running

        refuse_if_running(self.folder)
        self._refuse_finished()

    def resume(self) -> int:
        """Go on after a stop, a kill or a failure, with the sums saved last."""
        return self.launch()

    def _refuse_finished(self) -> None:
        if self.state == "finished":
            raise UserError(f"{self.folder} is finished already; see its report.")

    # -- results ----------------------------------------------------------------------------------

    def report(self) -> ReconstructionReport:
        """What was found out; UserError before the run is finished."""
        return ReconstructionReport.load(self.folder / files.REPORT)

    def half_maps(self) -> "HalfMaps":
        """The maps, read from their files; `plain` holds the undeformed ones next to deformed."""
        maps = self._maps("run")
        return replace(maps, plain=self._maps("plain")) if self.deformed else maps

    def _maps(self, name: str) -> "HalfMaps":
        import torch

        from napari_conformix.particles import read_map
        from napari_conformix.reconstruction import HalfMaps

        report = self.report()
        curves = report.plain if name == "plain" else report.curves
        assert curves is not None
        names = (files.half_map(name, 1), files.half_map(name, 2), files.full_map(name))
        half1, half2, full = (
            torch.from_numpy(read_map(self.folder / file)[0].copy()) for file in names
        )
        return HalfMaps(
            half1=half1,
            half2=half2,
            full=full,
            counts=report.particles,
            pixel_size_angstrom=report.pixel_size_angstrom,
            fsc=torch.tensor(curves.unmasked),
            fsc_masked=torch.tensor(curves.masked),
        )


def _refuse_other_mask(mask: Path, job: "JobFolder") -> None:
    """UserError unless the mask can be read and is on the grid of the job's maps."""
    from napari_conformix.particles import read_map

    box = job.spec.grids.box
    shape = read_map(mask)[0].shape
    if shape != (box,) * 3:
        raise UserError(
            f"The mask {mask} has the box {shape}, but the map has a box of {box}; give a mask on "
            "the grid of the consensus map."
        )


def default_folder(job: "JobFolder", selection: str | None, deformed: bool) -> Path:
    """reconstruction/NAME in the job, NAME_deformed for a deformed one."""
    name = (selection or "all") + ("_deformed" if deformed else "")
    return job.folder / layout.RECONSTRUCTION / name


def to_the_end(
    run: ReconstructionRun,
    progress: Callable[[int], None] | None,
    stop: Callable[[], bool] | None,
) -> "HalfMaps | None":
    """Run in this process; None when stopped, UserError when it failed."""
    for event in run.run(stop or (lambda: False)):
        if isinstance(event, Failed):
            raise UserError(event.message) from None
        if progress is not None and isinstance(event, ReconstructionProgress) and event.total:
            progress(event.done)
    return run.half_maps() if run.state == "finished" else None


def runs_of(job_folder: Path) -> list[ReconstructionRun]:
    """The reconstructions within a job, the oldest first; folders that cannot be read are left
    out."""
    runs = []
    for path in sorted((job_folder / layout.RECONSTRUCTION).glob(f"*/{SPEC}")):
        try:
            runs.append(ReconstructionRun.open(path.parent))
        except UserError:
            continue
    return sorted(runs, key=lambda run: run.spec.created)


def _make_room(folder: Path, overwrite: bool) -> None:
    """Make the folder, or empty it of an earlier reconstruction if that is wanted."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / SPEC).exists():
        return
    old = ReconstructionRun.open(folder)
    if old.state in ("running", "paused"):
        raise UserError(f"A reconstruction is under way in {folder}; stop it first.")
    if not overwrite:
        advice = (
            "Ask to overwrite it (--overwrite), or name another folder"
            if old.state == "finished"
            else "Resume it (--resume), ask to overwrite it (--overwrite), or name another folder"
        )
        raise UserError(f"{folder} holds a {old.state} reconstruction. {advice}.")
    files.remove_all(folder)
