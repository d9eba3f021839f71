"""Paths through the latent space of one half: along a coordinate, over a map, through the data.

A straight line along a component sets all other components to their mean, and a point of a map
fixes two coordinates of many: either may lead where no particle is. By default a step is therefore
what particles near it have in common, the mean of their latents; the straight line and the exact
inverse of the map are there for who asks. How many particles are near each step is counted in
either case (`path_support`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.analysis import curves
from napari_conformix.analysis.latent_path import Kind, LatentPath
from napari_conformix.analysis.latent_spaces import COLUMNS
from napari_conformix.analysis.path_support import DataSupport, nearest_of, support
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.latent_maps import MapView
    from napari_conformix.training.latent_table import LatentTable

__all__ = [
    "DataSupport",
    "LatentPath",
    "along_component",
    "along_map",
    "along_motion",
    "drawn",
    "from_latents",
    "on_map",
    "support",
    "support_of",
    "through_clusters",
    "through_data",
    "through_points",
]

PERCENTILES: Final = (5.0, 95.0)
STEPS: Final = 20
#: a mean along a coordinate is over particles within this share of the path's length (a Gaussian)
_ALONG_WIDTH: Final = 0.05
#: particles that take part in such means; more would not change them
_MOST_ALONG: Final = 200_000
#: a mean about a point of a map is over this share of the particles, within these limits
_NEAR_SHARE, _NEAR_LEAST, _NEAR_MOST = 0.01, 16, 400

Floats = NDArray[np.float64]


# -- along a coordinate ---------------------------------------------------------------------------


def along_component(
    table: LatentTable,
    component: int,
    count: int = STEPS,
    *,
    half: int,
    percentiles: tuple[float, float] = PERCENTILES,
    straight: bool = False,
    near: DataSupport | None = None,
) -> LatentPath:
    """Along a principal component (from 1) of the latents of one half, in even steps of it.

    It runs between two percentiles of the particles. Each step is the mean of the particles about
    it (a local linear regression of the latents on the component, so that the step has just that
    value of it); with `straight` the other components are at their mean instead.
    """
    from napari_conformix.analysis.projection import pca

    rows = rows_of_half(table, half)
    latents = table.mean[rows]
    if not 1 <= component <= latents.shape[1]:
        raise UserError(f"There is no component {component}; this job has 1 to {latents.shape[1]}.")
    projection = pca(latents)
    value = projection.transform(latents)[:, component - 1]
    at = _between(value, percentiles, count)
    if straight:
        coordinates = np.zeros((count, latents.shape[1]))
        coordinates[:, component - 1] = at
        points = projection.inverse(coordinates)
    else:
        points = _means_along(value, latents, at)
    how = {"component": component, "percentiles": percentiles, "straight": straight}
    where: dict[str, Any] = {"positions": at.astype(np.float32), "axis": f"PC {component}"}
    return _path(
        "component", points, how, half, near or DataSupport.of(latents), table.epoch, where
    )


def along_motion(
    table: LatentTable,
    coordinate: int,
    count: int = STEPS,
    *,
    half: int,
    percentiles: tuple[float, float] = PERCENTILES,
    near: DataSupport | None = None,
) -> LatentPath:
    """Along a motion coordinate (from 1), which means the same in both halves; means of the
    particles of one half as in :func:`along_component`. UserError where there are none."""
    if table.motion is None:
        raise UserError(
            "These latents have no motion coordinates; take a principal component instead (--pc 1)."
        )
    if not 1 <= coordinate <= table.motion.shape[1]:
        raise UserError(
            f"There is no motion coordinate {coordinate}; there are 1 to {table.motion.shape[1]}."
        )
    rows = rows_of_half(table, half)
    rows = rows[np.isfinite(table.motion[rows, coordinate - 1])]
    value = table.motion[rows, coordinate - 1].astype(np.float64)
    at = _between(value, percentiles, count)
    points = _means_along(value, table.mean[rows], at)
    unit = {"A": "Å"}.get(table.motion_unit, table.motion_unit)
    where: dict[str, Any] = {"positions": at.astype(np.float32), "axis": f"Motion {coordinate}"}
    how = {"component": coordinate, "percentiles": percentiles}
    near = near or DataSupport.of(table.mean[rows])
    return _path("motion", points, how, half, near, table.epoch, where | {"unit": unit})


# -- over a map -----------------------------------------------------------------------------------


def through_points(
    view: MapView,
    points: ArrayLike,
    half: int,
    count: int = STEPS,
    *,
    closed: bool = False,
    exact: bool = False,
    near: DataSupport | None = None,
) -> LatentPath:
    """Straight lines through picked points (k, 2) of a map, each of which is a step.

    `closed` returns to the first point; `exact` uses the inverse of the map where it has one (see
    :func:`along_map`).
    """
    stops = _in_map(points, 2, "A path needs at least two picked points of the map.")
    scale = np.array([1.0, view.stretch])
    line, at = curves.through((np.vstack([stops, stops[:1]]) if closed else stops) * scale, count)
    how = {"points": stops, "closed": closed, "exact": exact, "stops": at}
    return _over_map("points", view, line / scale, half, how, near)


def drawn(
    view: MapView,
    line: ArrayLike,
    half: int,
    count: int = STEPS,
    *,
    exact: bool = False,
    near: DataSupport | None = None,
) -> LatentPath:
    """A line (m, 2) drawn by hand on a map, steadied a little and cut into even steps."""
    corners = _in_map(line, 2, "The line is too short for a path; draw it longer.")
    scale = np.array([1.0, view.stretch])
    steady = curves.evenly(curves.steadied(corners * scale), count) / scale
    how = {"points": curves.evenly(corners, min(len(corners), 200)), "exact": exact}
    return _over_map("drawn", view, steady, half, how, near)


def along_map(
    view: MapView,
    line: ArrayLike,
    half: int,
    count: int = STEPS,
    *,
    kind: Kind = "least energy",
    how: dict[str, Any] | None = None,
    near: DataSupport | None = None,
) -> LatentPath:
    """Along a line (m, 2) of a map as it is, in even steps, such as a path of least energy."""
    corners = _in_map(line, 2, "A path needs at least two points of the map.")
    scale = np.array([1.0, view.stretch])
    steps = curves.evenly(corners * scale, count) / scale
    return _over_map(kind, view, steps, half, {"exact": False, **(how or {})}, near)


def on_map(path: LatentPath, view: MapView) -> NDArray[np.float32] | None:
    """(n, 2) where the steps of a path lie on a map; None for a map without particles of its half.

    Exact on the map that it was made on, and where the map's axes are directions of the latent
    space of the same half; elsewhere the mean place of the particles nearest to each step.
    """
    space = view.space
    same = path.how.get("map") == space.key and path.how.get("axes") == axes_of(view)
    if path.xy is not None and same and path.epoch == _epoch_of(view):
        return path.xy
    if space.project is not None:
        if space.half != path.half:
            return None
        return np.asarray(space.project(path.latents)[:, list(view.axes)], np.float32)
    mine = np.flatnonzero(view.row_half == path.half)
    if not len(mine):
        return None
    nearest = nearest_of(path.latents, view.latents[mine], _NEAR_LEAST)
    return np.stack([view.xy[mine[rows]].mean(axis=0) for rows in nearest]).astype(np.float32)


# -- through the data -----------------------------------------------------------------------------


def through_data(
    table: LatentTable,
    start_row: int,
    end_row: int,
    count: int = STEPS,
    *,
    half: int,
    near: DataSupport | None = None,
) -> LatentPath:
    """From one particle to another over particles that are neighbours in latent space.

    Both must be of `half`, since the latents of two halves have nothing to do with each other. See
    `graph_path`.
    """
    from napari_conformix.analysis.graph_path import graph_path

    rows = rows_of_half(table, half)
    for row in (start_row, end_row):
        _check_row(table, row, half)
    if start_row == end_row:
        raise UserError(f"The path begins and ends at particle {start_row}; choose two particles.")
    found = graph_path(table.mean[rows], table.mean[start_row], table.mean[end_row], count)
    how = {"start": start_row, "end": end_row, "particles": found.particles, "leaps": found.leaps}
    near = near or DataSupport.of(table.mean[rows])
    return _path("data", found.points, how, half, near, table.epoch)


def through_clusters(
    table: LatentTable,
    labels: ArrayLike,
    count: int = STEPS,
    *,
    half: int,
    over: Literal["lines", "data"] = "lines",
    name: str = "",
    near: DataSupport | None = None,
) -> LatentPath:
    """Through the means of clusters, labels (N,) from 0 (-1: none), in the shortest order.

    A mean is over the cluster's particles of `half`; clusters that have none are left out. From
    one to the next it goes straight, or with `over='data'` through the data, as between particles.
    """
    rows = rows_of_half(table, half)
    numbers, mine = np.asarray(labels, np.int64), table.mean[rows]
    if len(numbers) != len(table):
        raise UserError(
            f"The clusters are of {len(numbers):,} particles, but there are {len(table):,}."
        )
    own = numbers[rows]
    found = np.unique(own[own >= 0])
    if len(found) < 2:
        raise UserError(
            f"A path needs two clusters with particles of half {half}; there are {len(found)}."
            if half
            else f"A path needs at least two clusters; there are {len(found)}."
        )
    centres = np.stack([mine[own == k].mean(axis=0, dtype=np.float64) for k in found])
    order = curves.shortest_order(centres)
    points, at = curves.through(centres[order], count)
    if over == "data":
        points = _over_data(mine, centres[order], at)
    how = {"set": name, "over": over, "order": found[order] + 1, "stops": at}
    return _path("clusters", points, how, half, near or DataSupport.of(mine), table.epoch)


def from_latents(
    table: LatentTable,
    latents: ArrayLike,
    *,
    half: int,
    source: str = "",
    near: DataSupport | None = None,
) -> LatentPath:
    """Latents (n, d) from elsewhere as a path of one half; `source` says where they are from."""
    mine = table.mean[rows_of_half(table, half)]
    points = np.atleast_2d(np.asarray(latents, np.float64))
    if points.shape[1] != mine.shape[1]:
        raise UserError(
            f"These are latents of {points.shape[1]} numbers, but those of this job have "
            f"{mine.shape[1]}."
        )
    if not np.isfinite(points).all():
        raise UserError("The latents of a path must be finite numbers.")
    how = {"source": source, "latents": points}
    return _path("latents", points, how, half, near or DataSupport.of(mine), table.epoch)


# -- what they share ------------------------------------------------------------------------------


def support_of(table: LatentTable, half: int) -> DataSupport:
    """What the support of paths of a half is counted with; to be kept where several are made."""
    return DataSupport.of(table.mean[rows_of_half(table, half)])


def axes_of(view: MapView) -> list[int] | list[str]:
    """How the axes of a map are written down: by number from 0; columns by their names."""
    if view.space.key == COLUMNS:
        return [view.space.axes[axis] for axis in view.axes]
    return list(view.axes)


def rows_of_half(table: LatentTable, half: int) -> NDArray[np.int64]:
    """Rows of a half that have latents; UserError for a half that the table does not have."""
    rows = np.flatnonzero((table.half == half) & np.isfinite(table.mean).all(axis=1))
    if not len(rows):
        known = sorted({int(h) for h in np.unique(table.half)})
        if known == [1, 2] and half == 0:
            raise UserError(
                "Say which half the path is in, 1 or 2: their latents have nothing to do with each "
                "other."
            )
        raise UserError(
            f"No particle of half {half} has latents; there are those of "
            f"{' and '.join(f'half {h}' if h else 'one model (half 0)' for h in known)}."
        )
    return rows.astype(np.int64)


def _path(
    kind: Kind,
    points: Floats,
    how: dict[str, Any],
    half: int,
    near: DataSupport,
    epoch: int | None,
    where: dict[str, Any] | None = None,
) -> LatentPath:
    latents = np.asarray(points, np.float32)
    return LatentPath(
        latents,
        half,
        near.count(latents),
        kind,
        {"kind": kind, "count": len(latents), **how},
        epoch,
        radius=near.radius,
        typical=near.typical,
        **(where or {}),
    )


def _over_map(
    kind: Kind,
    view: MapView,
    xy: Floats,
    half: int,
    how: dict[str, Any],
    near: DataSupport | None,
) -> LatentPath:
    """The path whose steps lie at the places (n, 2) of a map."""
    mine = np.flatnonzero((view.row_half == half) & np.isfinite(view.latents).all(axis=1))
    if not len(mine):
        known = ", ".join(str(h) for h in np.unique(view.row_half))
        raise UserError(f"This map shows no particles of half {half}, only of half {known}.")
    latents = view.latents[mine]
    if how["exact"]:
        points = _inverse(view, xy)
    else:
        scale = np.array([1.0, view.stretch])
        points = _means_near(view.xy[mine] * scale, latents, xy * scale, view.nearby_radius)
        points = curves.smoothed(points, 1.0)
    how = {"map": view.space.key, "axes": axes_of(view), **how}
    near = near or DataSupport.of(latents)
    where = {"xy": xy.astype(np.float32)}
    return _path(kind, points, how, half, near, _epoch_of(view), where)


def _inverse(view: MapView, xy: Floats) -> Floats:
    space = view.space
    if space.inverse is None or space.centre is None:
        raise UserError(
            f"The map '{space.title}' has no inverse; leave the path to the particles near it."
        )
    coordinates = np.repeat(space.centre[None].astype(np.float64), len(xy), axis=0)
    coordinates[:, list(view.axes)] = xy
    return np.stack([np.asarray(space.inverse(one), np.float64) for one in coordinates])


def _means_near(places: Floats, latents: NDArray[np.float32], xy: Floats, reach: float) -> Floats:
    """(n, d) means of the latents of the particles nearest to places of a map.

    Particles within `reach` count, as many as the share allows, but always the nearest few; the
    weight falls to zero at the last, so that the mean changes without jumps along the path.
    """
    from scipy.spatial import cKDTree

    most = int(np.clip(_NEAR_SHARE * len(places), _NEAR_LEAST, _NEAR_MOST))
    tree = cKDTree(places, balanced_tree=False, compact_nodes=False)
    distance, index = tree.query(xy, k=np.arange(1, min(most, len(places)) + 1))
    least = distance[:, min(_NEAR_LEAST, distance.shape[1]) - 1]
    edge = np.maximum(least, np.minimum(distance[:, -1], reach))
    edge = 1.0001 * np.maximum(edge, 1e-12)[:, None]
    weight = np.square(np.clip(1 - np.square(distance / edge), 0, None))
    weight /= weight.sum(axis=1, keepdims=True)
    means: Floats = np.einsum("nk,nkd->nd", weight, latents[index].astype(np.float64))
    return means


def _means_along(value: Floats, latents: NDArray[np.float32], at: Floats) -> Floats:
    """(n, d) local linear regression of latents on a coordinate: its values at `at` (n,).

    A mean alone would be drawn towards where there are more particles; the line through them is
    not, and a coordinate that is linear in the latents is met exactly (Fan and Gijbels, 1996).
    """
    order = np.argsort(value)
    order = order[:: -(-len(order) // _MOST_ALONG)]  # of very many, evenly along the coordinate
    sorted_values = value[order]
    width = _ALONG_WIDTH * abs(at[-1] - at[0]) or 1.0
    points = []
    for centre in at:
        first, last = np.searchsorted(sorted_values, [centre - 4 * width, centre + 4 * width])
        # where the ends are sparse, reach for the nearest few
        middle = int(np.searchsorted(sorted_values, centre))
        first, last = min(first, max(0, middle - 8)), max(last, middle + 8)
        offset = sorted_values[first:last] - centre
        own = max(width, float(np.abs(offset).max()) / 4)
        weight = np.exp(-0.5 * np.square(offset / own))
        weight /= weight.sum()
        here = latents[order[first:last]].astype(np.float64)
        mean, drift = weight @ here, weight @ offset
        spread = weight @ np.square(offset - drift)
        slope = (weight * (offset - drift)) @ here / spread if spread > 0 else 0.0
        points.append(mean - slope * drift)
    return np.stack(points)


def _over_data(latents: NDArray[np.float32], stops: Floats, at: NDArray[np.int64]) -> Floats:
    """Steps from stop to stop through the data; `at` says which steps are the stops."""
    from napari_conformix.analysis.graph_path import graph_path

    legs = [
        graph_path(latents, stops[k], stops[k + 1], int(at[k + 1] - at[k]) + 1).points
        for k in range(len(stops) - 1)
    ]
    return np.concatenate([legs[0], *(leg[1:] for leg in legs[1:])])


def _between(value: Floats, percentiles: tuple[float, float], count: int) -> Floats:
    low, high = percentiles
    if not 0 <= low < high <= 100:
        raise UserError(
            f"Percentiles must be two numbers between 0 and 100, the smaller first, not "
            f"{low:g} and {high:g}."
        )
    if count < 2:
        raise UserError(f"A path needs at least 2 steps, not {count}.")
    start, end = np.percentile(value[np.isfinite(value)], percentiles)
    return np.asarray(np.linspace(float(start), float(end), count))


def _in_map(points: ArrayLike, least: int, otherwise: str) -> Floats:
    values = np.asarray(points, np.float64)
    if values.ndim != 2 or values.shape[1] != 2 or not np.isfinite(values).all():
        raise UserError("Points of a map are pairs of finite numbers, x and y.")
    if len(np.unique(values, axis=0)) < least:
        raise UserError(otherwise)
    return values


def _check_row(table: LatentTable, row: int, half: int) -> None:
    if not 0 <= row < len(table):
        raise UserError(f"There is no particle {row}; rows go from 0 to {len(table) - 1}.")
    if table.half[row] != half:
        raise UserError(
            f"Particle {row} is of half {int(table.half[row])}, but the path is in the latent "
            f"space of half {half}; a path never leads from one half to the other."
        )
    if not np.isfinite(table.mean[row]).all():
        raise UserError(f"Particle {row} has no latent; choose another.")


def _epoch_of(view: MapView) -> int:
    return view.past if view.past is not None else view.space.epoch
