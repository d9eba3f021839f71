"""The path of least energy between two places of a landscape.

First the lowest pass is found (the path whose highest point is lowest); then, among the paths that
go no higher, the one along which most particles would diffuse if the landscape were one of
equilibrium: the integral of exp(E) along it is least (the path of largest flux; Berkowitz et al.,
1983).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import label, map_coordinates

from napari_conformix.analysis.landscape.kernel_density import Cell, Density
from napari_conformix.analysis.paths import curves
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.landscape.landscape import Landscape

_TOUCHING = np.ones((3, 3))
#: points of the path that is returned
POINTS = 200
#: cells over which corners of the grid are rounded
_ROUNDED = 2.0


@dataclass(frozen=True, eq=False)
class EnergyPath:
    """xy (m, 2) from start to end, energy (m,) in kT above the deepest minimum (NaN where too few
    particles are); saddle: its highest place; barrier: kT from the start to it.

    at_least: too few particles are on the pass; the barrier is at least so high (95 %).
    """

    xy: NDArray[np.float64]
    energy: NDArray[np.float64]
    saddle: tuple[float, float]
    barrier: float
    barrier_error: float
    at_least: bool = False

    def sentence(self, unit: str = "kT") -> str:
        """'The barrier on the way is 1.32 ± 0.08 kT high ...'."""
        if self.at_least:
            return (
                f"Too few particles are on the way: the barrier is at least {self.barrier:.1f} "
                f"{unit} high, and where it is lowest is not known."
            )
        return (
            f"The highest place on the way is {self.barrier:.2f} ± {self.barrier_error:.2f} {unit} "
            f"above the start, at ({self.saddle[0]:.3g}, {self.saddle[1]:.3g})."
        )


def least_energy_path(found: "Landscape", start: ArrayLike, end: ArrayLike) -> EnergyPath:
    """From one place (2,) of a landscape to another; UserError for places outside the view, or
    where no particles are."""
    field = found.density
    cells = [_cell(field, place) for place in (start, end)]
    if cells[0] == cells[1]:
        raise UserError("The path begins and ends at the same place; choose two.")
    way, saddle = _cheapest(field, cells[0], cells[1])
    xy = field.centre(_rounded(way))
    xy[0], xy[-1] = np.asarray(start, float), np.asarray(end, float)
    place = field.centre(saddle)[0]
    known = bool(np.isfinite(found.energy[saddle]))
    height = field.first[saddle] if known else field.upper_limit(saddle)
    barrier = float(np.log(field.first[cells[0]] / max(height, 1e-300)))
    model_error = found.halves.model_error if found.halves is not None else 0.0
    error = float(np.hypot(field.log_ratio_error(cells[0], saddle), model_error))
    return EnergyPath(
        xy,
        _energy_along(found, xy),
        (float(place[0]), float(place[1])),
        max(barrier, 0.0),
        error if known else float("nan"),
        at_least=not known,
    )


def between_minima(found: "Landscape", one: int, other: int) -> EnergyPath:
    """From the minimum of a number (from 1) to another; UserError names those that there are."""
    for number in (one, other):
        if not 1 <= number <= len(found.minima):
            raise UserError(
                f"There is no state {number} on this landscape; it has "
                + ("one state." if len(found.minima) == 1 else f"1 to {len(found.minima)}.")
            )
    ends = (found.minima[one - 1].xy, found.minima[other - 1].xy)
    return least_energy_path(found, *ends)


def _cell(field: Density, place: ArrayLike) -> Cell:
    row, column = (int(k) for k in field.cell_of(place)[0])
    if row < 0 or field.first[row, column] <= 0:
        x, y = np.asarray(place, float)
        raise UserError(
            f"No particles are at ({x:.3g}, {y:.3g}) of the view; choose a place within the cloud."
        )
    return row, column


def _cheapest(field: Density, start: Cell, end: Cell) -> tuple[NDArray[np.int64], Cell]:
    """Cells (m, 2) from start to end, and the highest of them."""
    from skimage.graph import route_through_array

    # where no particle is near, the density is what it may be at most
    floor = 1e-3 * field.upper_limit(None)
    first = np.maximum(field.first, floor)
    allowed = first >= _lowest_pass(first, start, end)
    cost = np.where(allowed, first.max() / first, -1.0)  # negative: not to be entered
    cells, _ = route_through_array(cost, start, end, fully_connected=True, geometric=True)
    way = np.array(cells, np.int64)
    highest = way[first[way[:, 0], way[:, 1]].argmin()]
    return way, (int(highest[0]), int(highest[1]))


def _lowest_pass(first: NDArray[np.float64], start: Cell, end: Cell) -> float:
    """The largest density such that a path of no less joins start and end: by bisection."""
    values = np.unique(first[first <= min(first[start], first[end])])
    low, high = 0, len(values) - 1  # at `low` they are joined
    while low < high:
        middle = (low + high + 1) // 2
        regions, _ = label(first >= values[middle], structure=_TOUCHING)
        if regions[start] == regions[end]:
            low = middle
        else:
            high = middle - 1
    return float(values[low])


def _rounded(way: NDArray[np.int64]) -> NDArray[np.float64]:
    fine = curves.evenly(way, max(POINTS, 2 * len(way)))
    length = curves.line_length(way)
    smooth = curves.smoothed(fine, _ROUNDED * len(fine) / max(length, 1.0))
    return curves.evenly(smooth, POINTS)


def _energy_along(found: "Landscape", xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energies between cells, bilinear in the density; NaN in grey."""
    field = found.density
    row = (xy[:, 1] - field.y[0]) / (field.y[1] - field.y[0]) - 0.5
    column = (xy[:, 0] - field.x[0]) / (field.x[1] - field.x[0]) - 0.5
    first = map_coordinates(field.first, [row, column], order=1, mode="nearest")
    top = float(np.where(np.isfinite(found.energy), field.first, 0).max())
    with np.errstate(divide="ignore"):
        energy = -np.log(np.maximum(first, 0) / top)
    return np.where(np.isfinite(found.energy_at(xy)), energy, np.nan)
