"""Curves of points in a view or in latent space: even steps, a steadier hand, the shortest
round."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from napari_conformix.errors import UserError

Points = NDArray[np.float64]

#: points whose shortest order is found exactly; the work doubles with each
MOST_EXACT = 12


def evenly(points: ArrayLike, count: int) -> Points:
    """(m, k) corners -> (count, k) points at equal distances along the lines between them."""
    corners = _distinct(points)
    if len(corners) == 1:
        return np.repeat(corners, count, axis=0)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    at = np.linspace(0.0, length[-1], count)
    return np.stack([np.interp(at, length, column) for column in corners.T], axis=1)


def through(stops: ArrayLike, count: int) -> tuple[Points, NDArray[np.int64]]:
    """(m, k) stops -> (count, k) points on straight lines between them, and which are the stops.

    Every stop is a step itself, so that a movie shows it; the other steps go to the lines between
    by their lengths, evenly on each. UserError when there are fewer steps than stops.
    """
    corners = np.asarray(stops, np.float64)
    if count < len(corners):
        raise UserError(
            f"A path through {len(corners)} points needs at least {len(corners)} steps, not "
            f"{count}."
        )
    length = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    share = length / length.sum() if length.sum() > 0 else np.full(len(length), 1 / len(length))
    steps = _divide(count - 1, share)
    parts = [
        start + np.linspace(0, 1, n, endpoint=False)[:, None] * (end - start)
        for (start, end), n in zip(pairwise(corners), steps, strict=True)
    ]
    at = np.concatenate([[0], np.cumsum(steps)])
    return np.concatenate([*parts, corners[-1:]]), at.astype(np.int64)


def steadied(line: ArrayLike, width: float = 0.02) -> Points:
    """A line (m, k) as drawn by hand, with a trembling shorter than `width` of its length gone.

    Its ends stay where they are.
    """
    fine = evenly(line, 400)
    return smoothed(fine, width * len(fine))


def smoothed(points: ArrayLike, steps: float) -> Points:
    """(n, k) points averaged with their neighbours along the curve (a Gaussian of that standard
    deviation, in steps); the ends stay where they are."""
    values = np.asarray(points, np.float64)
    if steps <= 0 or len(values) < 3:
        return values.copy()
    # the curve is continued through either end by its mirror image, so that an end is its own mean
    return np.asarray(_odd_filter(values, steps))


def _odd_filter(values: Points, sigma: float) -> Points:
    reach = min(len(values) - 1, int(4 * sigma + 0.5))
    before = 2 * values[0] - values[reach:0:-1]
    after = 2 * values[-1] - values[-2 : -2 - reach : -1]
    whole = np.concatenate([before, values, after])
    filtered = gaussian_filter1d(whole, sigma, axis=0, mode="nearest", radius=max(reach, 1))
    result = np.array(filtered[reach : reach + len(values)])
    result[0], result[-1] = values[0], values[-1]
    return result


def shortest_order(points: ArrayLike) -> NDArray[np.int64]:
    """(m, k) points -> (m,) the order in which a line through all of them is shortest.

    The line is open: it may begin and end anywhere; of its two directions the one that begins at
    the lower index. Exact up to `MOST_EXACT` points (Held and Karp's dynamic programming, 1962);
    beyond, the best of nearest-neighbour tours from every point, improved by 2-opt.
    """
    values = np.asarray(points, np.float64)
    if len(values) < 3:
        return np.arange(len(values), dtype=np.int64)
    distance = np.linalg.norm(values[:, None] - values[None], axis=2)
    order = _exact(distance) if len(values) <= MOST_EXACT else _two_opt(distance)
    return np.array(order if order[0] < order[-1] else order[::-1], dtype=np.int64)


def line_length(points: ArrayLike) -> float:
    """Of the straight lines from point to point of (m, k)."""
    return float(np.linalg.norm(np.diff(np.asarray(points, np.float64), axis=0), axis=1).sum())


def _exact(distance: Points) -> list[int]:
    count = len(distance)
    # least[visited, last]: the shortest line through the points in `visited` that ends at `last`
    least = np.full((1 << count, count), np.inf)
    came_from = np.zeros((1 << count, count), np.int64)
    least[1 << np.arange(count), np.arange(count)] = 0.0
    for visited in range(1, 1 << count):
        lasts = [k for k in range(count) if visited >> k & 1]
        if len(lasts) < 2:
            continue
        for last in lasts:
            before = visited & ~(1 << last)
            reach = least[before] + distance[:, last]
            came_from[visited, last] = reach.argmin()
            least[visited, last] = reach.min()
    visited, last = (1 << count) - 1, int(least[-1].argmin())
    order = [last]
    while len(order) < count:
        visited, last = visited & ~(1 << last), int(came_from[visited, last])
        order.append(last)
    return order


def _two_opt(distance: Points) -> list[int]:
    tours = [_improved(_greedy(distance, start), distance) for start in range(len(distance))]
    return min(tours, key=lambda order: float(distance[order[:-1], order[1:]].sum()))


def _greedy(distance: Points, start: int) -> list[int]:
    order, left = [start], set(range(len(distance))) - {start}
    while left:
        order.append(min(left, key=lambda k: distance[order[-1], k]))
        left.remove(order[-1])
    return order


def _improved(order: list[int], distance: Points) -> list[int]:
    """Turn stretches of the line round while that makes it shorter."""
    # a point at distance 0 from all closes the line to a ring, whose 2-opt moves are all there are
    count = len(order)
    closed = np.zeros((count + 1, count + 1))
    closed[:count, :count] = distance
    ring = [count, *order]
    better = True
    while better:
        better = False
        for i in range(count):
            for k in range(i + 1, count + 1):
                a, b, c, d = ring[i], ring[i + 1], ring[k], ring[(k + 1) % (count + 1)]
                if closed[a, c] + closed[b, d] < closed[a, b] + closed[c, d] - 1e-12:
                    ring[i + 1 : k + 1] = ring[i + 1 : k + 1][::-1]
                    better = True
    return ring[1:]


def _divide(total: int, share: Points) -> list[int]:
    """Whole numbers of at least 1 that add up to `total`, as near to `share` of it as can be."""
    free = total - len(share)
    exact = share * free
    steps = np.floor(exact).astype(np.int64)
    rest = free - int(steps.sum())
    steps[np.argsort(exact - steps)[::-1][:rest]] += 1
    return [int(n) + 1 for n in steps]


def _distinct(points: ArrayLike) -> Points:
    """The points without those that repeat the one before."""
    values = np.atleast_2d(np.asarray(points, np.float64))
    moved = np.linalg.norm(np.diff(values, axis=0), axis=1) > 0
    return np.asarray(values[np.concatenate([[True], moved])])
