"""Even steps, stops that stay steps, steadied lines, and the shortest order."""

from itertools import pairwise, permutations

import numpy as np
import pytest

from napari_conformix.analysis.paths import curves
from napari_conformix.errors import UserError


def test_steps_are_even_and_ends_stay():
    bent = np.array([[0.0, 0], [3, 0], [3, 0], [3, 4]])
    points = curves.evenly(bent, 8)
    np.testing.assert_allclose(np.linalg.norm(np.diff(points, axis=0), axis=1), 1.0)
    np.testing.assert_allclose(points[[0, 3, -1]], bent[[0, 1, 3]])


@pytest.mark.parametrize("count", [4, 5, 17])
def test_every_stop_is_a_step(count):
    stops = np.array([[0.0, 0], [10, 0], [10, 0.5], [-3, 4]])
    points, at = curves.through(stops, count)
    assert len(points) == count
    np.testing.assert_allclose(points[at], stops, atol=1e-12)
    # on each line the steps are even
    for first, last in pairwise(at):
        lengths = np.linalg.norm(np.diff(points[first : last + 1], axis=0), axis=1)
        np.testing.assert_allclose(lengths, lengths[0])


def test_too_few_steps_for_the_stops_is_refused():
    with pytest.raises(UserError, match="at least 3 steps"):
        curves.through(np.eye(3), 2)


def test_a_trembling_hand_is_steadied_and_the_line_kept():
    t = np.linspace(0, np.pi, 300)
    smooth = np.stack([10 * np.cos(t), 10 * np.sin(t)], axis=1)
    trembling = smooth + np.random.default_rng(0).normal(size=smooth.shape) * 0.15
    trembling[[0, -1]] = smooth[[0, -1]]
    steady = curves.steadied(trembling)
    away = np.abs(np.linalg.norm(steady, axis=1) - 10)
    assert away.max() < 0.25  # and the arc is not cut short
    assert curves.line_length(steady) < 1.05 * 10 * np.pi < 0.8 * curves.line_length(trembling)
    np.testing.assert_allclose(steady[[0, -1]], smooth[[0, -1]])


def test_smoothing_leaves_a_straight_line_alone():
    line = np.linspace([0.0, 1, 2], [3.0, -1, 2], 30)
    np.testing.assert_allclose(curves.smoothed(line, 3.0), line, atol=1e-12)


@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_the_shortest_order_is_that_of_brute_force(count):
    random = np.random.default_rng(count)
    for _ in range(5):
        points = random.normal(size=(count, 6))
        order = curves.shortest_order(points)
        least = min(curves.line_length(points[list(p)]) for p in permutations(range(count)))
        assert sorted(order) == list(range(count))
        assert order[0] < order[-1]
        assert curves.line_length(points[order]) == pytest.approx(least)


def test_twelve_points_of_a_line_come_in_their_order():
    random = np.random.default_rng(1)
    place = random.permutation(12)
    order = curves.shortest_order(np.outer(place, [1.0, 2.0, 0.5]))
    assert (np.abs(np.diff(place[order])) == 1).all()


def test_many_points_get_nearly_the_shortest_order():
    # with more than are solved exactly: a spiral, whose shortest line is along itself
    t = np.linspace(1, 12, 40)
    spiral = np.stack([t * np.cos(t), t * np.sin(t)], axis=1)
    shuffled = spiral[np.random.default_rng(0).permutation(len(t))]
    order = curves.shortest_order(shuffled)
    assert sorted(order) == list(range(40))
    assert curves.line_length(shuffled[order]) < 1.1 * curves.line_length(spiral)
