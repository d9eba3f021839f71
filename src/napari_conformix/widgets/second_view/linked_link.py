"""What two latent space views of one job have in common: tools, the selection, the cursor, and the
ring around the particle under the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_conformix.widgets.second_view.pairs import Pairs
from napari_conformix.widgets.selections import ACTIONS, SelectionFinder

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.widgets.selections import SelectionGroup
    from napari_conformix.widgets.session import Session
    from napari_conformix.widgets.spaces import LatentViewPanel, ViewGroup


class LinkedViews(QObject):
    """Makes two views act as one while :attr:`active`.

    The first view's tools act on both. A place of one view is, in the other, the place of the
    particle nearest to it; `told(text)` says so, or that no particle is in both views.
    """

    told = Signal(str)

    def __init__(
        self,
        session: Session,
        selections: SelectionGroup,
        panels: tuple[LatentViewPanel, LatentViewPanel],
        maps: tuple[ViewGroup, ViewGroup],
    ) -> None:
        super().__init__()
        self._session, self._selections = session, selections
        self._panels, self._maps = panels, maps
        self.active = False
        self._pairs: Pairs | None = None
        self._waiting: tuple[int, float, float] | None = None
        self._leading = False
        self.finder = SelectionFinder(session)
        self.finder.found.connect(self._found)
        self.finder.counted.connect(panels[0].bar.say_count)
        self._connect_tools()
        self._connect_lasso()
        for side in (0, 1):
            canvas = panels[side].canvas
            canvas.cursor_moved.connect(lambda x, y, side=side: self._cursor_moved(side, x, y))
            canvas.hovered.connect(lambda row, side=side: self._hovered(side, row))
            maps[side].shown.connect(self._shown)
        selections.selection_changed.connect(self.show_selection)

    def _connect_tools(self) -> None:
        first, second = self._panels
        first.bar.tool_chosen.connect(second.bar.choose_tool)
        first.bar.mode_chosen.connect(second.bar.choose_mode)
        first.bar.fit_asked.connect(second.canvas.fit)
        first.bar.cancelled.connect(second.canvas.overlay.cancel)

    def _connect_lasso(self) -> None:
        canvas, finder = self._panels[1].canvas, self.finder
        canvas.lasso_finished.connect(lambda line, mode: finder.lasso(line, ACTIONS[mode]))
        canvas.rectangle_finished.connect(
            lambda corners, mode: finder.rectangle(corners, ACTIONS[mode])
        )
        canvas.lasso_moved.connect(lambda line, mode: finder.count(line, ACTIONS[mode]))

    def set_active(self, active: bool) -> None:
        """The second view is shown, or is not any more."""
        self.active = active
        self._pairs = self._waiting = None
        if active:
            bar = self._panels[0].bar
            self._panels[1].bar.choose_tool(self._panels[0].canvas.overlay.tool)
            self._panels[1].bar.choose_mode(bar.mode)
            self.show_selection()
            self._find_pairs()
        else:
            self.finder.history = self.finder.latent_view = None

    # -- selection --------------------------------------------------------------------------------

    def show_selection(self) -> None:
        """Highlight in the second view what is selected."""
        history = self._selections.history
        if self.active and history is not None:
            self.finder.history = history
            self._panels[1].canvas.set_selection(history.mask)
            self._maps[1].set_selection(history.mask)

    def _found(self, rows: np.ndarray, action: str, step: dict[str, Any]) -> None:
        """A lasso in the second view."""
        self._selections.select(rows, action, **step)

    # -- cursor -----------------------------------------------------------------------------------

    def _shown(self, view: LatentView, moved: bool) -> None:
        if self.active:
            self.finder.latent_view = self._maps[1].latent_view
            self._find_pairs()

    def _find_pairs(self) -> None:
        """Either view shows something new: find, in a worker, which particles both show."""
        first, second = (group.latent_view for group in self._maps)
        if first is None or second is None:
            self._pairs = None
        elif self._pairs is None or not self._pairs.of(first, second):
            self._session.run_in_worker(
                lambda: Pairs(first, second), self._take_pairs, key="job:second pairs"
            )

    def _take_pairs(self, pairs: Pairs) -> None:
        if not self.active:
            return
        self._pairs = pairs
        self.told.emit(_words(len(pairs.rows[0]), *pairs.views))
        cursors = [panel.canvas.overlay.cursor_xy for panel in self._panels]
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._cursor_moved(*waiting)
        elif cursors[0] is not None:  # a view with other axes: the cursor stays on its particle
            self._cursor_moved(0, *cursors[0])

    def _cursor_moved(self, side: int, x: float, y: float) -> None:
        """Put the other view's cursor on the particle nearest to this one's."""
        if self._leading or not self.active:
            return
        pairs = self._pairs
        if pairs is None or not pairs.of(*(group.latent_view for group in self._maps)):
            self._waiting = side, x, y  # until the pairs of what is shown now are found
            return
        found = pairs.nearest(side, (x, y))
        other = self._panels[1 - side].canvas
        if found is None:
            other.overlay.set_cursor(None)
            return
        place = pairs.place(1 - side, found)
        other.overlay.set_cursor(place)
        if side == 1:  # whoever listens to the first view hears of it as of a click there
            self._leading = True
            try:
                other.cursor_moved.emit(*place)
            finally:
                self._leading = False

    def _hovered(self, side: int, row: int | None) -> None:
        if self.active:
            self._panels[1 - side].canvas.set_hovered(row)


def _words(shared: int, first: LatentView, second: LatentView) -> str:
    """What the two views share."""
    if not shared:
        return "No particle is in both views: choose views of the same half, or the motion view."
    if shared == len(first.rows) == len(second.rows):
        return f"Both views show the same {shared:,} particles."
    return (
        f"{shared:,} particles are in both views; the upper or left one shows {len(first.rows):,}, "
        f"the other {len(second.rows):,}."
    )
