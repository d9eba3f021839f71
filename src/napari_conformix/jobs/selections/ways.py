"""Ways to select particles of a job without a window, each with the record of how it was done."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.analysis.selections import (
    Action,
    Mask,
    MotionLimits,
    Selection,
    SelectionHistory,
    Step,
    in_limits,
    view_steps,
)
from napari_conformix.analysis.spaces import quantities
from napari_conformix.errors import UserError
from napari_conformix.jobs.clusters import ClusterSet, sets_of
from napari_conformix.jobs.motion import deformations_of
from napari_conformix.jobs.selections.saved import load_selection
from napari_conformix.runs import layout

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.jobs.folder import JobFolder

#: latent2 for 'latent 2', and the like
_SHORT: Final = re.compile(r"(latent|motion|pc) ?(\d+)( of half [12])?", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """Particles (N,) bool, how they were found, the epoch of the latents that this depends on, and
    a word on what there was to find, for when nothing was."""

    mask: Mask
    step: Step
    epoch: int | None = None
    among: str = ""


def make_selection(
    job: "JobFolder", name: str, found: Found, action: Action = "replace", onto: str | None = None
) -> Selection:
    """What was found as a selection; or a saved one of the name `onto` with it added, taken out
    ('remove') or intersected. Not saved yet. UserError when nothing is left."""
    history = SelectionHistory(len(found.mask))
    colour, epoch = "", found.epoch
    if onto is not None:
        before = load_selection(job, onto)
        history.replace(before.rows, kind="saved", name=onto, steps=list(before.how))
        colour, epoch = before.colour, before.epoch if epoch is None else epoch
    history.apply(action, found.mask, **found.step)
    if not history.count:
        by = f" by {found.among}" if found.among else ""
        raise UserError(f"No particle is selected{by}; nothing was saved.")
    return history.to_selection(name, epoch=epoch, colour=colour)


def rows_of_file(job: "JobFolder", path: Path) -> Found:
    """The rows, from 0, that a file lists: .npy or .pkl of numbers or of bool, or text."""
    from napari_conformix.particles.latents import read_indices

    total = len(job.particles)
    mask = np.zeros(total, dtype=bool)
    mask[read_indices(path, total)] = True
    return Found(mask, {"kind": "rows", "file": str(path.absolute())}, among=str(path))


def in_range(job: "JobFolder", name: str, low: float | None, high: float | None) -> Found:
    """Particles with a value between two limits, which count in, of a column of the particle file
    or another quantity (`analysis.particle_values`)."""
    if low is None and high is None:
        raise UserError(f"Give --min, --max or both for the range of {name}.")
    name, values, epoch = values_of(job, name)
    step = {"kind": "range", "column": name, "low": low, "high": high}
    if epoch is not None:
        step["epoch"] = epoch
    among = f"{name} (which goes from {np.nanmin(values):.6g} to {np.nanmax(values):.6g})"
    return Found(in_limits(values, low, high), step, epoch, among)


def values_of(job: "JobFolder", name: str) -> tuple[str, NDArray[np.float64], int | None]:
    """The full name of a quantity, (N,) its numbers, and the epoch where it is of the latents."""
    trained = (job.folder / layout.LATENTS).exists()
    known = job.particles.columns
    if name in known:
        values, epoch = job.particles.column(name), None
    elif not trained:
        raise UserError(
            f"There is no column {name!r}; there are {', '.join(known)}, and once the job is "
            "trained latent 1, motion 1 and the like."
        )
    else:
        latents = job.latents()
        motions = deformations_of(job).motion_table if job.method_class.has_displacement else None
        offered = {one.name: one for one in quantities(latents, job.particles, motions)}
        name = _full_name(name, list(offered))
        values, epoch = offered[name].values(), latents.epoch
    try:
        return name, np.asarray(values).astype(np.float64), epoch
    except ValueError as error:
        raise UserError(f"The column {name} does not hold numbers: {error}.") from error


def in_clusters(job: "JobFolder", numbers: Sequence[int], of: str | None) -> Found:
    """Particles of clusters, numbered from 1, of a set; of the only one without `of`."""
    sets = sets_of(job.folder)
    if of is None and len(sets) > 1:
        raise UserError(f"Say which clusters are meant: --of {' or --of '.join(sets)}.")
    if of is None and not sets:
        raise UserError(
            f"{job.folder} has no clusters yet; make some: conformix clusters {job.folder} -k 6"
        )
    chosen = ClusterSet(job, of or sets[0]).selection_of([n - 1 for n in numbers], "chosen")
    step = {key: value for key, value in chosen.how[0].items() if key != "action"}
    return Found(chosen.mask, step, chosen.epoch)


def in_saved(job: "JobFolder", name: str) -> Found:
    """Particles of a saved selection."""
    saved = load_selection(job, name)
    step = {"kind": "saved", "name": name, "steps": list(saved.how)}
    return Found(saved.mask, step, saved.epoch)


def nearest_in_view(
    job: "JobFolder", view: "LatentView", xy: tuple[float, float], count: int
) -> Found:
    """The particles nearest to a point of a view: in the view, not in the latent space."""
    if count < 1:
        raise UserError("The number of nearest particles must be at least 1.")
    return _drawn(job, view, view_steps.nearest_step(view, xy, count))


def in_polygon(job: "JobFolder", view: "LatentView", polygon: ArrayLike) -> Found:
    """Particles inside a polygon (n, 2) in the coordinates of a view."""
    corners = np.asarray(polygon, dtype=float)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise UserError("A polygon needs three or more corners, x,y each.")
    if not np.isfinite(corners).all():
        raise UserError("The corners of a polygon must be finite numbers.")
    return _drawn(job, view, view_steps.lasso_step(view, corners))


def by_motion(
    job: "JobFolder", limits: MotionLimits, progress: Callable[[float], None] | None = None
) -> Found:
    """Particles whose motion and error meet the limits."""
    table = deformations_of(job).motion_table(progress)
    assert table is not None  # nothing asks it to stop
    needs_error = set(limits.given) - {"motion_above"}
    if needs_error and not np.isfinite(table.estimated_error).any():
        raise UserError(
            "The errors of this job's motions are not known: there are no held-out particles that "
            "two models could be compared with. Only --motion-above can be used."
        )
    mask = limits.hold(table.rms_displacement, table.estimated_error)
    step = {"kind": "motion", **limits.given}
    return Found(mask, step, table.epoch, _ranges(table, limits))


def _ranges(table: "MotionTable", limits: MotionLimits) -> str:
    """The limits, and what values there are."""
    words = " ".join(f"--{key.replace('_', '-')} {value:g}" for key, value in limits.given.items())
    motion, error = table.rms_displacement, table.estimated_error
    text = f"{words} (RMS motions go from {motion.min():.3g} to {motion.max():.3g} A"
    if np.isfinite(error).any():
        text += f", errors from {np.nanmin(error):.3g} to {np.nanmax(error):.3g} A"
    return text + ")"


def _drawn(job: "JobFolder", view: "LatentView", step: Step) -> Found:
    mask = np.zeros(len(job.latents().mean), dtype=bool)
    mask[view.rows[view_steps.inside(step, view.xy)]] = True
    return Found(mask, step, view.space.epoch, f"what was drawn on {view.space.title}")


def _full_name(name: str, known: list[str]) -> str:
    """'latent 2' for latent2; UserError names what there is."""
    short = _SHORT.fullmatch(name)
    if short is not None:
        kind = short[1].upper() if short[1].lower() == "pc" else short[1].lower()
        name = f"{kind} {short[2]}{short[3] or ''}"
    if name in known:
        return name
    halves = [f"'{one}'" for one in known if one.startswith(f"{name} of half")]
    if halves:
        raise UserError(
            f"The halves were trained independently, and their latent axes have nothing to do with "
            f"each other: say {' or '.join(halves)}, or take a motion coordinate."
        )
    raise UserError(f"There is no column '{name}'; there are {', '.join(known)}.")
