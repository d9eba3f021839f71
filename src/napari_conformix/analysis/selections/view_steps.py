"""Steps of a selection that are drawn in a map: how they are written down, and what lies in them.

A step keeps which view it was drawn in (`embedding`, `axes`, `show`, `half`, `epoch`), its shape in
the coordinates of that view, and the place of one particle there (`anchor`: row, x, y). The signs
of principal components are free, and the place of that particle shows which way they ran.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from napari_conformix.analysis.selections.polygon import points_in_polygon, rectangle_corners

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_conformix.analysis.selections.selection import Step
    from napari_conformix.analysis.spaces import LatentView

#: decimals of coordinates that are kept
_DECIMALS: Final = 6
#: kinds of steps that have a view
KINDS: Final = ("lasso", "rectangle", "nearest", "shown")


def lasso_step(view: LatentView, polygon: npt.ArrayLike) -> Step:
    """A lasso (n, 2) in the coordinates of the view."""
    return {"kind": "lasso", "polygon": _plain(polygon), **where(view)}


def rectangle_step(view: LatentView, corners: npt.ArrayLike) -> Step:
    """A rectangle by two opposite corners (2, 2)."""
    return {"kind": "rectangle", "corners": _plain(corners), **where(view)}


def nearest_step(view: LatentView, xy: tuple[float, float], count: int) -> Step:
    """The `count` particles nearest to a point of the view, as it is drawn."""
    step = {"kind": "nearest", "xy": _plain(xy), "count": int(count), **where(view)}
    return step if view.stretch == 1.0 else {**step, "stretch": view.stretch}


def shown_step(view: LatentView) -> Step:
    """All particles that the view shows."""
    return {"kind": "shown", **where(view)}


def where(view: LatentView) -> Step:
    """Which view it is: enough to find it again."""
    step: dict[str, Any] = {
        "embedding": view.space.key,
        "axes": [view.space.axes[axis] for axis in view.axes],
        "show": view.show,
        "half": view.space.half,
        "epoch": view.space.epoch,
    }
    if len(view.rows):
        # a particle well away from both axes shows their signs
        stride = max(1, len(view.xy) // 10_000)
        some = np.abs(view.xy[::stride])
        place = stride * int((some / np.maximum(some.max(axis=0), 1e-30)).min(axis=1).argmax())
        x, y = view.xy[place].tolist()
        step["anchor"] = [int(view.rows[place]), round(x, _DECIMALS), round(y, _DECIMALS)]
    return step


def inside(step: Step, xy: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """(n,) which of the places (n, 2), in the coordinates of the step's view, the step takes."""
    kind = step["kind"]
    if kind == "lasso":
        return points_in_polygon(xy, step["polygon"])
    if kind == "rectangle":
        return points_in_polygon(xy, rectangle_corners(step["corners"]))
    if kind == "nearest":
        return nearest(xy, step["xy"], step["count"], step.get("stretch", 1.0))
    everything: npt.NDArray[np.bool_] = np.isfinite(xy).all(axis=1)
    return everything


def nearest(
    xy: npt.NDArray[Any], point: npt.ArrayLike, count: int, stretch: float = 1.0
) -> npt.NDArray[np.bool_]:
    """(n,) the `count` places (n, 2) nearest to a point; all, where there are no more.

    `stretch` is how many times longer a unit of y is drawn than one of x. Of places that are
    equally far, the first ones are taken. Rows with NaN are never near.
    """
    scale = np.array([1.0, stretch])
    offset = (np.asarray(xy, dtype=np.float64) - np.asarray(point, dtype=np.float64)) * scale
    squared = np.einsum("nk,nk->n", offset, offset)
    usable = np.flatnonzero(np.isfinite(squared))
    taken = np.zeros(len(squared), dtype=bool)
    if count >= len(usable):
        taken[usable] = True
    elif count > 0:
        limit = np.partition(squared[usable], count - 1)[count - 1]
        taken[squared < limit] = True
        ties = np.flatnonzero(squared == limit)
        taken[ties[: count - np.count_nonzero(taken)]] = True
    return taken


def _plain(values: npt.ArrayLike) -> list[Any]:
    plain: list[Any] = np.round(np.asarray(values, dtype=float), _DECIMALS).tolist()
    return plain
