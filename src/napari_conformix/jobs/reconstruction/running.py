"""A reconstruction in this process: from `reconstruction.toml` to half maps and report.

The sums over particles are saved every few minutes, at a pause and at a stop, with the number of
batches in them. Batches are cut the same way ever again and added in the same order, so that a
reconstruction that was interrupted gives the same maps, bit for bit, as one that was not.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import numpy as np

from napari_conformix.errors import UserError
from napari_conformix.jobs.folder import load_or_make_split
from napari_conformix.jobs.reconstruction.events import (
    ReconstructionFinished,
    ReconstructionProgress,
)
from napari_conformix.jobs.reconstruction.layout import ROWS
from napari_conformix.jobs.reconstruction.results import Outcome, write_results
from napari_conformix.jobs.reconstruction.spec import ReconstructionSpec
from napari_conformix.jobs.reconstruction.sums import Accumulation, particles_in_sums
from napari_conformix.jobs.reconstruction.warping import Stopped, deform
from napari_conformix.runs import (
    Event,
    FolderControl,
    guarded,
    lock,
    run_in_folder,
)


def run(
    folder: Path, *, launched: bool = False, stop: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Reconstruct what `folder` asks for, writing and yielding its events; goes on with the sums
    of an earlier run where there are some.

    Ctrl-C, SIGTERM and the file RELION_JOB_ABORT_NOW stop it after the current batch, with the
    sums saved. The last event is `finished` or `failed`, and a marker file says the same.
    `stop` is one more way to ask for that. `launched` says that the launcher took the lock in
    this process's name.
    """
    spec = ReconstructionSpec.read(folder)

    def work(control: FolderControl) -> Iterator[Event]:
        reconstructed = _reconstruct(folder, spec, control)
        return guarded(reconstructed, folder, _what_stands, "Free some memory")

    yield from run_in_folder(
        folder,
        work,
        check=lambda: refuse_if_running(folder),
        succeeded=lambda event: (
            isinstance(event, ReconstructionFinished) and event.reason == "completed"
        ),
        launched=launched,
        stop=stop,
    )


def _what_stands(advice: str) -> str:
    return f"The sums saved last stand. {advice}, then resume."


def refuse_if_running(folder: Path) -> None:
    """UserError naming the process that reconstructs in `folder`, if there is one."""
    owner = lock.live_owner(folder)
    if owner is not None:
        raise UserError(f"The reconstruction in {folder} is under way: {owner.in_words()}.")


def _reconstruct(folder: Path, spec: ReconstructionSpec, control: FolderControl) -> Iterator[Event]:
    """Everything between `reconstruction.toml` and the report; ends early after a stop."""
    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.reconstruction import HalfReconstructions
    from napari_conformix.training.devices import resolve_device, use_threads

    began = monotonic()
    yield ReconstructionProgress(phase="preparing", message="Reading the particle file")
    job = JobFolder.open(spec.job_folder(folder))
    use_threads(job.settings)
    rows = np.load(folder / ROWS, allow_pickle=False)
    independent = job.method_class.independent_halves
    split = load_or_make_split(job.folder, job.particles, job.settings, independent)
    frame = job.spec.grids.frame()
    outcome = Outcome(job, folder, spec, began, resolve_device(spec.settings.device))
    try:
        warps = (yield from deform(outcome, rows, control)) if spec.deformed else None
    except Stopped:
        yield ReconstructionFinished(
            reason="stopped", done=particles_in_sums(folder), seconds=monotonic() - began
        )
        return
    sums = HalfReconstructions(
        split.half, frame.box, frame.pixel_size_angstrom, warps=warps, device=outcome.device
    )
    accumulation = Accumulation(outcome, sums, rows, split.half, control)
    yield from accumulation.events()
    if not accumulation.complete:
        yield ReconstructionFinished(
            reason="stopped", done=accumulation.done, seconds=monotonic() - began
        )
        return
    outcome.images_per_second = accumulation.images_per_second
    yield from write_results(outcome, sums)
