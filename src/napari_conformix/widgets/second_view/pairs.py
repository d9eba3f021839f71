"""Particles that two latent space views both show. No Qt in this file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import LatentView


class Pairs:
    """Made in a worker: the places of the same particles in two views.

    `to_other` (N,) is the row in the other view's particle file of each row of the first's, -1 for
    none; None where both views are of one file.
    """

    def __init__(
        self, view: LatentView, other: LatentView, to_other: np.ndarray | None = None
    ) -> None:
        self.views = view, other
        self.to_other = to_other
        rows = view.rows if to_other is None else to_other[view.rows]
        place = np.searchsorted(other.rows, rows)
        shown = place < len(other.rows)
        shown[shown] = (rows[shown] >= 0) & (other.rows[place[shown]] == rows[shown])
        self.rows = view.rows[shown], other.rows[place[shown]]
        self.xy = view.xy[shown], other.xy[place[shown]]

    def of(self, view: LatentView, other: LatentView, to_other: np.ndarray | None = None) -> bool:
        """Whether these are the pairs of those very views."""
        return self.views[0] is view and self.views[1] is other and self.to_other is to_other

    def nearest(self, side: int, xy: tuple[float, float]) -> int | None:
        """The pair whose place in view `side` is nearest, as the view is drawn."""
        if not len(self.rows[0]):
            return None
        x, y = (self.xy[side][:, axis] - np.float32(xy[axis]) for axis in (0, 1))
        y *= np.float32(self.views[side].stretch)
        x *= x
        y *= y
        x += y
        return int(x.argmin())

    def place(self, side: int, pair: int) -> tuple[float, float]:
        """Where a pair is in view `side`."""
        x, y = map(float, self.xy[side][pair])
        return x, y
