"""Which of many points lie in a polygon: the lasso."""

import numpy as np
import numpy.typing as npt


class SortedPoints:
    """Points (N, 2) kept in the order of their heights, to be asked about many polygons.

    Sorting a million points takes a tenth of a second, and a lasso then a few hundredths: while one
    is drawn, it is asked again and again. Rows with NaN are in no polygon.
    """

    def __init__(self, xy: npt.ArrayLike) -> None:
        points = np.asarray(xy)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"xy must be (N, 2), not {points.shape}")
        self._count = len(points)
        self._order = np.argsort(points[:, 1])  # NaN comes last
        self._x, self._y = (points[self._order, k].astype(np.float64) for k in (0, 1))

    def inside(self, polygon: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """(N,) bool: the points inside a closed polygon (V, 2), as :func:`points_in_polygon`."""
        vertices = _vertices(polygon)
        inside = np.zeros(self._count, dtype=bool)
        if len(vertices) < 3:
            return inside
        low, high = vertices[:, 1].min(), vertices[:, 1].max()
        first, last = np.searchsorted(self._y, low), np.searchsorted(self._y, high)
        x, y = self._x[first:last], self._y[first:last]
        inside[self._order[first:last]] = _odd_crossings(x, y, vertices)
        return inside


def points_in_polygon(xy: npt.ArrayLike, polygon: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Points inside a closed polygon, by the even-odd rule.

    Every edge is met only by the points between its two heights, found by bisection in the points
    sorted by height, so that a lasso of hundreds of vertices costs little more than a triangle.

    Parameters
    ----------
    xy: (N, 2) coordinates; rows with NaN are outside.
    polygon: (V, 2) vertices in order; the last one need not repeat the first.

    Returns
    -------
    (N,) bool. Points on an edge belong to exactly one of two polygons that share that edge.
    Fewer than three vertices enclose nothing.
    """
    points = np.asarray(xy, dtype=np.float64)
    vertices = _vertices(polygon)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"xy must be (N, 2), not {points.shape}")
    inside = np.zeros(len(points), dtype=bool)
    if len(vertices) < 3:
        return inside
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    x, y = points[:, 0], points[:, 1]
    near = np.flatnonzero((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))
    near = near[np.argsort(y[near])]
    inside[near] = _odd_crossings(x[near], y[near], vertices)
    return inside


def rectangle_corners(corners: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """(4, 2) all corners, in order, of a rectangle given by two opposite ones (2, 2)."""
    (x0, y0), (x1, y1) = np.asarray(corners, dtype=np.float64)
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _vertices(polygon: npt.ArrayLike) -> npt.NDArray[np.float64]:
    vertices = np.asarray(polygon, dtype=np.float64)
    if vertices.ndim != 2 or vertices.shape[1] != 2:
        raise ValueError(f"polygon must be (V, 2), not {vertices.shape}")
    if not np.isfinite(vertices).all():
        raise ValueError("polygon has a vertex that is not a number")
    return vertices


def _odd_crossings(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], vertices: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """(n,) whether a ray from each point meets the polygon an odd number of times; `y` ascends."""
    odd = np.zeros(len(x), dtype=bool)
    start, stop = vertices, np.roll(vertices, -1, axis=0)
    # from the lower to the upper end: an edge shared by two polygons gives the same numbers
    upward = (start[:, 1] <= stop[:, 1])[:, None]
    lower, upper = np.where(upward, start, stop), np.where(upward, stop, start)
    first = np.searchsorted(y, lower[:, 1])  # heights in [lower, upper)
    last = np.searchsorted(y, upper[:, 1])
    for (x0, y0), (x1, y1), i, j in zip(lower, upper, first, last, strict=True):
        if i < j:
            odd[i:j] ^= x[i:j] < x0 + (y[i:j] - y0) * ((x1 - x0) / (y1 - y0))
    return odd
