"""The particles that the steps of a selection mean, found in the latents of any job.

A step that was drawn in a view is looked up in the view of the same kind and the same axes; a range
in the quantity of that name; a cluster in the set of that name. What has no meaning elsewhere is
refused with a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from napari_conformix.analysis.selections import view_steps
from napari_conformix.analysis.selections import words as selection_words
from napari_conformix.analysis.selections.history import SelectionHistory
from napari_conformix.analysis.selections.motion_limits import MotionLimits
from napari_conformix.analysis.selections.selection import Mask, Step
from napari_conformix.analysis.spaces import COLUMNS, Alignment, Space, quantity, spaces
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.latent_table import LatentTable

#: quantities that are axes of a view: kind of the view, axis from 1, half
_AXIS: Final = re.compile(r"(motion|PC|latent) (\d+)(?: of half ([12]))?")
_VIEW_OF: Final = {"motion": "motion", "PC": "pca", "latent": "latent"}

#: lays the coordinates of a space over those that a step with these axes was drawn on
Align = Callable[[Step, Space, tuple[int, ...]], Alignment | None]


class CannotReplayError(UserError):
    """A step has no meaning in this job; says which step and why."""


@dataclass(frozen=True)
class Ground:
    """The particles of one job, in which steps are looked up.

    labels   name of a set of clusters -> (N,) cluster of every particle, from 0
    umap     key of a UMAP -> its space; UserError where there is none
    motions  the table of all motions, which may have to be computed
    rows_of  a step that lists rows of a file -> (N,) bool
    """

    latents: LatentTable
    particles: ParticleSet | None = None
    labels: Callable[[str], npt.NDArray[Any]] | None = None
    umap: Callable[[str], Space] | None = None
    motions: Callable[[], MotionTable | None] | None = None
    rows_of: Callable[[Step], Mask] | None = None
    _spaces: dict[str, Space] = field(default_factory=dict, repr=False)

    def space(self, step: Step) -> Space:
        """The view of a step; UserError where this job has none such."""
        key = step["embedding"]
        if key == COLUMNS:  # of any two quantities: their names are those of the axes
            one, two = (self._quantity(name) for name in step["axes"][:2])
            names, units = (one.name, two.name), (one.unit, two.unit)
            return spaces.columns(self.latents, names, (one.values(), two.values()), units)
        if key not in self._spaces:
            self._spaces[key] = self._build(key)
        return self._spaces[key]

    def words(self, name: str) -> npt.NDArray[Any]:
        """(N,) a quantity of words; of images their stack, as they are coloured by. UserError where
        there is none of that name."""
        return np.array([str(w).rpartition("@")[2] for w in self._quantity(name).values()])

    def values(self, name: str) -> npt.NDArray[np.float64]:
        """(N,) a quantity of that name; UserError where there is none or it has words."""
        found = self._quantity(name).values()
        if np.asarray(found).dtype.kind not in "iufb":
            raise UserError(f"{name} has words, and a range needs numbers")
        return np.asarray(found, dtype=np.float64)

    def _quantity(self, name: str) -> Any:
        return quantity(name, self.latents, self.particles, self.motions)

    def _build(self, key: str) -> Space:
        if key.startswith("umap"):
            if self.umap is None:
                raise UserError("a UMAP of one run has nothing in common with that of another")
            return self.umap(key)
        offered = dict(spaces.available(self.latents))
        if key not in offered:
            raise UserError(
                f"it was drawn in a view that this job does not have; it has: "
                f"{', '.join(offered.values())}"
            )
        return spaces.build(key, self.latents)


def replay_steps(
    total: int, steps: Sequence[Step], ground: Ground, align: Align | None = None
) -> SelectionHistory:
    """Do the steps of a selection again with the `total` particles of another job, or with newer
    latents. CannotReplayError names the first step that has no meaning there."""
    numbered = {id(step): number for number, step in enumerate(steps, start=1)}

    def rows_of(step: Step) -> Mask:
        try:
            return rows_of_step(step, ground, align)
        except CannotReplayError:
            raise  # of a step within: it says which
        except UserError as error:
            raise CannotReplayError(
                f"Step {numbered[id(step)]} ({selection_words.words_of(step)}) cannot be replayed: "
                f"{str(error).rstrip('.')}."
            ) from error

    return SelectionHistory.replay(total, steps, rows_of)


def rows_of_step(step: Step, ground: Ground, align: Align | None = None) -> Mask:
    """(N,) bool: the particles that a step takes, whatever it then does with them.

    `align` lays views over those that the step was drawn in; without it they are taken as they are.
    UserError says why a step has no meaning here.
    """
    kind = step.get("kind")
    total = len(ground.latents.mean)
    if "job" in step and kind in view_steps.KINDS:
        raise UserError(
            f"it was drawn in the view of {step['job']}, which stood next to the job; replay it "
            f"there"
        )
    if kind in view_steps.KINDS:
        return _in_view(step, ground, align)
    if kind == "range":
        return _in_range(step, ground, align)
    if kind == "category":
        return np.asarray(ground.words(step["column"]) == step["value"])
    if kind in ("cluster", "clusters"):
        return _in_clusters(step, ground)
    if kind == "saved":
        return replay_steps(total, step["steps"], ground, align).mask
    if kind == "motion":
        return _by_motion(step, ground)
    if kind == "rows" and ground.rows_of is not None:
        return ground.rows_of(step)
    if kind == "replayed":
        raise UserError(
            f"it was itself replayed; replay '{step['name']}' of {Path(step['job']).name} instead"
        )
    raise UserError("it keeps which particles were taken, and no rule by which to find others")


def _in_view(step: Step, ground: Ground, align: Align | None) -> Mask:
    space = ground.space(step)
    try:
        axes = tuple(space.axes.index(name) for name in step["axes"])
    except ValueError:
        raise UserError(f"the view has no such axes here; it has {', '.join(space.axes)}") from None
    rows, coordinates = space.rows, space.coordinates
    show, latents = step.get("show", "all"), ground.latents
    if show != "all":
        shown = latents.validation if show == "validation" else latents.half == int(show[-1])
        rows, coordinates = rows[shown[space.rows]], coordinates[shown[space.rows]]
    alignment = None if align is None else align(step, space, axes)
    placed = coordinates[:, list(axes)] if alignment is None else alignment.place(coordinates)
    mask = np.zeros(len(latents.mean), dtype=bool)
    mask[rows[view_steps.inside(step, placed)]] = True
    return mask


def _in_range(step: Step, ground: Ground, align: Align | None) -> Mask:
    low, high = selection_words.limits(step)
    values = ground.values(step["column"])
    axis = view_of_quantity(step["column"])
    if align is not None and axis is not None:
        drawn = {"embedding": axis[0], "axes": [axis[1]], "epoch": step.get("epoch")}
        space = ground.space(drawn)
        alignment = align({**step, **drawn}, space, (space.axes.index(axis[1]),))
        if alignment is not None:
            values = np.full(len(values), np.nan)
            values[space.rows] = alignment.place(space.coordinates)[:, 0]
    return in_limits(values, low, high)


def in_limits(values: npt.NDArray[Any], low: float | None, high: float | None) -> Mask:
    """(N,) which values lie between two limits, which count in; NaN never does."""
    inside: Mask = np.isfinite(values)
    if low is not None:
        inside &= values >= low
    if high is not None:
        inside &= values <= high
    return inside


def view_of_quantity(name: str) -> tuple[str, str] | None:
    """('pca2', 'PC 1') for 'PC 1 of half 2': the view that a quantity is an axis of, and which;
    None for quantities that mean the same in every run."""
    found = _AXIS.fullmatch(name)
    if found is None:
        return None
    kind, number, half = found.groups()
    key = _VIEW_OF[kind] + ("" if kind == "motion" else half or "0")
    return key, f"{kind[0].upper()}{kind[1:]} {number}"


def _in_clusters(step: Step, ground: Ground) -> Mask:
    if ground.labels is None:
        raise UserError("this job has no clusters")
    labels, numbers = ground.labels(step["set"]), selection_words.cluster_numbers(step)
    missing = [number for number in numbers if not 1 <= number <= labels.max(initial=-1) + 1]
    if missing:
        raise UserError(
            f"the set '{step['set']}' has {labels.max(initial=-1) + 1} clusters here, and no "
            f"cluster {missing[0]}"
        )
    return np.isin(labels, [number - 1 for number in numbers])


def _by_motion(step: Step, ground: Ground) -> Mask:
    table = None if ground.motions is None else ground.motions()
    if table is None:
        raise UserError("the motions of this job's particles in A are not known")
    limits = MotionLimits(**{f.name: step[f.name] for f in fields(MotionLimits) if f.name in step})
    return limits.hold(table.rms_displacement, table.estimated_error)
