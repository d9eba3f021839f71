"""Conditions on how far particles move, and how well that is known."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class MotionLimits:
    """Conditions on particles, all of which must hold; limits count in. Lengths in A."""

    motion_above: float | None = None
    error_below: float | None = None
    error_above: float | None = None
    ratio_above: float | None = None

    @property
    def given(self) -> dict[str, float]:
        """Those that are there."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def hold(self, motion: NDArray[Any], error: NDArray[Any]) -> NDArray[np.bool_]:
        """(N,) for RMS motions and errors (N,); an unknown error (NaN) meets no condition on it."""
        fits = np.ones(len(motion), bool)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = motion / error
        if self.motion_above is not None:
            fits &= motion >= self.motion_above
        if self.error_below is not None:
            fits &= error <= self.error_below
        if self.error_above is not None:
            fits &= error >= self.error_above
        if self.ratio_above is not None:
            fits &= ratio >= self.ratio_above
        return fits
