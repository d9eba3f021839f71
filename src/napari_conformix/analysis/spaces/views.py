"""Views of the particles: two axes of a space, and the way back to a latent.

The spaces themselves are made in `spaces`; their names are here too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from napari_conformix.analysis.spaces.spaces import (
    COLUMNS,
    Space,
    at_epoch,
    available,
    build,
    columns,
    component,
    embedding,
    halves,
    has_motion,
    in_angstrom,
)

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces.nearest import NearestLatents
    from napari_conformix.analysis.spaces.support import DataSupport
    from napari_conformix.training.latent_table import LatentTable

__all__ = [
    "COLUMNS",
    "LatentView",
    "Past",
    "Show",
    "Space",
    "Spot",
    "at_epoch",
    "available",
    "build",
    "columns",
    "component",
    "embedding",
    "halves",
    "has_motion",
    "in_angstrom",
    "view",
]

Show = Literal["all", "half 1", "half 2", "validation"]

#: the circle around the cursor whose particles are counted, as a share of the view's width
_NEARBY_SHARE: Final = 0.04
#: particles that show whether a latent is like any; fewer show nothing
_FEWEST_SAMPLED, _MOST_SAMPLED = 50, 5_000


@dataclass(frozen=True)
class Spot:
    """What a point of the view stands for: a latent of one half, and how many particles are near.

    `seen` is False where no particle has a latent like this one, though some may be near on the
    map: an exact inverse sets the components that are not shown to their mean.
    """

    latent: np.ndarray
    half: int
    nearby: int
    xy: tuple[float, float]
    seen: bool = True


@dataclass(frozen=True)
class Past:
    """An earlier epoch to look back at: its latents, and whether its model is kept."""

    latents: LatentTable
    has_model: bool


@dataclass(frozen=True)
class LatentView:
    """Two axes of a space, of the particles that the filter lets through.

    `rows` (n,) are rows of the particle file, `xy` (n, 2) their places, `latents` (n, d).
    `past` is the earlier epoch that the view looks back at, None for the job's result so far;
    `has_model` is False where no model of that epoch is kept to decode with.
    """

    space: Space
    axes: tuple[int, int]
    show: Show
    rows: np.ndarray
    xy: np.ndarray
    latents: np.ndarray
    row_half: np.ndarray
    past: int | None = None
    has_model: bool = True

    @cached_property
    def extent(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner (x, y) that hold all but stray particles."""
        if not len(self.xy):
            return np.zeros(2), np.ones(2)
        low, high = np.percentile(self.xy, (0.2, 99.8), axis=0)
        return low, np.where(high > low, high, low + 1.0)

    @cached_property
    def stretch(self) -> float:
        """How many times longer a unit of y is drawn than one of x, so that axes of different
        units fill the view; 1 where both measure the same."""
        if self.space.one_scale:
            return 1.0
        low, high = self.extent
        return float((high[0] - low[0]) / (high[1] - low[1]))

    @cached_property
    def nearby_radius(self) -> float:
        """Within this distance of a point of the view particles count as nearby; in units of x."""
        low, high = self.extent
        return _NEARBY_SHARE * float(np.max((high - low) * [1.0, self.stretch]))

    def spot(self, xy: tuple[float, float], half: int) -> Spot:
        """The latent to decode at a point of the view, with the model of `half`.

        Exact where the view has an inverse (components that are not shown at their mean);
        otherwise a mean of the nearest particles of that half. A half without particles in this
        view gives way to one that has some.
        """
        nearest = self._nearest
        if half not in nearest.halves:
            half = nearest.halves[0]
        found = nearest.query((xy[0], xy[1] * self.stretch), half)
        if self.space.inverse is None or self.space.centre is None:
            return Spot(found.latent, half, found.support, xy)
        coordinates = self.space.centre.copy()
        coordinates[list(self.axes)] = xy
        latent = self.space.inverse(coordinates)
        seen = len(self.latents) < _FEWEST_SAMPLED or self._data.covers(latent)
        return Spot(latent, half, found.support, xy, seen)

    def row_near(self, xy: tuple[float, float]) -> int:
        """The particle nearest to a point of the view."""
        x, y = ((self.xy - np.asarray(xy, dtype=np.float32)) * self._drawn_scale).T
        return int(self.rows[(x * x + y * y).argmin()])

    def place_of(self, row: int) -> tuple[float, float] | None:
        """Where a particle is in the view; None where the view does not show it."""
        index = int(np.searchsorted(self.rows, row))
        if index == len(self.rows) or self.rows[index] != row:
            return None
        return float(self.xy[index, 0]), float(self.xy[index, 1])

    @cached_property
    def _data(self) -> DataSupport:
        """Where there is data in latent space, by a sample: it is asked at every move of the
        cursor. For a view with an inverse, whose particles are all of one half."""
        from napari_conformix.analysis.spaces.support import DataSupport

        stride = -(-len(self.latents) // _MOST_SAMPLED)
        return DataSupport.of(self.latents[::stride])

    @cached_property
    def _nearest(self) -> NearestLatents:
        from napari_conformix.analysis.spaces.nearest import NearestLatents

        places = self.xy if self.stretch == 1.0 else self.xy * self._drawn_scale
        return NearestLatents(places, self.latents, self.row_half, radius=self.nearby_radius)

    @property
    def _drawn_scale(self) -> np.ndarray:
        """(2,) what x and y are multiplied with before distances mean what the eye sees."""
        return np.array([1.0, self.stretch], dtype=np.float32)


def view(
    space: Space,
    axes: tuple[int, int],
    show: Show,
    latents: LatentTable,
    past: Past | None = None,
) -> LatentView:
    """Two axes of a space with the particles of the filter `show`; `latents` are those of `past`
    where the view looks back."""
    half = latents.half[space.rows]
    wanted = {
        "all": slice(None),
        "half 1": half == 1,
        "half 2": half == 2,
        "validation": latents.validation[space.rows],
    }[show]
    xy = np.ascontiguousarray(space.coordinates[wanted][:, list(axes)], dtype=np.float32)
    rows = space.rows[wanted]
    made = LatentView(space, axes, show, rows, xy, latents.mean[rows], half[wanted])
    if past is not None:
        made = replace(made, past=past.latents.epoch, has_model=past.has_model)
    made.extent  # noqa: B018 - computed here, in a worker, and not when the window draws
    return made
