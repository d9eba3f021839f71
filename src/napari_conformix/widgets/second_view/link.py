"""What two views have in common: tools, the selection, the cursor, the particle under the mouse.

It does not matter whether both are of one job or of two: a :class:`RowMapping` knows which row is
which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_conformix.analysis.selections import view_steps
from napari_conformix.widgets.second_view.pairs import Pairs
from napari_conformix.widgets.second_view.words import pair_words, selection_words
from napari_conformix.widgets.selections import ACTIONS, SelectionFinder
from napari_conformix.widgets.session import LINK

if TYPE_CHECKING:
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.widgets.latent_view import Mode, Tool
    from napari_conformix.widgets.second_view.rows import RowMapping
    from napari_conformix.widgets.selections import SelectionGroup
    from napari_conformix.widgets.session import CursorPlace, Session
    from napari_conformix.widgets.spaces import LatentViewPanel, ViewGroup


@dataclass(frozen=True)
class Marked:
    """The particle at a cursor: its rows in both files, and whether it is as near as the cursor's
    circle, or only the nearest of those that both views show."""

    row: int
    other_row: int
    near: bool


class ViewLink(QObject):
    """Two views that act as one, while there is a mapping of their rows: see :meth:`join`.

    There is one selection, of rows of the opened job, and one cursor: a place of one view is, in
    the other, the place of the particle nearest to it.
    """

    #: how much of the selection is in the other job; nothing where both views are of one job
    selection_said = Signal(str)
    #: how many particles both views show
    pairs_said = Signal(str)
    #: the particle at the cursor (:class:`Marked`), None where no particle is in both views
    marked = Signal(object)

    def __init__(
        self,
        session: Session,
        selections: SelectionGroup,
        panels: tuple[LatentViewPanel, LatentViewPanel],
        views: tuple[ViewGroup, ViewGroup],
    ) -> None:
        super().__init__()
        self._session, self._selections = session, selections
        self._panels, self._views = panels, views
        self._cursor = panels[0].canvas.cursor
        self._names = panels[0].canvas.name, panels[1].canvas.name
        self._rows: RowMapping | None = None
        self._jobs = ("", "")
        self._step: dict[str, str] = {}
        self._pairs: Pairs | None = None
        self._waiting: int | None = None
        self.finder = SelectionFinder(session)
        self._connect_tools()
        self._connect_selection()
        self._cursor.moved.connect(self._cursor_moved)
        for side in (0, 1):
            panels[side].canvas.hovered.connect(lambda row, side=side: self._hovered(side, row))
        for group in views:
            group.shown.connect(self._shown)

    @property
    def active(self) -> bool:
        """Whether the two views act as one."""
        return self._rows is not None

    def join(
        self, rows: RowMapping, jobs: tuple[str, str] = ("", ""), folder: str | None = None
    ) -> None:
        """The second view is open, and these are its rows.

        Parameters
        ----------
        rows
            Which row is which.
        jobs
            What the two jobs are called, where there are two.
        folder
            The folder of the other job, where there is one: it is kept with what is selected there.
        """
        self._rows, self._jobs = rows, jobs
        self._step = {} if folder is None else {"job": folder}
        self._pairs = self._waiting = None
        self.finder.carry = rows.these_of
        self.finder.latent_view = self._views[1].latent_view
        first, second = self._panels
        second.bar.choose_tool(first.canvas.overlay.tool)
        second.bar.choose_mode(first.bar.mode)
        self.show_selection()
        self._find_pairs()

    def leave(self) -> None:
        """There is only the first view."""
        self._rows = self._pairs = self._waiting = None
        self.finder.history = self.finder.latent_view = None
        self._panels[0].canvas.set_hovered(None)
        self._panels[1].canvas.set_selection(np.zeros(0, dtype=bool))
        self._cursor.lift(self._names[1])

    # -- tools ------------------------------------------------------------------------------------

    def _connect_tools(self) -> None:
        for side in (0, 1):
            bar = self._panels[side].bar
            bar.tool_chosen.connect(lambda tool, side=side: self._tool_chosen(side, tool))
            bar.mode_chosen.connect(lambda mode, side=side: self._mode_chosen(side, mode))
            bar.fit_asked.connect(lambda side=side: self._fit(side))
        first, second = (panel.bar for panel in self._panels)
        # What acts on the one selection is done where its history is: as if asked in the first.
        for name in ("undo_asked", "redo_asked", "clear_asked", "save_asked", "cancelled"):
            ask = getattr(first, name)
            getattr(second, name).connect(lambda ask=ask: self.active and ask.emit())
        second.invert_asked.connect(self._invert)
        first.cancelled.connect(self._drop_lasso)

    def _tool_chosen(self, side: int, tool: Tool) -> None:
        other = self._panels[1 - side]
        if self.active and other.canvas.overlay.tool is not tool:
            other.bar.choose_tool(tool)

    def _mode_chosen(self, side: int, mode: Mode) -> None:
        other = self._panels[1 - side]
        if self.active and other.canvas.overlay.mode is not mode:
            other.bar.choose_mode(mode)

    def _fit(self, side: int) -> None:
        if self.active:
            self._panels[1 - side].canvas.fit()

    def _drop_lasso(self) -> None:
        """An unfinished lasso is dropped, whichever view it is in."""
        if self.active:
            self._panels[0].canvas.overlay.cancel()
            self._panels[1].canvas.overlay.cancel()
            self.show_selection()

    # -- selection --------------------------------------------------------------------------------

    def _connect_selection(self) -> None:
        canvas, finder = self._panels[1].canvas, self.finder
        canvas.lasso_finished.connect(lambda line, mode: finder.lasso(line, ACTIONS[mode]))
        canvas.rectangle_finished.connect(
            lambda corners, mode: finder.rectangle(corners, ACTIONS[mode])
        )
        canvas.lasso_moved.connect(lambda line, mode: finder.count(line, ACTIONS[mode]))
        finder.found.connect(self._found)
        finder.counted.connect(self._panels[0].bar.say_count)
        for either in (finder, self._selections.finder):
            either.counted.connect(self._panels[1].bar.say_count)
        self._selections.selection_changed.connect(self.show_selection)

    def show_selection(self) -> None:
        """Highlight in the second view what is selected, and say how much of it is there."""
        rows, history = self._rows, self._selections.history
        if rows is None or history is None or not rows.fits(history.total):
            return
        self.finder.stop_counting()
        self.finder.history = history
        there, panel = rows.others_of(history.mask), self._panels[1]
        panel.canvas.set_selection(there)
        panel.bar.set_state(history.count, history.can_undo, history.can_redo)
        self._views[1].set_selection(there)
        if rows.matching is None:
            panel.bar.say_count(self._panels[0].bar.count.text())
            return
        text = selection_words(history.mask, there, rows.matching, self._jobs)
        panel.bar.say_count(text)
        self.selection_said.emit(text)

    def _found(self, rows: np.ndarray, action: str, step: dict[str, Any]) -> None:
        """A lasso or a rectangle in the second view selects rows of the opened job."""
        self._selections.select(rows, action, **self._step, **step)

    def _invert(self) -> None:
        """Of the particles that the second view shows, select those that are not."""
        view, rows, history = self._views[1].latent_view, self._rows, self._selections.history
        if view is not None and rows is not None and history is not None:
            history.invert(rows.these_of(view.rows), **self._step, **view_steps.shown_step(view))

    # -- particles of both ------------------------------------------------------------------------

    def _hovered(self, side: int, row: int | None) -> None:
        """The particle under the mouse has a ring in the other view, too."""
        if self._rows is not None:
            there = None if row is None else self._rows.partner(side, row)
            self._panels[1 - side].canvas.set_hovered(there)

    def _shown(self, *_: object) -> None:
        """Either view shows something else: other axes, newer latents."""
        if self.active:
            self.finder.latent_view = self._views[1].latent_view
            self._find_pairs()

    def _now(self) -> tuple[LatentView | None, LatentView | None]:
        first, second = (group.latent_view for group in self._views)
        return first, second

    def _find_pairs(self) -> None:
        """Find, in a worker, which particles both views show."""
        (first, second), rows = self._now(), self._rows
        if rows is None or first is None or second is None:
            self._pairs = None
        elif self._pairs is None or not self._pairs.of(first, second, rows.to_other):
            self._session.run_in_worker(
                lambda: Pairs(first, second, rows.to_other),
                self._take_pairs,
                key=f"job:{self._names[1]} pairs",
            )

    def _take_pairs(self, pairs: Pairs) -> None:
        rows = self._rows
        if rows is None or pairs.to_other is not rows.to_other:
            return
        self._pairs = pairs
        self.pairs_said.emit(pair_words(pairs))
        if not pairs.of(*self._now(), rows.to_other):
            return  # others are on their way
        waiting, self._waiting = self._waiting, None
        places = [self._cursor.xy(name) for name in self._names]
        if waiting is not None and places[waiting] is not None:
            self._lead(waiting, places[waiting])
        elif places[0] is not None:
            # The view that shows something new goes on with the particle of the cursor.
            last = self._cursor.last
            side = int(last is not None and last.view == self._names[1] and places[1] is not None)
            self._lead(side, places[side], again=True)

    # -- cursor -----------------------------------------------------------------------------------

    def _cursor_moved(self, place: CursorPlace) -> None:
        """Put the other view's cursor on the particle nearest to this one's."""
        if self._rows is None or place.by == LINK or place.view not in self._names:
            return
        if self._cursor.place(place.view) is None:
            return  # lent to a page: it stands for no place
        side = self._names.index(place.view)
        if self._pairs is None or not self._pairs.of(*self._now(), self._rows.to_other):
            self._waiting = side  # until the pairs of what is shown now are found
            return
        self._lead(side, place.xy)

    def _lead(self, side: int, xy: tuple[float, float], *, again: bool = False) -> None:
        """The cursor of the other view follows; `again`: only if it is not there already."""
        pairs, other = self._pairs, self._names[1 - side]
        found = pairs.nearest(side, xy)
        if found is None:
            self._cursor.lift(other)
            self.marked.emit(None)
            return
        view, there = pairs.views[side], pairs.place(1 - side, found)
        distance = np.linalg.norm((pairs.xy[side][found] - xy) * [1.0, view.stretch])
        near = bool(distance <= view.nearby_radius)
        if not again or there != self._cursor.xy(other):
            self._cursor.move(other, there, LINK)
        self.marked.emit(Marked(int(pairs.rows[0][found]), int(pairs.rows[1][found]), near))
