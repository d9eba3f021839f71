"""Maps of the particles: spaces, two axes of one, and the way back to a latent.

A space gives coordinates to particles. Two halves trained independently have unrelated latent
axes, so no space mixes their latents; the motion map, which describes what a latent *does*, holds
both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from napari_conformix.analysis import NearestLatents
    from napari_conformix.training.latent_table import LatentTable

Show = Literal["all", "half 1", "half 2", "validation"]

#: the circle around the cursor whose particles are counted, as a share of the map's width
_NEARBY_SHARE: Final = 0.04


@dataclass(frozen=True)
class Space:
    """Coordinates (n, k) of `rows`; `inverse` maps (k,) back to a latent where that is exact."""

    key: str
    title: str
    rows: np.ndarray
    coordinates: np.ndarray
    axes: tuple[str, ...]
    unit: str
    half: int
    epoch: int
    explanation: str
    share: np.ndarray | None = None
    centre: np.ndarray | None = None
    inverse: Callable[[np.ndarray], np.ndarray] | None = field(default=None, compare=False)
    #: (n, d) latents -> (n, k), where the axes are directions of the latent space
    project: Callable[[np.ndarray], np.ndarray] | None = field(default=None, compare=False)

    def axis_label(self, axis: int) -> str:
        """'Motion 1 (Å RMS), 63 % of the variance'."""
        label = self.axes[axis] + (f" ({self.unit})" if self.unit else "")
        if self.share is not None:
            label += f", {100 * self.share[axis]:.0f} % of variance"
        return label


@dataclass(frozen=True)
class Spot:
    """What a point of the map stands for: a latent of one half, and how many particles are near."""

    latent: np.ndarray
    half: int
    nearby: int
    xy: tuple[float, float]


@dataclass(frozen=True)
class Past:
    """An earlier epoch to look back at: its latents, and whether its model is kept."""

    latents: LatentTable
    has_model: bool


@dataclass(frozen=True)
class MapView:
    """Two axes of a space, of the particles that the filter lets through.

    `rows` (n,) are rows of the particle file, `xy` (n, 2) their places, `latents` (n, d).
    `past` is the earlier epoch that the map looks back at, None for the job's result so far;
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
    def nearby_radius(self) -> float:
        """Within this distance of a point of the map particles count as nearby."""
        low, high = self.extent
        return _NEARBY_SHARE * float(np.max(high - low))

    def spot(self, xy: tuple[float, float], half: int) -> Spot:
        """The latent to decode at a point of the map, with the model of `half`.

        Exact where the map has an inverse (components that are not shown at their mean);
        otherwise a mean of the nearest particles of that half. A half without particles in this
        map gives way to one that has some.
        """
        nearest = self._nearest
        if half not in nearest.halves:
            half = nearest.halves[0]
        found = nearest.query(xy, half)
        latent = found.latent
        if self.space.inverse is not None and self.space.centre is not None:
            coordinates = self.space.centre.copy()
            coordinates[list(self.axes)] = xy
            latent = self.space.inverse(coordinates)
        return Spot(latent, half, found.support, xy)

    def row_near(self, xy: tuple[float, float]) -> int:
        """The particle nearest to a point of the map."""
        return int(self.rows[np.square(self.xy - np.asarray(xy)).sum(axis=1).argmin()])

    def place_of(self, row: int) -> tuple[float, float] | None:
        """Where a particle is in the map; None where the map does not show it."""
        index = int(np.searchsorted(self.rows, row))
        if index == len(self.rows) or self.rows[index] != row:
            return None
        return float(self.xy[index, 0]), float(self.xy[index, 1])

    @cached_property
    def _nearest(self) -> NearestLatents:
        from napari_conformix.analysis import NearestLatents

        return NearestLatents(self.xy, self.latents, self.row_half, radius=self.nearby_radius)


def available(latents: LatentTable) -> list[tuple[str, str]]:
    """Keys and titles of the spaces of a table, the one to start with first."""
    spaces = []
    two_halves = halves(latents) == [1, 2]
    if has_motion(latents):
        spaces.append(("motion", "Motion map (both halves)" if two_halves else "Motion map"))
    for half in halves(latents):
        of = f" of half {half}" if half else ""
        spaces.append((f"pca{half}", f"Principal components{of}"))
    for half in halves(latents):
        of = f" of half {half}" if half else ""
        spaces.append((f"latent{half}", f"Latent axes{of}"))
    return spaces


def build(key: str, latents: LatentTable, previous: Space | None = None) -> Space:
    """The space of that key. Signs of axes follow `previous`, so that a refresh does not flip."""
    if key == "motion":
        space = _motion(latents)
    else:
        kind, half = key[:-1], int(key[-1])
        space = (_principal if kind == "pca" else _raw)(latents, half, key)
    if previous is not None and previous.key == key:
        space = _with_signs_of(space, previous)
    return space


def at_epoch(base: Space, latents: LatentTable) -> Space:
    """The same axes as `base` with the latents of an earlier epoch.

    Components and latent axes stay the directions that they are in `base`, so that a place of the
    map stands for the same latent in every epoch. A UMAP has no place for other latents: it stays.
    """
    if base.key == "motion" and latents.motion is not None:
        return _with_signs_of(_motion(latents), base)
    if base.project is None:
        return base
    return replace(
        base,
        coordinates=np.asarray(base.project(latents.mean[base.rows]), dtype=np.float32),
        epoch=latents.epoch,
        share=None,
        explanation=f"{base.explanation} The axes are those of epoch {base.epoch}.",
    )


def embedding(key: str, title: str, base: Space, coordinates: np.ndarray, epoch: int) -> Space:
    """A UMAP (n, 2) of the particles of `base`."""
    return Space(
        key,
        title,
        base.rows,
        np.asarray(coordinates, dtype=np.float32),
        ("UMAP 1", "UMAP 2"),
        "",
        base.half,
        epoch,
        f"UMAP of: {base.title}, epoch {epoch}. Neighbours stay neighbours; distances and axes "
        "mean nothing by themselves.",
    )


def view(
    space: Space,
    axes: tuple[int, int],
    show: Show,
    latents: LatentTable,
    past: Past | None = None,
) -> MapView:
    """Two axes of a space with the particles of the filter `show`; `latents` are those of `past`
    where the map looks back."""
    half = latents.half[space.rows]
    wanted = {
        "all": slice(None),
        "half 1": half == 1,
        "half 2": half == 2,
        "validation": latents.validation[space.rows],
    }[show]
    xy = np.ascontiguousarray(space.coordinates[wanted][:, list(axes)], dtype=np.float32)
    rows = space.rows[wanted]
    made = MapView(space, axes, show, rows, xy, latents.mean[rows], half[wanted])
    if past is not None:
        made = replace(made, past=past.latents.epoch, has_model=past.has_model)
    made.extent  # noqa: B018 - computed here, in a worker, and not when the window draws
    return made


def component(space: Space, axis: int, count: int) -> np.ndarray:
    """(count,) one coordinate of every row of the file; NaN where the space has none."""
    values = np.full(count, np.nan, dtype=np.float32)
    values[space.rows] = space.coordinates[:, axis]
    return values


def has_motion(latents: LatentTable) -> bool:
    """Whether particles can be placed by what their latents do to the molecule, and not only by
    the latents themselves, which is all that a method with volumes gives."""
    return latents.motion is not None and (latents.motion_unit != "" or halves(latents) != [0])


def in_angstrom(latents: LatentTable) -> bool:
    """Whether the particles' motions are known as displacements."""
    return latents.motion is not None and latents.motion_unit in ("A", "Å")


def halves(latents: LatentTable) -> list[int]:
    """The half sets of a table, sorted; 0 alone for a method with one model."""
    return [int(h) for h in np.unique(latents.half)]


def _rows(latents: LatentTable, half: int) -> np.ndarray:
    """Rows of a half that have a latent."""
    rows = np.flatnonzero((latents.half == half) & np.isfinite(latents.mean).all(axis=1))
    return rows.astype(np.int64)


def _motion(latents: LatentTable) -> Space:
    motion = latents.motion
    assert motion is not None  # only then is this space offered
    rows = np.flatnonzero(np.isfinite(motion).all(axis=1)).astype(np.int64)
    coordinates = np.asarray(motion[rows], dtype=np.float32)
    share = latents.motion_variance  # of all motion, also of what these coordinates leave out
    if share is None:
        variance = coordinates.var(axis=0) if len(rows) else np.zeros(motion.shape[1])
        share = variance / (variance.sum() or 1.0)
    unit = {"A": "Å RMS", "Å": "Å RMS"}.get(latents.motion_unit or "", latents.motion_unit or "")
    both = halves(latents) == [1, 2]
    explanation = "Each particle by what its latent does to the molecule."
    if both:
        explanation += (
            " Both halves share these axes; their latents do not, they were trained independently."
        )
    return Space(
        "motion",
        dict(available(latents))["motion"],
        rows,
        coordinates,
        tuple(f"Motion {i + 1}" for i in range(coordinates.shape[1])),
        unit,
        0,
        latents.epoch,
        explanation,
        share=share,
    )


def _principal(latents: LatentTable, half: int, key: str) -> Space:
    from napari_conformix.analysis import pca

    rows = _rows(latents, half)
    projection = pca(latents.mean[rows])
    coordinates = np.asarray(projection.transform(latents.mean[rows]), dtype=np.float32)

    def project(points: np.ndarray) -> np.ndarray:
        return np.asarray(projection.transform(points), dtype=np.float32)

    def inverse(point: np.ndarray) -> np.ndarray:
        latent: np.ndarray = projection.inverse(point[None])[0].astype(np.float32)
        return latent

    return Space(
        key,
        dict(available(latents))[key],
        rows,
        coordinates,
        tuple(f"PC {i + 1}" for i in range(coordinates.shape[1])),
        "",
        half,
        latents.epoch,
        _only_half(half) + "At the cursor the components that are not shown are zero.",
        share=np.asarray(projection.explained_variance_ratio),
        centre=np.zeros(coordinates.shape[1], dtype=np.float32),
        inverse=inverse,
        project=project,
    )


def _raw(latents: LatentTable, half: int, key: str) -> Space:
    rows = _rows(latents, half)
    coordinates = np.asarray(latents.mean[rows], dtype=np.float32)
    return Space(
        key,
        dict(available(latents))[key],
        rows,
        coordinates,
        tuple(f"Latent {i + 1}" for i in range(coordinates.shape[1])),
        "",
        half,
        latents.epoch,
        _only_half(half) + "At the cursor the axes that are not shown are at their mean.",
        centre=coordinates.mean(axis=0) if len(rows) else np.zeros(latents.mean.shape[1]),
        inverse=lambda point: np.asarray(point, dtype=np.float32),
        project=lambda points: points,
    )


def _only_half(half: int) -> str:
    if not half:
        return ""
    return (
        f"Only particles of half {half}: the halves were trained independently and their latent "
        "axes are unrelated. "
    )


def _with_signs_of(space: Space, previous: Space) -> Space:
    """Turn axes round that run against those of an earlier epoch."""
    k = min(space.coordinates.shape[1], previous.coordinates.shape[1])
    _, mine, theirs = np.intersect1d(
        space.rows, previous.rows, assume_unique=True, return_indices=True
    )
    signs = np.ones(space.coordinates.shape[1], dtype=np.float32)
    if len(mine) > 1 and space.key[:-1] != "latent":
        ours, old = space.coordinates[mine, :k], previous.coordinates[theirs, :k]
        along = ((ours - ours.mean(0)) * (old - old.mean(0))).sum(axis=0)
        signs[:k] = np.where(along < 0, -1.0, 1.0)
    if np.all(signs > 0):
        return space
    inverse, project = space.inverse, space.project
    return replace(
        space,
        coordinates=space.coordinates * signs,
        centre=None if space.centre is None else space.centre * signs,
        inverse=None if inverse is None else lambda point: inverse(point * signs),
        project=None if project is None else lambda points: project(points) * signs,
    )
