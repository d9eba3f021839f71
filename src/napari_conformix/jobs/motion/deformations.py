"""Deformations of a job's particles: fields of the newest latents, kept while they are the newest.

The latents of an epoch are decoded by the model of that epoch wherever its checkpoint is kept.
"""

import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.errors import NotSupportedError, UserError
from napari_conformix.jobs.folder import refuse_without_decoder
from napari_conformix.runs import layout

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import Deformation, Fields, MotionTable, Verdict
    from napari_conformix.jobs.folder import JobFolder

#: held-out particles whose fields are compared for the verdict, and whose images are predicted
HELD_OUT_JUDGED = 500
HELD_OUT_PREDICTED = 64

Progress = Callable[[float], None]
Stop = Callable[[], bool]


class Deformations:
    """What a job answers about displacements; may be used from several threads.

    One for each :class:`JobFolder`, from :func:`deformations_of`, so that fields are kept.
    """

    def __init__(self, job: "JobFolder") -> None:
        self._job = job
        self._lock = threading.Lock()
        self._fields: Fields | None = None
        self._stamp: tuple[int, int] | None = None
        self._judged: Fields | None = None
        self._verdict: Verdict | None = None

    def fields(self) -> "Fields":
        """The fields of the newest latents; NotSupportedError for methods without any."""
        from napari_conformix.analysis.motion import Fields

        kind = self._job.method_class
        refuse_without_decoder(kind, "say how particles move")
        if not kind.has_displacement:
            raise NotSupportedError(
                f"{kind.title} makes maps and has no displacements, so there are no arrows and no "
                "amounts of motion. See what changes by comparing maps: conformix clusters "
                f"{quote(str(self._job.folder))} -k 6, or the Clusters page."
            )
        path = self._job.folder / layout.LATENTS
        with self._lock:
            stamp = (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else None
            if self._fields is None or stamp != self._stamp:
                table = self._job.latents()
                kept = table.epoch in self._job.checkpoints.epochs()
                method = self._job.method(table.epoch if kept else None)
                self._fields, self._stamp = Fields(method, table), stamp
            return self._fields

    def motion_table(
        self, progress: Progress | None = None, stop: Stop | None = None
    ) -> "MotionTable | None":
        """Read from the job while it is of the newest latents, else computed and written."""
        from napari_conformix.analysis.motion import MotionTable, motion_table

        path = self._job.folder / layout.MOTION
        latents = self._job.folder / layout.LATENTS
        fields = self.fields()
        if path.exists() and path.stat().st_mtime_ns >= latents.stat().st_mtime_ns:
            try:
                kept = MotionTable.load(path)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile):
                kept = None  # of another version or damaged: it is recomputed
            if kept is not None and (kept.epoch, len(kept)) == (
                fields.table.epoch,
                len(fields.table),
            ):
                return kept
        table = motion_table(fields, progress=progress, stop=stop)
        if table is not None:
            table.save(path)
        return table

    def verdict(
        self, progress: Progress | None = None, stop: Stop | None = None
    ) -> "Verdict | None":
        """Whether there is motion beyond its error; kept while the latents are the newest."""
        from napari_conformix.analysis.motion import judge, one_model, too_few

        fields = self.fields()
        if fields is self._judged and self._verdict is not None:
            return self._verdict
        if not fields.method.independent_halves:
            return one_model(fields.method.title)
        if not fields.paired:
            return too_few(0)
        sample = fields.held_out_sample(HELD_OUT_JUDGED)
        halves = []
        for half, latents in zip((1, 2), fields.held_out_latents(sample), strict=True):
            halves.append(fields.evaluate(latents, fields.table_positions, half))
            if progress is not None:
                progress(half / 5)
            if stop is not None and stop():
                return None
        noise, doubt = self._noise(fields, halves[0], halves[1], stop)
        if stop is not None and stop():
            return None
        assert fields.table.validation_rows is not None
        conditions = self._conditions(fields.table.validation_rows[sample])
        verdict = judge(halves[0], halves[1], fields.table_positions, conditions, noise=noise)
        if doubt:
            verdict = replace(verdict, warnings=(*verdict.warnings, doubt))
        self._judged, self._verdict = fields, verdict
        if progress is not None:
            progress(1.0)
        return verdict

    def _noise(
        self,
        fields: "Fields",
        first: NDArray[np.float32],
        second: NDArray[np.float32],
        stop: Stop | None,
    ) -> tuple[NDArray[np.float64] | None, str]:
        """(p,) A^2 that noise makes both halves agree on, or None; and a sentence if the images,
        whose poses and CTF it needs, cannot be read."""
        from napari_conformix.analysis.motion import resting_core, shared_noise
        from napari_conformix.training.batches import TrainingData

        core = resting_core((first + second) / 2, fields.table_positions)
        settings = fields.method.settings.model_copy(update={"images": "stream"})
        try:
            data = TrainingData(self._job.particles, fields.method.frame, settings)
            chosen = fields.held_out_sample(HELD_OUT_PREDICTED)
            return shared_noise(fields, chosen, data.batch, core, stop), ""
        except UserError as error:
            return None, f"What the images' noise alone would give is not known: {error}"

    def _conditions(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """How the particles at `rows` were imaged, (v, f)."""
        from napari_conformix.analysis.motion import imaging_conditions

        chosen = self._job.particles.subset(rows)
        return imaging_conditions(
            chosen.rotation,
            chosen.shift_angstrom,
            (chosen.defocus_u_angstrom + chosen.defocus_v_angstrom) / 2,
            chosen.optics_index,
        )

    def of_particle(self, row: int, at: int) -> "Deformation":
        return self.fields().of_particle(row, at)

    def between(self, row_a: int, row_b: int, at: int) -> "Deformation":
        fields = self.fields()
        first, last = fields.latents_of(row_a), fields.latents_of(row_b)
        return fields.between(first, last, at, f"From particle {row_a} to particle {row_b}")

    def between_states(
        self, first: ArrayLike, first_half: int, last: ArrayLike, last_half: int
    ) -> "Deformation":
        """From one latent (d,) to another, each of its own half."""
        fields = self.fields()
        at, other = fields.model_of(first_half), fields.model_of(last_half)
        start, end = (_latents(latent, fields, ndim=1) for latent in (first, last))
        return fields.between({at: start}, {other: end}, at, "From A to B")

    def write(
        self, deformation: "Deformation", path: Path, count: int | None, overwrite: bool
    ) -> Path:
        """Write all positions, or `count` arrows, in a format of `ARROW_FILES`."""
        from napari_conformix.export.formats import ARROW_FILES

        kind = ARROW_FILES.of(path)
        chosen = deformation if count is None else deformation.thinned(count)
        if kind is None:
            raise UserError(f"{path.name} must end with {ARROW_FILES.suffixes}.")
        grids = self._job.spec.grids
        return kind.write(
            chosen,
            path,
            box=grids.box,
            pixel_size_angstrom=grids.pixel_size_angstrom,
            sentence=deformation.sentence(),
            overwrite=overwrite,
        )

    def of_latent(self, latent: ArrayLike, half: int, at: int | None) -> "Deformation":
        fields = self.fields()
        half = fields.model_of(half)
        z = _latents(latent, fields, ndim=1)
        label = "This point of the latent space" + (f" of half {half}" if half else "")
        return fields.of_latents({half: z}, half if at is None else at, label)

    def along(self, latents: ArrayLike, half: int) -> "Deformation":
        fields = self.fields()
        return fields.along(_latents(latents, fields, ndim=2), half)


_lock = threading.Lock()


def deformations_of(job: "JobFolder") -> Deformations:
    """The deformations of a job, the same object for the same job."""
    with _lock:
        kept: Deformations = job.__dict__.setdefault("_deformations", Deformations(job))
    return kept


def _latents(values: ArrayLike, fields: "Fields", ndim: int) -> NDArray[np.float32]:
    latents = np.asarray(values, np.float32)
    if latents.ndim != ndim or latents.shape[-1] != fields.method.latent_dim:
        raise UserError(
            f"A latent of this job has {fields.method.latent_dim} numbers; got an array of shape "
            f"{latents.shape}."
        )
    if not np.isfinite(latents).all():
        raise UserError("A latent must be finite numbers.")
    return latents
