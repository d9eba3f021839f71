"""Images of single particles next to the projections of what the model sees in them.

A projection is of the volume that is decoded from the particle's own latent (by the model of its
own half), in the particle's pose, at its shift and with its CTF: what the image would look like
without noise, if the model were right. Images are read for the particles asked for and no others.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_conformix.errors import UserError
from napari_conformix.imaging import fourier_shift, project_volume, resample_3d
from napari_conformix.jobs.motion import AverageStates
from napari_conformix.jobs.pictures.shown import (
    Facts,
    Floats,
    PictureOptions,
    Pictures,
    RawPictures,
)
from napari_conformix.runs import layout
from napari_conformix.training.contract import Batch, Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.particles import ParticleSet

Rows = NDArray[np.int64]

#: pictures are of this many pixels a side at most; larger images are Fourier-cropped
MOST_PIXELS: Final = 128
_MICROGRAPHS: Final = ("rlnMicrographName", "location/micrograph_path")


def letter(index: int) -> str:
    """A, B, ... Z, AA, AB, ...: what marks the same particle in pictures and on the map."""
    name = ""
    while index >= 0:
        index, rest = divmod(index, 26)
        name = chr(ord("A") + rest) + name
        index -= 1
    return name


def draw_rows(rows: ArrayLike, count: int, seed: int) -> Rows:
    """`count` of the rows at random, sorted; all where there are no more."""
    candidates = np.unique(np.asarray(rows, np.int64))
    if len(candidates) <= count:
        return candidates
    return np.sort(np.random.default_rng(seed).choice(candidates, count, replace=False))


def pictures_of(
    job: "JobFolder", rows: ArrayLike, options: PictureOptions | None = None
) -> Pictures:
    """The pictures of some particles, as :class:`PictureMaker` reads and `shown` filters them."""
    raw = PictureMaker(job).read(rows)
    assert raw is not None  # nothing asks it to stop
    return raw.shown(options or PictureOptions())


class PictureMaker:
    """Reads pictures of a job's particles. Keeps the average states; safe in several threads."""

    def __init__(self, job: "JobFolder", epoch: int | None = None) -> None:
        self._job, self._epoch = job, epoch
        self._averages = AverageStates(job)

    @property
    def why_no_projections(self) -> str:
        """Why there are images only, in a sentence; empty where there are projections too."""
        kind = self._job.method_class
        if not kind.has_decoder:
            return "There is no decoder here, so there are no projections to compare."
        if not (self._job.folder / layout.LATENTS).exists():
            return "The job has no latents yet, so there are no projections to compare."
        return ""

    def read(
        self, rows: ArrayLike, stop: "Callable[[], bool] | None" = None
    ) -> "RawPictures | None":
        """Images of the rows (b,) and their projections, in the order asked; None when `stop` said
        so. UserError names a stack that is missing or a row that is not there."""
        particles = self._job.particles
        chosen = np.asarray(rows, np.int64).reshape(-1)
        wrong = chosen[(chosen < 0) | (chosen >= len(particles))]
        if len(wrong):
            raise UserError(
                f"There is no particle {wrong[0]}; rows go from 0 to {len(particles) - 1}."
            )
        if not len(chosen):
            raise UserError("There is no particle to show: the selection is empty.")
        subset = particles.subset(chosen)
        grids = self._job.spec.grids
        box = min(MOST_PIXELS, grids.box)
        pixel_size = grids.box * grids.pixel_size_angstrom / box
        batch = self._batch(subset, Frame(grids.box, grids.pixel_size_angstrom, box, pixel_size))
        raw = RawPictures(
            facts=self._facts(particles, subset, chosen),
            pixel_size_angstrom=pixel_size,
            images=torch.fft.rfft2(batch.images),
            ctf=torch.nan_to_num(batch.ctf, nan=1.0),
            why_no_projections=self.why_no_projections,
            without_ctf=int(torch.isnan(batch.ctf).any(-1).any(-1).sum()),
        )
        return raw if raw.why_no_projections else self._with_projections(raw, chosen, batch, stop)

    # -- images -----------------------------------------------------------------------------------

    def _batch(self, subset: "ParticleSet", frame: Frame) -> Batch:
        """As training reads them (sign, beam tilt, grid), and always to background sigma 1."""
        from napari_conformix.training.batches import TrainingData

        settings = self._job.settings.model_copy(
            update={"images": "stream", "normalise_images": True}
        )
        return TrainingData(subset, frame, settings).batch(np.arange(len(subset)))

    def _facts(self, particles: "ParticleSet", subset: "ParticleSet", rows: Rows) -> list[Facts]:
        half, held_out = subset.half, np.zeros(len(rows), bool)
        if (self._job.folder / layout.SPLIT).exists():
            split = self._job.split
            half, held_out = split.half[rows], split.validation[rows]
        names = next(
            (n for n in _MICROGRAPHS if n in particles.columns),
            None,
        )
        micrographs = [""] * len(rows) if names is None else subset.column(names).tolist()
        defocus = (subset.defocus_u_angstrom + subset.defocus_v_angstrom) / 2
        return [
            Facts(
                row=int(row),
                image=f"{subset.image_index[i] + 1:06d}@"
                f"{subset.stacks[subset.stack_index[i]].name}",
                micrograph=Path(str(micrographs[i])).name,
                defocus_angstrom=float(defocus[i]),
                half=int(half[i]),
                held_out=bool(held_out[i]),
            )
            for i, row in enumerate(rows)
        ]

    # -- projections ------------------------------------------------------------------------------

    def _with_projections(
        self, raw: "RawPictures", rows: Rows, batch: Batch, stop: "Callable[[], bool] | None"
    ) -> "RawPictures | None":
        table = self._job.latents(self._epoch)
        shape = (len(rows), *raw.images.shape[-2:])
        own = torch.full(shape, torch.nan, dtype=raw.images.dtype)
        average = own.clone()
        known = np.isfinite(table.mean[rows]).all(axis=1) & np.isfinite(batch.rotation.numpy()).all(
            axis=(1, 2)
        )
        for i in np.flatnonzero(known):
            if stop is not None and stop():
                return None
            half = int(table.half[rows[i]])
            decoded = self._job.decode(table.mean[rows[i]], half=half or None, epoch=self._epoch)
            volume = self._on_grid(decoded)
            own[i] = self._imaged(volume, batch, [int(i)], raw.pixel_size_angstrom)[0]
        for half in np.unique(table.half[rows[known]]):
            if stop is not None and stop():
                return None
            which = np.flatnonzero(known & (table.half[rows] == half)).tolist()
            volume = self._on_grid(self._averages.of(int(half), self._epoch))
            average[which] = self._imaged(volume, batch, which, raw.pixel_size_angstrom)
        return replace(raw, projections=own, average=average, latent_dim=table.mean.shape[1])

    def _imaged(
        self, volume: torch.Tensor, batch: Batch, which: list[int], pixel_size: float
    ) -> torch.Tensor:
        """(b, n, n // 2 + 1): projections in the poses and at the shifts of some, without CTF."""
        projected = project_volume(volume, batch.rotation[which])  # (b, n, n)
        shift = torch.nan_to_num(batch.shift_angstrom[which]) / pixel_size
        # the sum over the voxels of the consensus grid, of which this one may have fewer
        coarser = pixel_size / self._job.spec.grids.pixel_size_angstrom
        return coarser * fourier_shift(torch.fft.rfft2(projected), shift)

    def _on_grid(self, volume: Floats) -> torch.Tensor:
        """(n, n, n): a decoded map on the grid of the pictures."""
        grids = self._job.spec.grids
        if grids.box <= MOST_PIXELS:
            return torch.from_numpy(volume)
        pixel_size = grids.box * grids.pixel_size_angstrom / MOST_PIXELS
        return resample_3d(
            torch.from_numpy(volume), grids.pixel_size_angstrom, MOST_PIXELS, pixel_size
        )
