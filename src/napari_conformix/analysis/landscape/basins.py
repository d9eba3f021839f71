"""Minima of a landscape, the basins about them, and the passes between basins.

Every maximum of the smoothed density begins a basin, and the cells go to the basins by watershed.
A minimum is kept only where it is deeper than its lowest pass by more than counting explains:
persistence (Edelsbrunner et al., 2002) measured in its own standard error. Noise makes the more
maxima the more places there are, so the more there are, the more is asked of each (Bonferroni).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from scipy.special import ndtri

from napari_conformix.analysis.landscape.kernel_density import Cell, Density

#: chance that a landscape of one basin shows another by noise
FALSE_ALARM = 0.005


@dataclass(frozen=True, eq=False)
class Pass:
    """The highest way between two basins: the density S1 there, and the cell; none where no
    particle is between them."""

    height: float
    cell: Cell | None


@dataclass(frozen=True, eq=False)
class Basins:
    """peaks: cells of the minima, the deepest first; labels (h, w) int16 from 0, -1 where there are
    no particles; passes: of pairs (i, k), i < k, that touch."""

    peaks: list[Cell]
    labels: NDArray[np.int16]
    passes: dict[tuple[int, int], Pass]

    def way_out(self, index: int) -> tuple[Pass, int | None]:
        """The highest pass out of a basin, and where it leads; no cell where none is known."""
        best, to = Pass(0.0, None), None
        for (i, k), found in self.passes.items():
            if index in (i, k) and found.height > best.height:
                best, to = found, k if index == i else i
        return best, to


def find_basins(density: Density, known: NDArray[np.bool_], model_error: float = 0.0) -> Basins:
    """The basins of a density whose minima are beyond the noise.

    `known` (h, w): cells with enough particles to be judged; `model_error`: a relative error of
    the density besides counting, such as from the two halves' models.
    """
    labels, peaks = _watershed(density, known)
    passes = _passes(density.first, labels)
    kept = dict(enumerate(peaks))
    into = np.arange(len(peaks))
    least = float(ndtri(1 - FALSE_ALARM / max(len(peaks), 1)))
    beyond = cache(partial(significance, density, model_error=model_error))
    while merged := _insignificant(density, kept, passes, beyond, least):
        passes = _joined(passes, merged)
        for lower, higher in merged.items():
            del kept[lower]
            into[into == lower] = higher
    order = sorted(kept, key=lambda k: -density.first[kept[k]])
    number = np.full(len(peaks) + 1, -1)
    for new, old in enumerate(order):
        number[:-1][into == old] = new
    renamed = {
        (min(number[i], number[k]), max(number[i], number[k])): found
        for (i, k), found in passes.items()
    }
    return Basins(
        [kept[k] for k in order],
        number[labels].astype(np.int16),
        {(int(i), int(k)): found for (i, k), found in renamed.items()},
    )


def _watershed(density: Density, known: NDArray[np.bool_]) -> tuple[NDArray[np.int64], list[Cell]]:
    """Labels (h, w) from 0, -1 outside, and the maximum of each."""
    from skimage.segmentation import watershed

    first = density.first
    top = (maximum_filter(first, size=3) == first) & known
    cells = [(int(i), int(k)) for i, k in np.argwhere(top)]
    markers = np.zeros(first.shape, np.int32)
    for number, cell in enumerate(cells, start=1):
        markers[cell] = number
    labels = watershed(-first, markers, mask=first > 0, connectivity=2)
    return labels.astype(np.int64) - 1, cells


def _passes(first: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[tuple[int, int], Pass]:
    """The highest pass between every two basins that touch."""
    found: dict[tuple[int, int], Pass] = {}
    h, w = first.shape
    index = np.arange(first.size).reshape(h, w)
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = (slice(0, h - dy), slice(max(0, -dx), w - max(0, dx)))
        there = (slice(dy, h), slice(max(0, dx), w + min(0, dx)))
        a, b = labels[here], labels[there]
        edge = (a != b) & (a >= 0) & (b >= 0)
        lower = first[here][edge] <= first[there][edge]
        height = np.minimum(first[here][edge], first[there][edge])
        cell = np.where(lower, index[here][edge], index[there][edge])
        pair = np.sort(np.stack([a[edge], b[edge]]), axis=0)
        for k in np.argsort(height):  # so that the highest is the one that stays
            key = int(pair[0, k]), int(pair[1, k])
            if key not in found or height[k] > found[key].height:
                place = np.unravel_index(int(cell[k]), first.shape)
                found[key] = Pass(float(height[k]), (int(place[0]), int(place[1])))
    return found


def _insignificant(
    density: Density,
    kept: dict[int, Cell],
    passes: dict[tuple[int, int], Pass],
    beyond: Callable[[Cell, Cell], float],
    least: float,
) -> dict[int, int]:
    """Minima of a significance below `least`, each with the basin that it is part of.

    The least significant come first, and none that another of them is to become part of, so that
    all can be merged at once: what is merged elsewhere changes no pass that these are judged by.
    """
    best: dict[int, tuple[Pass, int]] = {}
    for (i, k), found in passes.items():
        for one, other in ((i, k), (k, i)):
            if one not in best or found.height > best[one][0].height:
                best[one] = (found, other)
    weak = []
    for one, (found, other) in best.items():
        lower = (density.first[kept[one]], one) < (density.first[kept[other]], other)
        if lower and found.cell is not None and beyond(kept[one], found.cell) < least:
            weak.append((beyond(kept[one], found.cell), one, other))
    merged: dict[int, int] = {}
    taken: set[int] = set()
    for _, one, other in sorted(weak):
        if one not in taken and other not in merged:
            merged[one] = other
            taken.add(other)
    return merged


def significance(density: Density, peak: Cell, saddle: Cell, model_error: float = 0.0) -> float:
    """By how many standard errors S1 of a peak is above that of a pass.

    In counts and not in their logarithms, so that a pass without particles has an error, too.
    """
    a, b = density.first[peak], density.first[saddle]
    variance = density.second[peak] + density.second[saddle]
    variance += (model_error * a) ** 2 - 2 * density.covariance(peak, saddle)
    return float((a - b) / np.sqrt(max(variance, 1e-300)))


def _joined(
    passes: dict[tuple[int, int], Pass], merged: dict[int, int]
) -> dict[tuple[int, int], Pass]:
    """The passes when basins have become part of others."""
    found: dict[tuple[int, int], Pass] = {}
    for (i, k), one in passes.items():
        a, b = merged.get(i, i), merged.get(k, k)
        key = min(a, b), max(a, b)
        if a != b and (key not in found or one.height > found[key].height):
            found[key] = one
    return found
