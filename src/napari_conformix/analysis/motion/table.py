"""How much every particle moves, where, in which direction, and how far to believe it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from napari_conformix.analysis.motion.deformation import Floats
from napari_conformix.analysis.motion.fields import NEIGHBOURS, Fields
from napari_conformix.runs import atomic_npz, formats


@dataclass(frozen=True)
class MotionTable:
    """Row i is row i of the particle file. Displacements are relative to the consensus; those of
    held-out particles are the mean of both halves' models, others are their own half's.

    epoch              of the latents
    rms_displacement   (N,) float32 A over well-spread consensus positions
    peak_displacement  (N,) float32 A: the largest displacement of a position
    peak_position      (N, 3) float32 xyz in A from the centre: where that is
    direction          (N, 3) float32: unit vector of the mean displacement weighted by its amount;
                       0 where nothing moves
    rms_error          (N,) float32 A: difference of the halves' fields; NaN where only one half's
                       latent is known
    estimated_error    (N,) float32 A: `rms_error`, and for the other particles the RMS of those of
                       the nearest held-out particles in their half's latent space; NaN for methods
                       with one model
    """

    epoch: int
    rms_displacement: Floats
    peak_displacement: Floats
    peak_position: Floats
    direction: Floats
    rms_error: Floats
    estimated_error: Floats

    def __len__(self) -> int:
        return len(self.rms_displacement)

    @property
    def ratio(self) -> Floats:
        """(N,) RMS displacement over RMS error; NaN where there is no error of its own."""
        return _ratio(self.rms_displacement, self.rms_error)

    @property
    def estimated_ratio(self) -> Floats:
        """(N,) RMS displacement over the estimated error."""
        return _ratio(self.rms_displacement, self.estimated_error)

    def save(self, path: str | Path) -> None:
        """Write an .npz, all or nothing."""
        arrays = {name: np.asarray(value) for name, value in vars(self).items()}
        atomic_npz(path, **formats.MOTION.array_stamp(), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "MotionTable":
        """Read what `save` wrote; ValueError, KeyError or OSError when it is no such file,
        UserError when it is of a later version."""
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as written:
            data = formats.MOTION.read(written, path)
            arrays = {name: data[name] for name in cls.__annotations__}
        return cls(**{**arrays, "epoch": int(arrays["epoch"])})


def motion_table(
    fields: Fields,
    *,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> MotionTable | None:
    """The motion of all particles; `progress` receives the share done, None when `stop` said so."""
    table, positions = fields.table, fields.table_positions
    count = len(table)
    result = MotionTable(
        table.epoch,
        *(np.zeros(count, np.float32) for _ in range(2)),
        *(np.zeros((count, 3), np.float32) for _ in range(2)),
        *(np.full(count, np.nan, np.float32) for _ in range(2)),
    )
    done = 0

    def told(particles: int) -> bool:
        nonlocal done
        done += particles
        if progress is not None:
            progress(done / count)
        return stop is not None and stop()

    paired = np.zeros(count, bool)
    if fields.paired and table.validation_rows is not None:
        held_out = table.validation_rows
        paired[held_out] = True
        first, second = fields.held_out_latents()
        for (part, one), (_, other) in zip(
            fields.chunks(first, positions, 1), fields.chunks(second, positions, 2), strict=True
        ):
            rows = held_out[part]
            _describe(result, rows, np.float32(0.5) * (one + other), positions)
            result.rms_error[rows] = np.sqrt(np.square(one - other).sum(axis=2).mean(axis=1))
            if told(len(rows)):
                return None
    for half in fields.method.halves:
        mine = np.flatnonzero(~paired & ((table.half == half) | (half == 0)))
        for part, field in fields.chunks(table.mean[mine], positions, half):
            _describe(result, mine[part], field, positions)
            if told(len(field)):
                return None
    if paired.any():
        _estimate_errors(result, fields, paired)
    return result


def _describe(
    table: MotionTable, rows: npt.NDArray[np.int64], field: Floats, positions: Floats
) -> None:
    """Fill the rows of particles whose fields are (m, p, 3)."""
    amount = np.linalg.norm(field, axis=2)  # (m, p)
    peak = amount.argmax(axis=1)
    table.rms_displacement[rows] = np.sqrt(np.square(amount).mean(axis=1))
    table.peak_displacement[rows] = np.take_along_axis(amount, peak[:, None], axis=1)[:, 0]
    table.peak_position[rows] = positions[peak]
    weighted = (field * amount[..., None]).sum(axis=1)
    length = np.linalg.norm(weighted, axis=1, keepdims=True)
    table.direction[rows] = weighted / np.where(length > 0, length, 1.0)


def _estimate_errors(table: MotionTable, fields: Fields, paired: npt.NDArray[np.bool_]) -> None:
    """Fill `estimated_error`: neighbours' RMS error for particles without one of their own."""
    latents, held_out = fields.table, fields.table.validation_rows
    assert held_out is not None
    table.estimated_error[held_out] = table.rms_error[held_out]
    squares = np.square(table.rms_error[held_out])
    for half, known in zip((1, 2), fields.held_out_latents(), strict=True):
        mine = np.flatnonzero(~paired & (latents.half == half))
        near = min(NEIGHBOURS, len(known))
        _, index = cKDTree(known).query(latents.mean[mine], k=np.arange(1, near + 1))
        table.estimated_error[mine] = np.sqrt(squares[index].mean(axis=1))


def _ratio(displacement: Floats, error: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(displacement / error, np.float32)
