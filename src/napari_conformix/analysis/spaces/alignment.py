"""Whether the axes of two runs are the same axes, and a linear map between them if not.

A run may find the same motion with another sign, on another component, or in other units. Where two
runs share particles, this is seen, and what was drawn in one view can be laid over the other.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: fewer shared particles say nothing about axes
LEAST_SHARED: Final = 50
#: above this correlation, and this near in scale and origin, axes are used as they are
_SAME, _NEAR = 0.99, 0.02
#: below this correlation of the placed particles with where they were, a result is doubtful
WEAK: Final = 0.8
#: strays say nothing of a linear map, and would decide it
_STRAYS: Final = (0.2, 99.8)


@dataclass(frozen=True)
class Alignment:
    """From coordinates (n, k) of a view to the m axes that something was drawn on.

    shared       particles that it was fitted to
    direct       (m,) correlation of each axis with the axis of that name before
    reached      (m,) correlation of the placed particles with their places before
    """

    names: tuple[str, ...]
    shared: int
    direct: Floats
    reached: Floats
    same: tuple[int, ...]
    weights: Floats | None = field(default=None, repr=False)
    offset: Floats | None = field(default=None, repr=False)

    def place(self, coordinates: npt.NDArray[Any]) -> Floats:
        """(n, k) -> (n, m)."""
        values = np.asarray(coordinates, dtype=np.float64)
        if self.weights is None or self.offset is None:
            return values[:, list(self.same)]
        placed: Floats = values @ self.weights + self.offset
        return placed

    @property
    def doubtful(self) -> bool:
        """Whether the runs place the particles too differently to be laid over each other."""
        return bool(self.reached.min() < WEAK)

    def sentence(self) -> str:
        """What was found, with its figures."""
        one = len(self.names) == 1
        axes, direct, reached = (" × ".join(self.names), *map(_list, (self.direct, self.reached)))
        over = f"over {self.shared:,} shared particles"
        if self.weights is None:
            verb, they = ("places", "it") if one else ("place", "they")
            return f"{axes} {verb} the particles as {they} did (correlation {direct} {over})."
        turned = [n for n, r in zip(self.names, self.direct, strict=True) if r < -WEAK]
        was = "is not the axis that it was" if one else "are not the axes that they were"
        text = f"{axes} {was} (correlation {direct} {over}"
        text += f"; {' and '.join(turned)} runs the other way" if turned else ""
        text += (
            "), so the particles were placed by a linear fit of all axes of this view to the old, "
            f"which reaches {reached}."
        )
        if self.doubtful:
            text += (
                " That is little: the two runs do not order these particles alike, and the "
                "selection holds others than it did."
            )
        return text


def align(
    new: npt.NDArray[Any], old: npt.NDArray[Any], names: tuple[str, ...], same: tuple[int, ...]
) -> Alignment | None:
    """How the coordinates `new` (n, k) and `old` (n, m) of the same particles belong together.

    `same` (m) says which columns of `new` bear the names of the columns of `old`. Where these agree
    they are used as they are; otherwise least squares from all of `new`, each axis then stretched
    to the spread that it had, because least squares shrinks what it cannot explain. None when too
    few particles have both.
    """
    values, wanted = np.asarray(new, np.float64), np.asarray(old, np.float64)
    usable = np.isfinite(values).all(axis=1) & np.isfinite(wanted).all(axis=1)
    if usable.sum() >= LEAST_SHARED:
        low, high = np.percentile(wanted[usable], _STRAYS, axis=0)
        usable &= ((wanted >= low) & (wanted <= high)).all(axis=1)
    values, wanted = values[usable], wanted[usable]
    if len(values) < LEAST_SHARED or not (wanted.std(axis=0) > 0).all():
        return None
    direct = _correlations(values[:, list(same)], wanted)
    if _as_they_were(values[:, list(same)], wanted, direct):
        return Alignment(names, len(values), direct, direct, same)
    centre, spread = values.mean(axis=0), values.std(axis=0)
    scaled = (values - centre) / np.where(spread > 0, spread, 1.0)
    weights, *_ = np.linalg.lstsq(scaled, wanted - wanted.mean(axis=0), rcond=None)
    fitted = scaled @ weights
    reached = _correlations(fitted, wanted)
    stretch = fitted.std(axis=0)
    weights = weights * np.where(stretch > 0, wanted.std(axis=0) / stretch, 0.0)
    weights = weights / np.where(spread > 0, spread, 1.0)[:, None]
    return Alignment(
        names, len(values), direct, reached, same, weights, wanted.mean(axis=0) - centre @ weights
    )


def _as_they_were(values: Floats, wanted: Floats, direct: Floats) -> bool:
    spread = wanted.std(axis=0)
    scale = np.abs(values.std(axis=0) / spread - 1)
    shift = np.abs(values.mean(axis=0) - wanted.mean(axis=0)) / spread
    return bool((direct > _SAME).all() and (scale < _NEAR).all() and (shift < _NEAR).all())


def _correlations(a: Floats, b: Floats) -> Floats:
    """(m,) correlation of each column of (n, m) with that of the other; 0 where one is constant."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    norm = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    product: Floats = (a * b).sum(axis=0) / np.where(norm > 0, norm, 1.0)
    return product


def _list(values: Floats) -> str:
    return " and ".join(f"{value:.2f}" for value in values)
