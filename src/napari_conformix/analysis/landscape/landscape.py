"""The landscape of particles in a map: -ln of their density, in kT above the deepest minimum.

What it is not: a measurement of an equilibrium. `words` says how far it may be read.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.analysis.landscape.basins import Basins, find_basins
from napari_conformix.analysis.landscape.kernel_density import Cell, Density, density
from napari_conformix.analysis.landscape.states import HalvesAgreement, Minimum

__all__ = ["HalvesAgreement", "Landscape", "Minimum", "contours", "default_levels", "landscape"]

Grid = NDArray[np.float64]

#: cells whose energy is known no better than this, in kT, are left grey
MOST_ERROR = 0.5


@dataclass(frozen=True, eq=False)
class Landscape:
    """Energies on a grid; row i is y, column k is x, both ascending.

    energy    (h, w) kT above the deepest minimum; NaN where too few particles are (grey)
    error     (h, w) its standard error in kT: counting, and the difference of the halves
    minima    the states that are beyond the noise, the deepest first
    basins    (h, w) int16: the number of the state that a cell belongs to, from 1; 0 for none
    density   what all this is made of
    halves    how far the two halves agree; None for one model
    noise     (2,) the particles' own uncertainty along x and y, an RMS standard deviation in units
              of the view; None where it is not known
    blur      share of the variance of the narrowest state that is that uncertainty; None likewise
    axes, unit, title, key: of the view
    epoch     of the latents
    cautions  sentences that this view and method need
    doubt     what stands against taking the minima for states of the molecule; '' for nothing
    """

    energy: Grid
    error: Grid
    minima: tuple[Minimum, ...]
    basins: NDArray[np.int16]
    density: Density
    found: Basins
    halves: HalvesAgreement | None = None
    noise: tuple[float, float] | None = None
    blur: float | None = None
    axes: tuple[str, str] = ("x", "y")
    title: str = ""
    key: str = ""
    epoch: int | None = None
    cautions: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def x(self) -> Grid:
        """(w + 1,) edges of the cells."""
        return self.density.x

    @property
    def y(self) -> Grid:
        """(h + 1,) edges of the cells."""
        return self.density.y

    @property
    def total(self) -> int:
        """Particles in the view."""
        return self.density.total

    @property
    def extent(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """((x0, y0), (x1, y1))."""
        return (float(self.x[0]), float(self.y[0])), (float(self.x[-1]), float(self.y[-1]))

    @property
    def unit(self) -> str:
        """Of the energy: kT, or what it is on a view whose density has no meaning."""
        return "relative crowding" if self.key.startswith("umap") else "kT"

    def energy_at(self, xy: ArrayLike) -> Grid:
        """(n, 2) places -> (n,) kT; NaN in grey and outside."""
        cell = self.density.cell_of(xy)
        return np.where(cell[:, 0] >= 0, self.energy[cell[:, 0], cell[:, 1]], np.nan)

    def state_of(self, xy: ArrayLike) -> NDArray[np.int64]:
        """(n, 2) places -> (n,) number of the state whose basin they are in, from 1; 0: none."""
        cell = self.density.cell_of(xy)
        return np.where(cell[:, 0] >= 0, self.basins[cell[:, 0], cell[:, 1]], 0).astype(np.int64)

    def sentence(self) -> str:
        """The finding in one sentence."""
        from napari_conformix.analysis.landscape.words import finding

        return finding(self)

    def sentences(self) -> list[str]:
        """The finding, and how far it may be read."""
        from napari_conformix.analysis.landscape.words import sentences

        return sentences(self)


def landscape(
    xy: ArrayLike,
    *,
    half: ArrayLike | None = None,
    uncertainty: ArrayLike | None = None,
    stretch: float = 1.0,
    width: float | None = None,
    most_error: float = MOST_ERROR,
) -> Landscape:
    """The landscape of particles at places (n, 2) of a view.

    Parameters
    ----------
    half: (n,) half set of each particle where two models placed them; both halves' landscapes are
        then compared, and what they differ by beyond counting is part of every error.
    uncertainty: (n, 2) standard deviation of each particle's place.
    stretch, width: see `kernel_density.density`.
    most_error: kT; cells known worse than this are left grey.

    Errors of energies are of their difference to the deepest minimum and hold the covariance of
    both; that of the minimum's own place is not included.
    """
    places = np.asarray(xy, np.float64)
    usable = np.isfinite(places).all(axis=1)
    places = places[usable]
    field = density(places, stretch=stretch, width=width)
    least = 1 / most_error**2
    known = field.effective >= least
    deepest = _deepest(field, known)
    halves = None
    if half is not None:
        halves = _halves(field, places, np.asarray(half)[usable], deepest, least)
    model_error = halves.model_error if halves is not None else 0.0
    found = find_basins(field, known, model_error)
    energy, error = _energies(field, deepest, known, model_error)
    made = Landscape(
        energy,
        error,
        _minima(field, found, error, known, model_error),
        (found.labels + 1).astype(np.int16),
        field,
        found,
        halves,
    )
    if uncertainty is None:
        return made
    return _with_noise(made, places, np.asarray(uncertainty, np.float64)[usable])


def contours(
    found: Landscape, levels: ArrayLike | None = None
) -> list[tuple[float, NDArray[np.float64]]]:
    """Lines of equal energy: (level in kT, (m, 2) places x, y); none through grey.

    By default every kT, or finer where there are few.
    """
    from skimage.measure import find_contours

    chosen = default_levels(found) if levels is None else np.atleast_1d(np.asarray(levels, float))
    return [
        (float(level), found.density.centre(line))
        for level in chosen
        for line in find_contours(found.energy, float(level))
    ]


def default_levels(found: Landscape) -> Grid:
    """Whole kT within the landscape; halves or fifths of it where that gives fewer than three."""
    top = float(np.nanmax(found.energy))
    for step in (1.0, 0.5, 0.2):
        levels = np.arange(1, int(top / step) + 1) * step
        if len(levels) >= 3:
            break
    return np.asarray(levels)


# -- how it is made -------------------------------------------------------------------------------


def _deepest(field: Density, known: NDArray[np.bool_]) -> Cell:
    place = np.unravel_index(int(np.where(known, field.first, -1).argmax()), field.first.shape)
    return int(place[0]), int(place[1])


def _energies(
    field: Density, deepest: Cell, known: NDArray[np.bool_], model_error: float
) -> tuple[Grid, Grid]:
    first, top = np.where(known, field.first, np.nan), field.first[deepest]
    variance = field.second / first**2 + field.second[deepest] / top**2
    variance -= 2 * field.shared(deepest) / (first * top)
    variance = np.maximum(variance, 0)
    variance += np.where(_same_cell(field, deepest), 0.0, model_error**2)
    return np.asarray(-np.log(first / top)), np.asarray(np.sqrt(variance))


def _same_cell(field: Density, cell: Cell) -> NDArray[np.bool_]:
    same = np.zeros(field.first.shape, bool)
    same[cell] = True
    return same


def _halves(
    field: Density, places: Grid, half: NDArray[np.int_], deepest: Cell, least: float
) -> HalvesAgreement | None:
    """The landscapes of both halves against one another."""
    if set(np.unique(half)) != {1, 2}:
        return None
    one, two = (density(places[half == h], like=field) for h in (1, 2))
    both = (one.effective >= least) & (two.effective >= least)
    if not both.any():
        return HalvesAgreement(float("nan"), float("nan"))
    if not both[deepest]:
        deepest = _deepest(field, both)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = np.log(one.first / two.first)
    difference = difference - difference[deepest]
    expected = np.zeros_like(difference)
    for part in (one, two):
        _, error = _energies(part, deepest, both, 0.0)
        expected += np.square(error)
    weight = np.where(both, field.first, 0.0)
    weight /= weight.sum()
    observed = np.nansum(weight * np.where(both, np.square(difference), 0.0))
    return HalvesAgreement(
        float(np.sqrt(observed)), float(np.sqrt(np.nansum(np.where(both, weight * expected, 0.0))))
    )


def _minima(
    field: Density,
    found: Basins,
    error: Grid,
    known: NDArray[np.bool_],
    model_error: float,
) -> tuple[Minimum, ...]:
    counts = np.bincount(
        found.labels[found.labels >= 0],
        weights=field.counts[found.labels >= 0],
        minlength=len(found.peaks),
    )
    top = field.first[found.peaks[0]]
    minima = []
    for index, peak in enumerate(found.peaks):
        share = counts[index] / field.total
        x, y = _refined(field, peak)
        one = Minimum(
            index + 1,
            (x, y),
            float(-np.log(field.first[peak] / top)),
            float(error[peak]),
            int(counts[index]),
            float(share),
            float(np.sqrt(share * (1 - share) / field.total)),
        )
        if len(found.peaks) > 1:
            one = _with_barrier(one, field, found, known, model_error)
        minima.append(one)
    return tuple(minima)


def _with_barrier(
    one: Minimum, field: Density, found: Basins, known: NDArray[np.bool_], model_error: float
) -> Minimum:
    index = one.number - 1
    way, to = found.way_out(index)
    peak = found.peaks[index]
    if way.cell is None or not known[way.cell]:
        limit = field.upper_limit(way.cell)
        height = float(np.log(max(field.first[peak] / limit, 1.0)))
        return replace(one, barrier=height, at_least=True)
    return replace(
        one,
        barrier=float(np.log(field.first[peak] / way.height)),
        barrier_error=float(np.hypot(field.log_ratio_error(peak, way.cell), model_error)),
        barrier_to=None if to is None else to + 1,
    )


def _refined(field: Density, peak: Cell) -> tuple[float, float]:
    """The place of a maximum between cells: the top of the parabola through its neighbours."""
    shift = []
    for axis in range(2):
        step = np.eye(2, dtype=int)[axis]
        before, after = np.array(peak) - step, np.array(peak) + step
        if (before < 0).any() or (after >= field.first.shape).any():
            shift.append(0.0)
            continue
        a, b, c = (field.first[tuple(cell)] for cell in (before, np.array(peak), after))
        bend = a - 2 * b + c
        shift.append(float(0.5 * (a - c) / bend) if bend < 0 else 0.0)
    place = field.centre(np.array(peak, float) + shift)[0]
    return float(place[0]), float(place[1])


def _with_noise(found: Landscape, places: Grid, uncertainty: Grid) -> Landscape:
    """How much of the width of the narrowest state is the particles' own uncertainty.

    Along the narrowest direction of each state, by the covariance of its particles; particles of
    states that are mere shoulders of others are in the basins of those.
    """
    state = found.state_of(places)
    finite = np.isfinite(uncertainty).all(axis=1)
    noise = np.sqrt(np.square(uncertainty[finite]).mean(axis=0)) if finite.any() else None
    if noise is None:
        return found
    shares = []
    for one in found.minima:
        mine = (state == one.number) & finite
        if np.count_nonzero(mine) < 20:
            continue
        variance, directions = np.linalg.eigh(np.cov(places[mine].T))
        own = np.square(uncertainty[mine]).mean(axis=0)
        shares.append(float((np.square(directions[:, 0]) @ own) / max(variance[0], 1e-300)))
    blur = max(shares) if shares else None
    return replace(found, noise=(float(noise[0]), float(noise[1])), blur=blur)
