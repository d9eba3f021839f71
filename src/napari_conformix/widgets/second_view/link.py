"""What two latent space views of the same particles have in common: tools, the selection, the
cursor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_conformix.analysis.selections import view_steps
from napari_conformix.widgets.second_view.pairs import Pairs
from napari_conformix.widgets.selections import ACTIONS

if TYPE_CHECKING:
    from napari_conformix.analysis.comparison import Matching
    from napari_conformix.analysis.selections import Step
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.widgets.latent_view import Mode
    from napari_conformix.widgets.second_view.store import Beside
    from napari_conformix.widgets.selections import SelectionGroup
    from napari_conformix.widgets.spaces import LatentViewPanel, ViewGroup


@dataclass(frozen=True)
class Marked:
    """The particle at a cursor: its rows in both files, and whether it is as near as the cursor's
    circle, or only the nearest of those that both views show."""

    row: int
    other_row: int
    near: bool


class ViewLink(QObject):
    """Two views that act as one, while there is a matching.

    There is one selection, of rows of the opened job; `told(text)` says how much of it is in the
    other job. `marked(Marked | None)` gives the particle at the cursor, None where no particle is
    in both views. `other_cursor(x, y)` is where the cursor of the second view is now.
    """

    told = Signal(str)
    marked = Signal(object)
    other_cursor = Signal(float, float)

    def __init__(
        self,
        beside: Beside,
        selections: SelectionGroup,
        panels: tuple[LatentViewPanel, LatentViewPanel],
        maps: tuple[ViewGroup, ViewGroup],
    ) -> None:
        super().__init__()
        self._beside, self._selections = beside, selections
        self._panels, self._maps = panels, maps
        self._pairs: Pairs | None = None
        self._waiting: tuple[int, float, float] | None = None
        self._leading = False
        self._mark: Marked | None = None
        for side in (0, 1):
            canvas, bar = panels[side].canvas, panels[side].bar
            canvas.cursor_moved.connect(lambda x, y, side=side: self._cursor_moved(side, x, y))
            bar.tool_chosen.connect(lambda tool, side=side: self._tool_chosen(side, tool))
            bar.mode_chosen.connect(lambda mode, side=side: self._mode_chosen(side, mode))
        panels[1].canvas.lasso_finished.connect(self._lasso)
        panels[1].canvas.rectangle_finished.connect(self._rectangle)
        bar = panels[1].bar
        bar.undo_asked.connect(lambda: self._history and self._history.undo())
        bar.redo_asked.connect(lambda: self._history and self._history.redo())
        bar.clear_asked.connect(lambda: self._history and self._history.clear())
        bar.invert_asked.connect(self._invert)
        selections.selection_changed.connect(self.show_selection)
        maps[1].shown.connect(self._other_shown)
        for group in maps:
            group.shown.connect(self._find_pairs)
        beside.matched.connect(self._matched)

    @property
    def _history(self):
        return self._selections.history if self._beside.matching is not None else None

    def forget(self) -> None:
        """There is no other job any more."""
        self._pairs = self._mark = self._waiting = None
        self._panels[1].canvas.set_selection(np.zeros(0, dtype=bool))

    def _matched(self, matching: Matching) -> None:
        other = self._panels[1].bar
        other.choose_tool(self._panels[0].canvas.overlay.tool)
        other.choose_mode(self._panels[0].canvas.overlay.mode)
        self._find_pairs()
        self.show_selection()

    # -- tools ------------------------------------------------------------------------------------

    def _tool_chosen(self, side: int, tool) -> None:
        """Both views have the same tool."""
        other = self._panels[1 - side]
        if other.canvas.overlay.tool is not tool:
            other.bar.choose_tool(tool)

    def _mode_chosen(self, side: int, mode: Mode) -> None:
        other = self._panels[1 - side]
        if other.canvas.overlay.mode is not mode:
            other.bar.choose_mode(mode)

    # -- selection --------------------------------------------------------------------------------

    def show_selection(self) -> None:
        """Highlight in the second view what is selected, and say how much of it is there."""
        matching, history = self._beside.matching, self._selections.history
        if matching is None or history is None or history.total != len(matching.to_other):
            return
        mask = history.mask
        there = matching.others_of(mask)
        panel = self._panels[1]
        panel.canvas.set_selection(there)
        panel.bar.set_state(history.count, history.can_undo, history.can_redo)
        text = _count_text(mask, there, matching, self._beside.names)
        panel.bar.count.setText(text)
        self.told.emit(text)

    def _lasso(self, polygon: np.ndarray, mode: Mode) -> None:
        """A lasso in the second view selects rows of the opened job."""
        self._find(lambda view: view_steps.lasso_step(view, polygon), mode)

    def _rectangle(self, corners: np.ndarray, mode: Mode) -> None:
        """A rectangle does so, too."""
        self._find(lambda view: view_steps.rectangle_step(view, corners), mode)

    def _find(self, step_of: Callable[[LatentView], Step], mode: Mode) -> None:
        view, matching, history = self._maps[1].latent_view, self._beside.matching, self._history
        if view is None or history is None:
            return
        job = str(self._beside.other.job.folder)

        def rows() -> tuple[np.ndarray, Step]:
            step = step_of(view)
            inside = view.rows[view_steps.inside(step, view.xy)]
            return matching.these_of(_mask(inside, matching)), step

        def apply(found: tuple[np.ndarray, Step]) -> None:
            if history is self._history:
                self._selections.select(found[0], ACTIONS[mode], job=job, **found[1])

        self._beside.session.run_in_worker(rows, apply)

    def _invert(self) -> None:
        """Of the particles that the second view shows, select those that are not."""
        view, matching, history = self._maps[1].latent_view, self._beside.matching, self._history
        if view is None or history is None:
            return
        shown = matching.these_of(_mask(view.rows, matching))
        job = str(self._beside.other.job.folder)
        history.invert(shown, job=job, **view_steps.shown_step(view))

    # -- cursor -----------------------------------------------------------------------------------

    def _find_pairs(self, *_: object) -> None:
        """Either view shows something new: find, in a worker, which particles both show."""
        first, second = (group.latent_view for group in self._maps)
        matching = self._beside.matching
        if matching is None or first is None or second is None:
            self._pairs = None
            return
        if self._pairs is not None and self._pairs.of(first, second, matching.to_other):
            return
        self._beside.session.run_in_worker(
            lambda: Pairs(first, second, matching.to_other),
            self._take_pairs,
            key="job:next to pairs",
        )

    def _take_pairs(self, pairs: Pairs) -> None:
        matching = self._beside.matching
        current = matching is not None and pairs.to_other is matching.to_other
        self._pairs = pairs if current else None
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._cursor_moved(*waiting)

    def _cursor_moved(self, side: int, x: float, y: float) -> None:
        """Put the other view's cursor on the particle nearest to this one's."""
        if self._leading or self._beside.matching is None:
            return
        if side == 1:
            self.other_cursor.emit(x, y)
        pairs = self._pairs
        views = (group.latent_view for group in self._maps)
        if pairs is None or not pairs.of(*views, self._beside.matching.to_other):
            self._waiting = side, x, y  # until the pairs of what is shown now are found
            return
        found = pairs.nearest(side, (x, y))
        if found is None:
            self._mark = None
            self._panels[1 - side].canvas.overlay.set_cursor(None)
            self.marked.emit(None)
            return
        place = pairs.place(1 - side, found)
        view = pairs.views[side]
        distance = np.linalg.norm((pairs.xy[side][found] - (x, y)) * [1.0, view.stretch])
        near = bool(distance <= view.nearby_radius)
        self._mark = Marked(int(pairs.rows[0][found]), int(pairs.rows[1][found]), near)
        self._lead(1 - side, place)
        self.marked.emit(self._mark)

    def _lead(self, side: int, place: tuple[float, float]) -> None:
        """The cursor of a view follows; whoever listens to that view hears of it as of a click."""
        canvas = self._panels[side].canvas
        canvas.overlay.set_cursor(place)
        self._leading = True
        try:
            canvas.cursor_moved.emit(*place)
        finally:
            self._leading = False
        if side == 1:
            self.other_cursor.emit(*place)

    def _other_shown(self, view: LatentView, moved: bool) -> None:
        """Other axes, or newer latents: the cursor stays on its particle."""
        self.show_selection()
        overlay = self._panels[1].canvas.overlay
        if self._mark is not None and (moved or overlay.cursor_xy is None):
            overlay.set_cursor(view.place_of(self._mark.other_row))
        if overlay.cursor_xy is not None:
            self.other_cursor.emit(*overlay.cursor_xy)


def _mask(rows: np.ndarray, matching: Matching) -> np.ndarray:
    """(M,) bool of rows of the other job."""
    mask = np.zeros(len(matching.to_this), dtype=bool)
    mask[rows] = True
    return mask


def _count_text(
    mask: np.ndarray, there: np.ndarray, matching: Matching, names: tuple[str, str]
) -> str:
    """'300 selected in run1, 280 of them in run2.', each with the title of its method."""
    count = int(np.count_nonzero(mask))
    if not count:
        return "Nothing selected: lasso in either view."
    shared = int(np.count_nonzero(mask & (matching.to_other >= 0)))
    text = f"{count:,} selected in {names[0]}, {shared:,} of them in {names[1]}"
    rows = int(np.count_nonzero(there))
    return text + (f" ({rows:,} rows there)." if rows != shared else ".")
