"""A job whose molecule has an arm that swings, with held-out particles seen by both halves.

Its fields are real (`analysis.fields`), of a method that knows the truth: so what the window shows
can be compared with where the density is.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from explore_fakes import PIXEL_SIZE, FakeJob, ball

from napari_conformix.analysis.motion import Deformation, Fields
from napari_conformix.export.arrows import write_arrow_table, write_bild
from napari_conformix.training.latent_table import LatentTable

#: place of the arm's end in the consensus, and A by which half 2 errs along x at it
ARM = np.array([0.0, 30.0, 0.0], dtype=np.float32)
ERROR = 2.0


class SwingingJob(FakeJob):
    """The part of `Job` that the Deformation page uses, besides that of the Explore page."""

    moves = True

    def __init__(self, folder: Path, count: int = 600, *, paired: bool = True) -> None:
        self.paired = paired
        self.asked: list[int] = []
        super().__init__(folder, count)

    def volume(self, angle: float) -> np.ndarray:
        return np.maximum(ball((0, -16, 0), 12.0), ball(tuple(ARM + swing(angle))))

    def latents(self) -> LatentTable:
        found = super().latents()
        values = {name: getattr(found, name) for name in vars(found)}
        if not self.paired:
            return LatentTable(**values)
        rows = np.flatnonzero(self.validation)
        own = np.zeros((len(rows), 4))
        own[:, 0] = self.angle[rows] / 20
        return LatentTable(
            **values,
            validation_rows=rows,
            mean_half1=(own @ self._mixing[1]).astype(np.float32),
            mean_half2=(own @ self._mixing[2]).astype(np.float32),
        )

    @property
    def _fields(self) -> Fields:
        return Fields(TrueMethod(self), self.latents())

    def method(self, epoch: int | None = None) -> TrueMethod:
        return TrueMethod(self)

    def displacement(self, z: np.ndarray, positions: np.ndarray, half: int = 1) -> np.ndarray:
        return self._fields.evaluate(np.asarray(z)[None], positions, half)[0]

    def deformation(self, row: int, at: int = 1) -> Deformation:
        self.asked.append(row)
        return self._fields.of_particle(row, at)

    def deformation_between(self, row_a: int, row_b: int, at: int = 1) -> Deformation:
        fields = self._fields
        ends = fields.latents_of(row_a), fields.latents_of(row_b)
        return fields.between(*ends, at, f"From particle {row_a} to particle {row_b}")

    def deformation_along(self, latents: np.ndarray, half: int) -> Deformation:
        return self._fields.along(np.asarray(latents, dtype=np.float32), half)

    def write_deformation(self, deformation, path, *, count=None, overwrite=False) -> Path:
        shown = deformation if count is None else deformation.thinned(count)
        if path.suffix == ".csv":
            return write_arrow_table(shown, path, overwrite=overwrite)
        grid = {"box": 32, "pixel_size_angstrom": PIXEL_SIZE}
        return write_bild(shown, path, overwrite=overwrite, **grid)

    def motion_table(self, progress=None, stop=None):
        table = super().motion_table(progress, stop)
        if self.paired:
            return table
        nothing = np.full(len(table), np.nan, dtype=np.float32)
        return replace(table, rms_error=nothing, estimated_error=nothing)

    def verdict(self, progress=None, stop=None) -> SimpleNamespace:
        if self.moves:
            sentence = "Motion beyond its error: 6 A against 2 A."
            return SimpleNamespace(level="clear", sentence=sentence, advice="", warnings=())
        sentence = "No motion beyond its error: 0.8 A against 2 A."
        advice = "Take the consensus as it is: conformix analyze JOB says more."
        return SimpleNamespace(level="none", sentence=sentence, advice=advice, warnings=("Few.",))


class TrueMethod:
    """The arm turns about the origin; half 2 errs at it by a constant."""

    title, device, independent_halves, halves = "Truth", torch.device("cpu"), True, (1, 2)
    has_displacement = True

    def __init__(self, job: SwingingJob) -> None:
        self._job = job

    def consensus_positions(self, half: int) -> torch.Tensor:
        """The body, and the arm's end."""
        body = np.stack(np.meshgrid([-6.0, 0, 6], [-22.0, -16, -10], [-6.0, 0, 6]), axis=-1)
        return torch.from_numpy(np.vstack([body.reshape(-1, 3), ARM]).astype(np.float32))

    def displacement(
        self, latent: torch.Tensor, positions: torch.Tensor, half: int
    ) -> torch.Tensor:
        near = torch.linalg.norm(positions - torch.from_numpy(ARM), dim=1) < 15.0
        moves = [swing(self._job.angle_of(z.numpy(), half)) for z in latent]
        if half == 2:
            moves = [move + np.array([ERROR, 0, 0], dtype=np.float32) for move in moves]
        field = torch.from_numpy(np.stack(moves)).float()[:, None, :]
        return field * near[None, :, None]


def swing(angle: float) -> np.ndarray:
    """(3,) A: where the arm's end goes from its place in the consensus; out of every plane, so
    that an axis turned round shows."""
    a = np.deg2rad(angle)
    return np.array([30 * np.sin(a), 30 * np.cos(a) - 30, 14 * np.sin(a)], dtype=np.float32)
