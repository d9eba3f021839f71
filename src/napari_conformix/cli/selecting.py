"""Selections made on the command line: by a list of rows, a range of a column, a cluster, or
motion."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.motion_table import MotionTable
    from napari_conformix.analysis.selection import Selection
    from napari_conformix.jobs import Job

_OF_LATENTS = re.compile(r"(latent|motion)([1-9]\d*)")


def rows_of_file(job: "Job", name: str, path: Path) -> "Selection":
    """The selection of the rows that a file lists: .npy of numbers or of bool, or text."""
    from napari_conformix.analysis.selection import Selection

    total = len(job.particles)
    try:
        if path.suffix.lower() == ".npy":
            rows = np.load(path, allow_pickle=False)
        else:
            rows = np.array([int(word) for word in path.read_text().replace(",", " ").split()])
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a list of rows: {error}") from error
    if rows.dtype == bool:
        if rows.shape != (total,):
            raise UserError(f"{path} has the shape {rows.shape}; the job has {total} particles.")
        rows = np.flatnonzero(rows)
    how = {"action": "replace", "kind": "rows", "file": str(path.absolute())}
    return _refuse_empty(Selection(name, rows, total, (how,)), str(path))


def rows_in_range(
    job: "Job", name: str, column: str, low: float | None, high: float | None
) -> "Selection":
    """The selection of the particles whose value lies between two limits, which count in."""
    from napari_conformix.analysis.selection import Selection

    if low is None and high is None:
        raise UserError(f"Give --min, --max or both for the range of {column}.")
    values, epoch = column_values(job, column)
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    rows = np.flatnonzero((values >= low) & (values <= high))
    limits = [value if math.isfinite(value) else None for value in (low, high)]
    how = {"action": "replace", "kind": "range", "column": column, "range": limits}
    made = Selection(name, rows, len(values), (how,), epoch)
    least, most = np.nanmin(values), np.nanmax(values)
    return _refuse_empty(made, f"{column} (which goes from {least:.6g} to {most:.6g})")


def rows_in_clusters(job: "Job", name: str, numbers: Sequence[int], of: str | None) -> "Selection":
    """The selection of the particles of clusters, numbered from 1, of a set."""
    sets = job.cluster_sets()
    if of is None and len(sets) > 1:
        raise UserError(f"Say which clusters are meant: --of {' or --of '.join(sets)}.")
    if of is None and not sets:
        raise UserError(
            f"{job.folder} has no clusters yet; make some: conformix clusters {job.folder} -k 6"
        )
    return job.cluster_set(of or sets[0]).selection_of([n - 1 for n in numbers], name)


@dataclass(frozen=True)
class MotionLimits:
    """Conditions on particles, all of which must hold; limits count in. Lengths in A."""

    motion_above: float | None = None
    error_below: float | None = None
    error_above: float | None = None
    ratio_above: float | None = None

    @property
    def given(self) -> dict[str, float]:
        """Those that are there."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def hold(self, motion: NDArray[Any], error: NDArray[Any]) -> NDArray[np.bool_]:
        """(N,) for RMS motions and errors (N,); an unknown error (NaN) meets no condition on it."""
        fits = np.ones(len(motion), bool)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = motion / error
        if self.motion_above is not None:
            fits &= motion >= self.motion_above
        if self.error_below is not None:
            fits &= error <= self.error_below
        if self.error_above is not None:
            fits &= error >= self.error_above
        if self.ratio_above is not None:
            fits &= ratio >= self.ratio_above
        return fits


def rows_by_motion(
    job: "Job", name: str, limits: MotionLimits, progress: Callable[[float], None] | None = None
) -> "Selection":
    """The selection of the particles whose motion and error meet the limits."""
    from napari_conformix.analysis.selection import Selection

    table = job.motion_table(progress)
    assert table is not None  # nothing asks it to stop
    needs_error = set(limits.given) - {"motion_above"}
    if needs_error and not np.isfinite(table.estimated_error).any():
        raise UserError(
            "The errors of this job's motions are not known: there are no held-out particles that "
            "two models could be compared with. Only --motion-above can be used."
        )
    rows = np.flatnonzero(limits.hold(table.rms_displacement, table.estimated_error))
    how = {"action": "replace", "kind": "motion", **limits.given}
    return _refuse_empty(
        Selection(name, rows, len(table), (how,), table.epoch), _ranges(table, limits)
    )


def _ranges(table: "MotionTable", limits: MotionLimits) -> str:
    """The limits, and what values there are."""
    words = " ".join(f"--{key.replace('_', '-')} {value:g}" for key, value in limits.given.items())
    motion, error = table.rms_displacement, table.estimated_error
    text = f"{words} (RMS motions go from {motion.min():.3g} to {motion.max():.3g} A"
    if np.isfinite(error).any():
        text += f", errors from {np.nanmin(error):.3g} to {np.nanmax(error):.3g} A"
    return text + ")"


def column_values(job: "Job", column: str) -> tuple[NDArray[Any], int | None]:
    """(N,) numbers of a column, and the epoch if it is one of the latents."""
    known = job.particles.columns
    if column in known:
        try:
            return np.asarray(job.particles.column(column)).astype(np.float64), None
        except ValueError as error:
            raise UserError(f"The column {column} does not hold numbers: {error}.") from error
    found = _OF_LATENTS.fullmatch(column)
    if found is None:
        raise UserError(
            f"There is no column {column!r}; there are {', '.join(known)}, and latent1, ... and "
            "motion1, ... of a trained job."
        )
    table = job.latents()
    values = table.mean if found[1] == "latent" else table.motion
    if values is None or int(found[2]) > values.shape[1]:
        count = 0 if values is None else values.shape[1]
        raise UserError(f"There is no {column}; this job has {count} {found[1]} coordinates.")
    return values[:, int(found[2]) - 1].astype(np.float64), table.epoch


def _refuse_empty(selection: "Selection", where: str) -> "Selection":
    if not len(selection):
        raise UserError(f"No particle is selected by {where}; nothing was saved.")
    return selection
