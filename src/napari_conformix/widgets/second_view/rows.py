"""Which particle of a second view is which of the first. No Qt in this file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_conformix.analysis.comparison import Matching


@dataclass(frozen=True, eq=False)
class RowMapping:
    """Rows of the first view's particle file and of the second's.

    `matching` says which are the same where the files are of two jobs; None: both views are of one
    job, and row i is row i.
    """

    matching: Matching | None = None

    @property
    def to_other(self) -> np.ndarray | None:
        """(N,) row in the second file of each row of the first, -1 for none; None: the same."""
        return None if self.matching is None else self.matching.to_other

    def fits(self, total: int) -> bool:
        """Whether the first file has `total` rows."""
        return self.matching is None or total == len(self.matching.to_other)

    def others_of(self, mask: np.ndarray) -> np.ndarray:
        """(N,) bool of rows of the first file -> (M,) bool of those of the second."""
        return mask if self.matching is None else self.matching.others_of(mask)

    def these_of(self, rows: np.ndarray) -> np.ndarray:
        """(k,) rows of the second file -> sorted rows of the first that show their images."""
        if self.matching is None:
            return rows
        mask = np.zeros(len(self.matching.to_this), dtype=bool)
        mask[rows] = True
        return np.flatnonzero(self.matching.these_of(mask))

    def partner(self, side: int, row: int) -> int | None:
        """The row in the other file of a row of the first (`side` 0) or the second (1); None where
        the particle is not there."""
        if self.matching is None:
            return row
        there = (self.matching.to_other, self.matching.to_this)[side]
        found = int(there[row]) if row < len(there) else -1
        return found if found >= 0 else None
