"""Paths over a view: through picked points, drawn, along a line; where a path lies on another view.

A point of a view fixes two coordinates of many. By default a step is what the particles near it
have in common; the exact inverse of the view is there for who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.analysis.paths import curves
from napari_conformix.analysis.paths.path import Kind, LatentPath
from napari_conformix.analysis.paths.steps import (
    NEAR_LEAST,
    STEPS,
    Floats,
    means_near,
    path_of,
)
from napari_conformix.analysis.selections import view_steps
from napari_conformix.analysis.spaces import COLUMNS, DataSupport, nearest_of
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import LatentView


def through_points(
    view: LatentView,
    points: ArrayLike,
    half: int,
    count: int = STEPS,
    *,
    closed: bool = False,
    exact: bool = False,
    near: DataSupport | None = None,
) -> LatentPath:
    """Straight lines through picked points (k, 2) of a view, each of which is a step.

    `closed` returns to the first point; `exact` uses the inverse of the view where it has one (see
    :func:`along_view`).
    """
    stops = _in_view(points, 2, "A path needs at least two picked points of the view.")
    scale = np.array([1.0, view.stretch])
    line, at = curves.through((np.vstack([stops, stops[:1]]) if closed else stops) * scale, count)
    how = {"points": stops, "closed": closed, "exact": exact, "stops": at}
    return _over_view("points", view, line / scale, half, how, near)


def drawn(
    view: LatentView,
    line: ArrayLike,
    half: int,
    count: int = STEPS,
    *,
    exact: bool = False,
    near: DataSupport | None = None,
) -> LatentPath:
    """A line (m, 2) drawn by hand on a view, steadied a little and cut into even steps."""
    corners = _in_view(line, 2, "The line is too short for a path; draw it longer.")
    scale = np.array([1.0, view.stretch])
    steady = curves.evenly(curves.steadied(corners * scale), count) / scale
    how = {"points": curves.evenly(corners, min(len(corners), 200)), "exact": exact}
    return _over_view("drawn", view, steady, half, how, near)


def along_view(
    view: LatentView,
    line: ArrayLike,
    half: int,
    count: int = STEPS,
    *,
    kind: Kind = "least energy",
    how: dict[str, Any] | None = None,
    near: DataSupport | None = None,
) -> LatentPath:
    """Along a line (m, 2) of a view as it is, in even steps, such as a path of least energy."""
    corners = _in_view(line, 2, "A path needs at least two points of the view.")
    scale = np.array([1.0, view.stretch])
    steps = curves.evenly(corners * scale, count) / scale
    return _over_view(kind, view, steps, half, {"exact": False, **(how or {})}, near)


def place_on_view(path: LatentPath, view: LatentView) -> NDArray[np.float32] | None:
    """(n, 2) where the steps of a path lie on a view; None for a view without particles of its
    half.

    Exact on the view that it was made on, and where the view's axes are directions of the latent
    space of the same half; elsewhere the mean place of the particles nearest to each step.
    """
    space = view.space
    same = path.how.get("map") == space.key and path.how.get("axes") == axes_of(view)
    if path.xy is not None and same and path.epoch == _epoch_of(view) and _runs_alike(path, view):
        return path.xy
    if space.project is not None:
        if space.half != path.half:
            return None
        return np.asarray(space.project(path.latents)[:, list(view.axes)], np.float32)
    mine = np.flatnonzero(view.row_half == path.half)
    if not len(mine):
        return None
    nearest = nearest_of(path.latents, view.latents[mine], NEAR_LEAST)
    return np.stack([view.xy[mine[rows]].mean(axis=0) for rows in nearest]).astype(np.float32)


def _runs_alike(path: LatentPath, view: LatentView) -> bool:
    """Whether the axes of a view run as they did when the path was made on it: the signs of
    components are free."""
    anchor = path.how.get("anchor")
    now = None if anchor is None else view.place_of(int(anchor[0]))
    return anchor is None or now is None or bool((np.multiply(now, anchor[1:]) >= 0).all())


def axes_of(view: LatentView) -> list[int] | list[str]:
    """How the axes of a view are written down: by number from 0; columns by their names."""
    if view.space.key == COLUMNS:
        return [view.space.axes[axis] for axis in view.axes]
    return list(view.axes)


def _over_view(
    kind: Kind,
    view: LatentView,
    xy: Floats,
    half: int,
    how: dict[str, Any],
    near: DataSupport | None,
) -> LatentPath:
    """The path whose steps lie at the places (n, 2) of a view."""
    mine = np.flatnonzero((view.row_half == half) & np.isfinite(view.latents).all(axis=1))
    if not len(mine):
        known = ", ".join(str(h) for h in np.unique(view.row_half))
        raise UserError(f"This view shows no particles of half {half}, only of half {known}.")
    latents = view.latents[mine]
    if how["exact"]:
        points = _inverse(view, xy)
    else:
        scale = np.array([1.0, view.stretch])
        points = means_near(view.xy[mine] * scale, latents, xy * scale, view.nearby_radius)
        points = curves.smoothed(points, 1.0)
    how = {"map": view.space.key, "axes": axes_of(view), **how}
    how |= {key: value for key, value in view_steps.where(view).items() if key == "anchor"}
    near = near or DataSupport.of(latents)
    where = {"xy": xy.astype(np.float32)}
    return path_of(kind, points, how, half, near, _epoch_of(view), where)


def _inverse(view: LatentView, xy: Floats) -> Floats:
    space = view.space
    if space.inverse is None or space.centre is None:
        raise UserError(
            f"The view '{space.title}' has no inverse; leave the path to the particles near it."
        )
    coordinates = np.repeat(space.centre[None].astype(np.float64), len(xy), axis=0)
    coordinates[:, list(view.axes)] = xy
    return np.stack([np.asarray(space.inverse(one), np.float64) for one in coordinates])


def _in_view(points: ArrayLike, least: int, otherwise: str) -> Floats:
    values = np.asarray(points, np.float64)
    if values.ndim != 2 or values.shape[1] != 2 or not np.isfinite(values).all():
        raise UserError("Points of a view are pairs of finite numbers, x and y.")
    if len(np.unique(values, axis=0)) < least:
        raise UserError(otherwise)
    return values


def _epoch_of(view: LatentView) -> int:
    return view.past if view.past is not None else view.space.epoch
