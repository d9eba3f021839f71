"""How the values of a coloured column are distributed: the picture on which a range is dragged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

_BINS: Final = 120
#: the axis holds all but these strays, and a margin beyond them
_AXIS_PERCENT: Final = (0.1, 99.9)
_MARGIN: Final = 0.05


@dataclass(frozen=True)
class Histogram:
    """Counts of finite values in equal bins from `low` to `high`.

    Strays beyond are counted in the first and the last bin; `lowest` and `highest` are theirs, so
    that a range can be dragged to hold everything.
    """

    counts: np.ndarray
    low: float
    high: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: np.ndarray) -> Histogram | None:
        """Of (n,) finite values; None where there is no spread to show."""
        if not len(values):
            return None
        lowest, highest = float(values.min()), float(values.max())
        first, last = map(float, np.percentile(values, _AXIS_PERCENT))
        margin = _MARGIN * (last - first)
        low, high = max(lowest, first - margin), min(highest, last + margin)
        if not high > low:
            low, high = lowest, highest
        if not high > low:
            return None
        place = (values - np.float32(low)) * np.float32(_BINS / (high - low))
        np.clip(place, 0, _BINS - 1, out=place)
        counts = np.bincount(place.astype(np.uint8), minlength=_BINS)
        return cls(counts, low, high, lowest, highest)

    @property
    def span(self) -> float:
        """Of the axis, in units of the values."""
        return self.high - self.low

    def share_of(self, value: float) -> float:
        """Where a value is along the axis, from 0 to 1; strays are at its ends."""
        return float(np.clip((value - self.low) / self.span, 0.0, 1.0))

    def value_at(self, share: float) -> float:
        """The value at a share of the axis; at its ends, that of the last stray."""
        if share <= 0.0:
            return self.lowest
        if share >= 1.0:
            return self.highest
        return self.low + share * self.span
