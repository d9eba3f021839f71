"""Differences between two maps of one job, in the maps' own grey units: nothing is rescaled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError

Floats = NDArray[np.float32]


def difference(
    volume: Floats, reference: Floats, mask: NDArray[np.floating] | None = None
) -> Floats:
    """(z, y, x): the map less the reference, times a soft mask if one is given."""
    _refuse_other_shapes(volume, reference, mask)
    less = np.subtract(volume, reference, dtype=np.float32)
    return less if mask is None else less * np.asarray(mask, np.float32)


@dataclass(frozen=True)
class MapComparison:
    """How alike two maps are where the molecule is.

    correlation      of the grey values in the region, their means taken off
    rms_difference   root mean square of the difference in the region, grey units
    region           in words
    """

    correlation: float
    rms_difference: float
    region: str

    def sentence(self) -> str:
        """Both numbers, in words."""
        return (
            f"Correlation of the two maps {self.correlation:.3f}, RMS difference "
            f"{self.rms_difference:.3g} grey units, {self.region}."
        )


def compare_maps(
    first: Floats,
    second: Floats,
    contour: float,
    mask: NDArray[np.floating] | None = None,
) -> MapComparison:
    """Compare two maps (z, y, x) inside a mask (above 1/2), or where either exceeds the contour.

    UserError when there is nothing in that region.
    """
    _refuse_other_shapes(first, second, mask)
    if mask is None:
        region, words = (
            (first >= contour) | (second >= contour),
            "where either is above the contour",
        )
    else:
        region, words = np.asarray(mask) > 0.5, "inside the mask"
    if np.count_nonzero(region) < 2:
        raise UserError(f"There is nothing to compare {words}.")
    a, b = (np.asarray(volume[region], np.float64) for volume in (first, second))
    rms = float(np.sqrt(np.square(a - b).mean()))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return MapComparison(float(a @ b) / size if size else float("nan"), rms, words)


def _refuse_other_shapes(first: Floats, *others: NDArray[np.floating] | None) -> None:
    for other in others:
        if other is not None and other.shape != first.shape:
            raise UserError(
                f"Maps of {' x '.join(map(str, first.shape))} and "
                f"{' x '.join(map(str, other.shape))} voxels cannot be compared."
            )
