"""Selections made on the command line: a list of rows, or a range of a column."""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError

if TYPE_CHECKING:
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
