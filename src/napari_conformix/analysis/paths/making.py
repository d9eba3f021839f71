"""Paths through the latent space of one half: along a coordinate, over a view, through the data.

A straight line along a component sets all other components to their mean, and a point of a view
fixes two coordinates of many: either may lead where no particle is. By default a step is therefore
what particles near it have in common, the mean of their latents; the straight line and the exact
inverse of the view are there for who asks. How many particles are near each step is counted in
either case (`spaces.support`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.analysis.paths import curves
from napari_conformix.analysis.paths.on_view import (
    along_view,
    axes_of,
    drawn,
    place_on_view,
    through_points,
)
from napari_conformix.analysis.paths.path import LatentPath
from napari_conformix.analysis.paths.steps import (
    STEPS,
    Floats,
    means_along,
    path_of,
    rows_of_half,
    support_of,
)
from napari_conformix.analysis.spaces import DataSupport, has_motion, support
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.training.latent_table import LatentTable

__all__ = [
    "PERCENTILES",
    "STEPS",
    "DataSupport",
    "LatentPath",
    "along_component",
    "along_motion",
    "along_view",
    "axes_of",
    "drawn",
    "from_latents",
    "place_on_view",
    "rows_of_half",
    "support",
    "support_of",
    "through_clusters",
    "through_data",
    "through_points",
]

PERCENTILES: Final = (5.0, 95.0)


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
    from napari_conformix.analysis.spaces import pca

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
        points = means_along(value, latents, at)
    how = {"component": component, "percentiles": percentiles, "straight": straight}
    where: dict[str, Any] = {"positions": at.astype(np.float32), "axis": f"PC {component}"}
    return path_of(
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
    if table.motion is None or not has_motion(table):
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
    points = means_along(value, table.mean[rows], at)
    unit = {"A": "Å RMS"}.get(table.motion_unit, table.motion_unit)
    where: dict[str, Any] = {"positions": at.astype(np.float32), "axis": f"Motion {coordinate}"}
    how = {"component": coordinate, "percentiles": percentiles}
    near = near or DataSupport.of(table.mean[rows])
    return path_of("motion", points, how, half, near, table.epoch, where | {"unit": unit})


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
    from napari_conformix.analysis.paths.graph import graph_path

    rows = rows_of_half(table, half)
    for row in (start_row, end_row):
        _check_row(table, row, half)
    if start_row == end_row:
        raise UserError(f"The path begins and ends at particle {start_row}; choose two particles.")
    found = graph_path(table.mean[rows], table.mean[start_row], table.mean[end_row], count)
    how = {"start": start_row, "end": end_row, "particles": found.particles, "leaps": found.leaps}
    near = near or DataSupport.of(table.mean[rows])
    return path_of("data", found.points, how, half, near, table.epoch)


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
    return path_of("clusters", points, how, half, near or DataSupport.of(mine), table.epoch)


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
    return path_of("latents", points, how, half, near or DataSupport.of(mine), table.epoch)


def _over_data(latents: NDArray[np.float32], stops: Floats, at: NDArray[np.int64]) -> Floats:
    """Steps from stop to stop through the data; `at` says which steps are the stops."""
    from napari_conformix.analysis.paths.graph import graph_path

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
