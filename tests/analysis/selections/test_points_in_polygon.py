import time

import numpy as np
import pytest
from skimage.measure import points_in_poly

from napari_conformix.analysis.selections import SortedPoints, points_in_polygon, rectangle_corners


def lasso(vertices: int, radius: float = 1.0) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    r = radius * (1 + 0.3 * np.sin(5 * angle))
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_skimage_on_polygons_that_cross_themselves(seed: int) -> None:
    rng = np.random.default_rng(seed)
    polygon = rng.normal(size=(rng.integers(3, 30), 2))
    xy = rng.normal(size=(5000, 2))
    np.testing.assert_array_equal(points_in_polygon(xy, polygon), points_in_poly(xy, polygon))


@pytest.mark.parametrize("seed", range(5))
def test_points_sorted_once_are_asked_about_many_polygons(seed: int) -> None:
    rng = np.random.default_rng(seed)
    xy = rng.normal(size=(3000, 2)).astype(np.float32)
    xy[::50, seed % 2] = np.nan
    points = SortedPoints(xy)
    for vertices in (0, 2, 3, 30):
        polygon = rng.normal(size=(vertices, 2))
        np.testing.assert_array_equal(points.inside(polygon), points_in_polygon(xy, polygon))


def test_a_rectangle_is_the_polygon_of_its_four_corners() -> None:
    xy = np.random.default_rng(1).normal(size=(2000, 2))
    for corners in ([[-1, -0.5], [0.3, 2]], [[0.3, -0.5], [-1, 2]]):
        (x0, y0), (x1, y1) = np.min(corners, axis=0), np.max(corners, axis=0)
        within = (xy[:, 0] > x0) & (xy[:, 0] < x1) & (xy[:, 1] > y0) & (xy[:, 1] < y1)
        np.testing.assert_array_equal(points_in_polygon(xy, rectangle_corners(corners)), within)


def test_neither_order_nor_repeated_vertices_matter() -> None:
    xy = np.random.default_rng(0).normal(size=(5000, 2))
    polygon = lasso(40)
    inside = points_in_polygon(xy, polygon)
    assert 0.1 < inside.mean() < 0.9
    closed = np.concatenate([polygon, polygon[:1]])
    for same in (polygon[::-1], np.roll(polygon, 7, axis=0), closed, np.repeat(polygon, 2, axis=0)):
        np.testing.assert_array_equal(points_in_polygon(xy, same), inside)


def test_a_point_on_a_shared_edge_belongs_to_one_side_only() -> None:
    xy = np.stack(np.meshgrid(np.arange(1.0, 7), np.arange(1.0, 7)), axis=-1).reshape(-1, 2)
    corners = np.array([[0, 0], [8, 0], [8, 8], [0, 8]], float)
    cuts = ([[0, 0], [8, 8]], [[0, 3], [8, 3]], [[4, 0], [4, 8]], [[0, 1], [8, 5]])
    for start, end in cuts:
        above = points_in_polygon(xy, [start, end, *_walk(corners, end, start)])
        below = points_in_polygon(xy, [end, start, *_walk(corners, start, end)])
        np.testing.assert_array_equal(above ^ below, np.ones(len(xy), bool))


def _walk(corners: np.ndarray, start: list[float], end: list[float]) -> list[list[float]]:
    """Corners of the square met counter-clockwise from `start` to `end`, both on its border."""

    def position(point: np.ndarray) -> float:
        angle = np.arctan2(point[1] - 4, point[0] - 4)
        return float(angle % (2 * np.pi))

    first, last = position(np.array(start)), position(np.array(end))
    span = (last - first) % (2 * np.pi)
    passed = [((position(c) - first) % (2 * np.pi), c.tolist()) for c in corners]
    return [corner for where, corner in sorted(passed) if 0 < where < span]


def test_not_a_number_is_outside_and_two_points_enclose_nothing() -> None:
    xy = np.array([[np.nan, 0.0], [0.0, np.nan], [np.inf, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(points_in_polygon(xy, lasso(50)), [False, False, False, True])
    assert not points_in_polygon(xy, [[-1, -1], [1, 1]]).any()
    assert points_in_polygon(np.empty((0, 2)), lasso(5)).shape == (0,)


@pytest.mark.parametrize(
    ("xy", "polygon"),
    [(np.zeros(4), lasso(4)), (np.zeros((4, 3)), lasso(4)), (np.zeros((4, 2)), [[0, 0, 0]] * 4)],
)
def test_wrong_shapes_are_refused(xy: np.ndarray, polygon: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must be"):
        points_in_polygon(xy, polygon)


def test_vertex_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        points_in_polygon(np.zeros((4, 2)), [[0, 0], [1, np.nan], [1, 1]])


def test_a_lasso_among_a_million_points_is_answered_at_once() -> None:
    xy = np.random.default_rng(0).normal(size=(1_000_000, 2)).astype(np.float32)
    polygon = lasso(400, radius=2.0)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        points_in_polygon(xy, polygon)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.4  # of this process; 0.1 s on a free core, where skimage takes 1 s
