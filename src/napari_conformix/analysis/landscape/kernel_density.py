"""The density of particles in a view, smoothed on a grid, with the error that counting gives it.

Particles are binned finely and smoothed with a Gaussian, which is the kernel density estimate to
within a cell; a million particles take a fraction of a second. Besides the smoothed counts
`S1 = sum K` every cell has `S2 = sum K^2`, so that its variance and its effective number of
particles `S1^2 / S2` (Kish, 1965) are known, and those of any difference of two cells.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import convolve1d

from napari_conformix.errors import UserError

Grid = NDArray[np.float64]
Cell = tuple[int, int]

#: cells along the longer side while the kernel is chosen
_SEARCH_CELLS = 256
#: cells along the longer side of what is returned, and cells to a standard deviation of the kernel
_MOST_CELLS, _CELLS_A_KERNEL = 300, 3.0
#: kernels tried, in shares of the longer side
_KERNELS = np.geomspace(1.5 / _SEARCH_CELLS, 0.2, 18)
#: the kernel is cut off at so many standard deviations
_REACH = 5.0
#: particles between these percentiles are in the view; it is a little wider
_PERCENTILES = (0.1, 99.9)
#: a share of particles may be anywhere, so that strays do not choose the kernel
_ANYWHERE = 0.01
LEAST_PARTICLES = 50


@dataclass(frozen=True, eq=False)
class Density:
    """Smoothed counts of particles in cells (h, w); row i is y, column k is x.

    x, y      (w + 1,), (h + 1,) edges of the cells
    counts    (h, w) particles in each cell
    kernel    (2r + 1,) the Gaussian, in cells, along either axis; its sum is 1
    width     (2,) its standard deviation along x and y, in units of the view
    outside   particles that are in no cell
    """

    x: Grid
    y: Grid
    counts: Grid
    kernel: Grid
    width: tuple[float, float]
    outside: int

    @cached_property
    def first(self) -> Grid:
        """(h, w) S1: smoothed counts."""
        return _smooth(self.counts, self.kernel)

    @cached_property
    def second(self) -> Grid:
        """(h, w) S2: the variance of S1."""
        return _smooth(self.counts, np.square(self.kernel))

    @cached_property
    def effective(self) -> Grid:
        """(h, w) how many particles S1 is as good as.

        Kish's number, but no more than where particles lay as evenly in the kernel as they are
        many: a cell that only the far tails of many kernels reach is known by none of them.
        """
        kish = np.square(self.first) / np.maximum(self.second, 1e-300)
        return np.asarray(np.minimum(kish, self.first / np.square(self.kernel).sum() ** 2))

    @property
    def total(self) -> int:
        """Particles in the view."""
        return int(self.counts.sum())

    @property
    def peak(self) -> float:
        """S1 that one particle gives its own cell."""
        return float(self.kernel.max() ** 2)

    def shared(self, cell: Cell) -> Grid:
        """(h, w) covariance of S1 of a cell with S1 of every cell."""
        return _smooth(self.counts * self._kernel_at(cell), self.kernel)

    def covariance(self, one: Cell, other: Cell) -> float:
        """Of S1 of two cells."""
        window, parts = [], []
        for a, b, length in zip(one, other, self.counts.shape, strict=True):
            reach = len(self.kernel) // 2
            first, last = max(a, b) - reach, min(a, b) + reach + 1  # where both kernels reach
            first, last = max(first, 0), min(last, length)
            if first >= last:
                return 0.0
            window.append(slice(first, last))
            along = np.arange(first, last) + reach
            parts.append(self.kernel[along - a] * self.kernel[along - b])
        return float(parts[0] @ self.counts[tuple(window)] @ parts[1])

    def log_ratio_error(self, one: Cell, other: Cell) -> float:
        """Standard error of ln(S1 of one cell / S1 of the other), from the counts."""
        a, b = self.first[one], self.first[other]
        if a <= 0 or b <= 0:
            return float("inf")
        variance = self.second[one] / a**2 + self.second[other] / b**2
        return float(np.sqrt(max(variance - 2 * self.covariance(one, other) / (a * b), 0.0)))

    def upper_limit(self, cell: Cell | None) -> float:
        """What S1 of a cell may be at most, at 95 %; None is a cell that no particle is near."""
        # three particles expected where none was seen, in the kernel's own area 4 pi sigma^2:
        # 3 / (4 pi sigma^2) is 1.5 times the kernel's peak
        least = 1.5 * self.peak
        if cell is None:
            return least
        return max(float(self.first[cell] + 2 * np.sqrt(self.second[cell])), least)

    def cell_of(self, xy: ArrayLike) -> NDArray[np.int64]:
        """(n, 2) places -> (n, 2) row and column; -1 for places outside."""
        places = np.atleast_2d(np.asarray(xy, np.float64))
        found = np.empty((len(places), 2), np.int64)
        for k, (edges, values) in enumerate(((self.y, places[:, 1]), (self.x, places[:, 0]))):
            cells = len(edges) - 1
            with np.errstate(invalid="ignore"):
                share = (values - edges[0]) / (edges[-1] - edges[0]) * cells
                inside = np.isfinite(share) & (share >= 0) & (share <= cells)
            index = np.where(inside, share, -1.0).astype(np.int64)
            found[:, k] = np.where(inside, np.minimum(index, cells - 1), -1)
        found[(found < 0).any(axis=1)] = -1
        return found

    def centre(self, cell: ArrayLike) -> Grid:
        """(n, 2) row and column, which may be between cells -> (n, 2) places x, y."""
        cells = np.atleast_2d(np.asarray(cell, np.float64))
        dx, dy = self.x[1] - self.x[0], self.y[1] - self.y[0]
        return np.stack(
            [self.x[0] + (cells[:, 1] + 0.5) * dx, self.y[0] + (cells[:, 0] + 0.5) * dy], axis=1
        )

    def _kernel_at(self, cell: Cell) -> Grid:
        ends = []
        for place, length in zip(cell, self.counts.shape, strict=True):
            offset = np.arange(length) - place + len(self.kernel) // 2
            inside = (offset >= 0) & (offset < len(self.kernel))
            ends.append(np.where(inside, self.kernel[np.clip(offset, 0, len(self.kernel) - 1)], 0))
        return np.asarray(ends[0][:, None] * ends[1][None])


def density(
    xy: ArrayLike, *, stretch: float = 1.0, width: float | None = None, like: Density | None = None
) -> Density:
    """Smoothed density of particles (n, 2).

    Parameters
    ----------
    stretch: how many times longer a unit of y is drawn than one of x (see `LatentView.stretch`);
        the kernel is round in the drawn view.
    width: standard deviation of the kernel in units of x; by default chosen so that particles left
        out are predicted best by the others (likelihood cross-validation; Habbema et al., 1974).
    like: take the grid and the kernel of another density.

    Raises UserError for fewer than `LEAST_PARTICLES`, or where an axis has but one value.
    """
    places = np.asarray(xy, np.float64)
    places = places[np.isfinite(places).all(axis=1)]
    if len(places) < LEAST_PARTICLES:
        raise UserError(
            f"A landscape needs at least {LEAST_PARTICLES} particles in the view; there are "
            f"{len(places)}."
        )
    if like is not None:
        counts = _binned(places, like.x, like.y)
        outside = len(places) - int(counts.sum())
        return Density(like.x, like.y, counts, like.kernel, like.width, outside)
    low, high = np.percentile(places, _PERCENTILES, axis=0)
    if not (high > low).all():
        raise UserError(
            "Nearly all particles have one and the same value along an axis of this view; choose "
            "other axes for a landscape."
        )
    side = float(max(high[0] - low[0], (high[1] - low[1]) * stretch))
    scale = np.array([1.0, 1 / stretch])
    if width is None:
        width = _best_width(places, low, high, side, scale)
    if not 0 < width < side:
        raise UserError(
            f"The kernel's width must be above 0 and below the view's, {side:.3g}; not {width:g}."
        )
    margin = np.minimum(3 * width, 0.15 * side) * scale
    low, high = low - margin, high + margin
    side += 2 * min(3 * width, 0.15 * side)
    cell = max(width / _CELLS_A_KERNEL, side / _MOST_CELLS)
    x, y = _edges(low, high, cell * scale)
    counts = _binned(places, x, y)
    kernel = _kernel(width / cell)
    outside = len(places) - int(counts.sum())
    return Density(x, y, counts, kernel, (width, width / stretch), outside)


def _best_width(places: Grid, low: Grid, high: Grid, side: float, scale: Grid) -> float:
    """In units of x: the kernel under which every particle is likeliest given all others."""
    margin = 0.15 * side * scale
    cell = side / _SEARCH_CELLS
    counts = _binned(places, *_edges(low - margin, high + margin, cell * scale))
    scores = [_prediction(counts, share * _SEARCH_CELLS) for share in _KERNELS]
    return float(_KERNELS[int(np.argmax(scores))]) * side


def _prediction(counts: Grid, sigma: float) -> float:
    """Log likelihood of every particle given all others, with a kernel of `sigma` cells."""
    pool = max(1, int(sigma / _CELLS_A_KERNEL))  # coarser cells do for a wide kernel
    pooled, kernel = _pooled(counts, pool), _kernel(sigma / pool)
    taken = pooled > 0
    others = (_smooth(pooled, kernel)[taken] - kernel.max() ** 2) / (pooled.sum() - 1)
    likelihood = (1 - _ANYWHERE) * np.maximum(others, 0) + _ANYWHERE / pooled.size
    return float(pooled[taken] @ np.log(likelihood / pool**2))


def _pooled(counts: Grid, pool: int) -> Grid:
    """Counts of blocks of `pool` cells a side."""
    h, w = (-(-n // pool) * pool for n in counts.shape)
    padded = np.pad(counts, ((0, h - counts.shape[0]), (0, w - counts.shape[1])))
    return np.asarray(padded.reshape(h // pool, pool, w // pool, pool).sum(axis=(1, 3)))


def _binned(places: Grid, x: Grid, y: Grid) -> Grid:
    shape = len(y) - 1, len(x) - 1
    column, row = (
        (places[:, k] - edges[0]) * (n / (edges[-1] - edges[0]))
        for k, (edges, n) in enumerate(((x, shape[1]), (y, shape[0])))
    )
    inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    index = row[inside].astype(np.int64) * shape[1] + column[inside].astype(np.int64)
    counts = np.bincount(index, minlength=shape[0] * shape[1])
    return np.asarray(counts.reshape(shape), np.float64)


def _edges(low: Grid, high: Grid, cell: Grid) -> tuple[Grid, Grid]:
    cells = np.maximum(np.ceil((high - low) / cell).astype(int), 2)
    middle = (low + high) / 2
    x, y = (middle[k] + (np.arange(cells[k] + 1) - cells[k] / 2) * cell[k] for k in range(2))
    return x, y


def _kernel(sigma: float) -> Grid:
    reach = max(1, int(np.ceil(_REACH * sigma)))
    values = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
    return np.asarray(values / values.sum())


def _smooth(values: Grid, kernel: Grid) -> Grid:
    along = convolve1d(values, kernel, axis=0, mode="constant")
    return np.asarray(convolve1d(along, kernel, axis=1, mode="constant"))
