"""Which particles a lasso, a rectangle or a range takes, found in a worker; and the count while a
lasso is still being drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_conformix.analysis.selections import SortedPoints, rectangle_corners, view_steps
from napari_conformix.widgets.selections.counts import live_text

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import SelectionHistory, Step
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.widgets.session import Session


class SelectionFinder(QObject):
    """Looks particles up in the view that is shown.

    `found(rows, action, step)` gives rows of the particle file and how they were found, for the
    history that :attr:`history` was when it was asked; `counted(text)` the count of an unfinished
    lasso. All work is done in workers; of the counts, the newest request wins.
    """

    found = Signal(object, str, dict)
    counted = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.history: SelectionHistory | None = None
        #: what the latent space view shows: nothing else is taken
        self.latent_view: LatentView | None = None
        #: rows that the view shows -> rows of the history's particles; called in a worker
        self.carry: Callable[[np.ndarray], np.ndarray] = lambda rows: rows
        self._points: tuple[LatentView, SortedPoints] | None = None
        self._drawing = False

    def lasso(self, polygon: np.ndarray, action: str) -> None:
        """A lasso (n, 2) was closed."""
        self._find(
            lambda view: (self._inside(view, polygon), view_steps.lasso_step(view, polygon)), action
        )

    def rectangle(self, corners: np.ndarray, action: str) -> None:
        """A rectangle, by two opposite corners (2, 2), was drawn."""
        self._find(
            lambda view: (
                self._inside(view, rectangle_corners(corners)),
                view_steps.rectangle_step(view, corners),
            ),
            action,
        )

    def nearest(self, xy: tuple[float, float], count: int, action: str) -> None:
        """The particles nearest to a point of the view."""

        def near(view: LatentView) -> tuple[np.ndarray, Step]:
            step = view_steps.nearest_step(view, xy, count)
            return view_steps.inside(step, view.xy), step

        self._find(near, action)

    def count(self, polygon: np.ndarray, action: str) -> None:
        """Report how many particles are inside a lasso that is being drawn."""
        view, history = self.latent_view, self.history
        if view is None or history is None or len(polygon) < 3:
            return
        self._drawing, selected, carry = True, history.mask, self.carry

        def work() -> str:
            inside = np.zeros(len(selected), dtype=bool)
            inside[carry(view.rows[self._inside(view, polygon)])] = True
            return live_text(inside, selected, action)

        self._session.run_in_worker(work, self._tell_count, key="job:selection count")

    def stop_counting(self) -> None:
        """The lasso is finished or dropped: a count that comes late is not shown."""
        self._drawing = False

    def _tell_count(self, text: str) -> None:
        if self._drawing:
            self.counted.emit(text)

    def _find(self, find: Callable[[LatentView], tuple[np.ndarray, Step]], action: str) -> None:
        self.stop_counting()
        view, history, carry = self.latent_view, self.history, self.carry
        if view is None or history is None:
            return

        def work() -> tuple[np.ndarray, Step]:
            inside, step = find(view)
            return carry(view.rows[inside]), step

        def tell(found: tuple[np.ndarray, dict[str, Any]]) -> None:
            if history is self.history:
                self.found.emit(found[0], action, found[1])

        self._session.run_in_worker(work, tell)

    def _inside(self, view: LatentView, polygon: np.ndarray) -> np.ndarray:
        """(n,) which particles of the view are in a polygon; in a worker."""
        points = self._points
        if points is None or points[0] is not view:
            points = self._points = view, SortedPoints(view.xy)
        return points[1].inside(polygon)
