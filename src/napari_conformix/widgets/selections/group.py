"""Selections of particles: found in the latent space view or by what is known of them, named,
exported.

There is one current selection, with undo and redo. Everything that selects, here and on other
pages, goes through :meth:`SelectionGroup.select`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut, QShowEvent
from qtpy.QtWidgets import QGroupBox, QScrollArea, QVBoxLayout

from napari_conformix.analysis.selections import view_steps
from napari_conformix.analysis.spaces import NEEDS_MOTIONS, views
from napari_conformix.errors import UserError
from napari_conformix.widgets.latent_view import Mode
from napari_conformix.widgets.parts import Fold
from napari_conformix.widgets.selections.counts import count_text
from napari_conformix.widgets.selections.finder import SelectionFinder
from napari_conformix.widgets.selections.form import SelectionForm
from napari_conformix.widgets.selections.saved import SavedSelections
from napari_conformix.widgets.selections.table import SelectionTable
from napari_conformix.widgets.session import FIRST
from napari_conformix.widgets.spaces import MotionStore, column_groups

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.analysis.selections import SelectionHistory
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.session import Session
    from napari_conformix.widgets.spaces import LatentViewPanel

#: what a lasso does to the selection's history
ACTIONS: Final = {mode: "replace" if mode is Mode.NEW else mode.value for mode in Mode}


class SelectionGroup(QGroupBox):
    """The current selection with its history, ways to make it, and the table of saved ones."""

    #: other particles are selected
    selection_changed = Signal()
    #: the names of the saved selections
    listed = Signal(list)

    def __init__(self, session: Session, panel: LatentViewPanel) -> None:
        super().__init__("Selections")
        self._session, self._panel = session, panel
        self._motions = MotionStore.of(session)
        self._shortcuts: list[QShortcut] = []
        self.history: SelectionHistory | None = None
        self.finder = SelectionFinder(session)
        self.table, self.form = SelectionTable(), SelectionForm()
        self.saved = SavedSelections(session, self.table, lambda: self.history)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addWidget(Fold("Select by range, cluster, nearness or file", self.form))
        layout.addWidget(self.table)
        self._connect_view()
        self.finder.found.connect(self._take)
        self.finder.counted.connect(panel.bar.say_count)
        self.saved.asked.connect(self._take)
        self.saved.listed.connect(self.listed)
        self.form.range_asked.connect(self.select_range)
        self.form.nearest_asked.connect(self.select_nearest)
        self.form.clusters_asked.connect(self.select_clusters)
        self.form.file_asked.connect(self.select_file)
        self.form.refused.connect(session.report_error)

    def _connect_view(self) -> None:
        canvas, bar, finder = self._panel.canvas, self._panel.bar, self.finder
        canvas.lasso_finished.connect(lambda line, mode: finder.lasso(line, ACTIONS[mode]))
        canvas.rectangle_finished.connect(
            lambda corners, mode: finder.rectangle(corners, ACTIONS[mode])
        )
        canvas.lasso_moved.connect(lambda line, mode: finder.count(line, ACTIONS[mode]))
        bar.cancelled.connect(self._drop_lasso)
        bar.undo_asked.connect(self.undo)
        bar.redo_asked.connect(self.redo)
        bar.clear_asked.connect(lambda: self.history and self.history.clear())
        bar.invert_asked.connect(self._invert)
        bar.save_asked.connect(self._ask_name)

    @property
    def latent_view(self) -> LatentView | None:
        """What the latent space view shows: a lasso takes no others."""
        return self.finder.latent_view

    @latent_view.setter
    def latent_view(self, view: LatentView | None) -> None:
        self.finder.latent_view = view

    def forget(self) -> None:
        """Nothing of the job before is selected."""
        self.history = self.finder.history = self.latent_view = None
        self._panel.canvas.set_selection(np.zeros(0, dtype=bool))
        self._panel.bar.set_state(0, False, False)
        self._panel.bar.say_count("")
        self.table.forget()
        self.form.set_columns([])
        self.form.set_cluster_sets({})

    def take_latents(self, latents: LatentTable) -> None:
        """Particles that can be selected; a selection stays when only their latents are new."""
        from napari_conformix.analysis.selections import SelectionHistory

        if self.history is None or self.history.total != len(latents.mean):
            self.history = self.finder.history = SelectionHistory(len(latents.mean))
            self.history.changed.connect(self._changed)
        self.saved.list_saved()  # with their counts by half, which come from the latents
        self.fill_form()
        self._changed()

    # -- the current one --------------------------------------------------------------------------

    def select(self, rows: np.ndarray, action: str = "replace", **how: Any) -> None:
        """The one door for every part of the window that selects particles.

        rows    indices or (N,) bool, rows of the particle file
        action  'replace', 'add', 'remove' or 'intersect'
        how     how they were found, kept with the selection: `kind` and what belongs to it (see
                `analysis.selection.Step`)

        Nothing happens while there are no particles to select. It can be undone.
        """
        if self.history is not None:
            self.history.apply(action, rows, **how)

    def undo(self) -> None:
        """Take the last step back."""
        if self.history is not None:
            self.history.undo()

    def redo(self) -> None:
        """Do the last undone step again."""
        if self.history is not None:
            self.history.redo()

    @property
    def action(self) -> str:
        """What is done with what is found next, as chosen above the view."""
        return ACTIONS[self._panel.bar.mode]

    def take_range(self, name: str, low: float | None, high: float | None, rows: Any) -> None:
        """A range that was dragged in the legend: its particles (N,) are known already."""
        self.select(rows, self.action, kind="range", column=name, low=low, high=high, **self._at())

    def select_range(self, name: str, low: float | None, high: float | None) -> None:
        """Particles with a value between two limits, which count in."""
        latents, particles, motions = self._session.latents, self._session.particles, self._table
        if name in NEEDS_MOTIONS:
            self._motions.want_table()

        def rows() -> np.ndarray:
            from napari_conformix.analysis.selections import in_limits
            from napari_conformix.analysis.spaces import quantity

            values = quantity(name, latents, particles, motions).values()
            if np.asarray(values).dtype.kind not in "iufb":
                raise UserError(f"{name} does not hold numbers; choose another column.")
            return in_limits(np.asarray(values, dtype=float), low, high)

        self._find(rows, kind="range", column=name, low=low, high=high, **self._at())

    def select_nearest(self, count: int) -> None:
        """The particles nearest to the cursor, in the view."""
        xy = self._panel.canvas.cursor.xy(FIRST)
        if xy is None:
            self._session.report_error(
                UserError("Click in the view with the Cursor tool first: nearest to what?")
            )
            return
        self.finder.nearest(xy, count, self.action)

    def select_clusters(self, name: str, numbers: list[int]) -> None:
        """Particles of clusters of a set, numbered from 1."""
        job, action, history = self._session.job, self.action, self.history

        def done(selection: Any) -> None:
            if history is self.history:
                how = {key: value for key, value in selection.how[0].items() if key != "action"}
                self.select(selection.rows, action, **how)

        indices = [number - 1 for number in numbers]
        self._session.run_in_worker(lambda: job.cluster_set(name).selection_of(indices), done)

    def select_file(self, path: Path) -> None:
        """Rows that a file lists."""
        from napari_conformix.particles.latents import read_indices

        total = 0 if self.history is None else self.history.total
        self._find(lambda: read_indices(path, total), kind="rows", file=str(path))

    def _find(self, rows: Callable[[], np.ndarray], **how: Any) -> None:
        """Find rows in a worker and select them as chosen when it was asked."""
        history, action = self.history, self.action

        def done(found: np.ndarray) -> None:
            if history is not None and history is self.history:
                self.select(found, action, **how)
                if not np.any(found if found.dtype == bool else found.size):
                    self._session.message.emit("No particle is in that range or file.", "warning")

        self._session.run_in_worker(rows, done)

    def _take(self, rows: np.ndarray, action: str, how: dict[str, Any]) -> None:
        self.select(rows, action, **how)

    def _invert(self) -> None:
        """Among the particles that the view shows, swap selected and not selected."""
        view, history = self.latent_view, self.history
        if view is None or history is None:
            return
        if len(view.rows) == history.total:
            history.invert()
        else:
            history.invert(view.rows, **view_steps.shown_step(view))

    def _ask_name(self) -> None:
        """Save what is selected, from above the view; then show the table, far down on the page."""
        if self.table.ask_name():
            area = self.parentWidget()
            while area is not None and not isinstance(area, QScrollArea):
                area = area.parentWidget()
            if area is not None:
                area.ensureWidgetVisible(self.table)

    def _drop_lasso(self) -> None:
        """An unfinished lasso was dropped: the count is that of the selection again."""
        self.finder.stop_counting()
        self._say_count()

    def _changed(self, count: int = 0) -> None:
        history = self.history
        self.finder.stop_counting()
        self._panel.canvas.set_selection(history.mask)
        self._panel.bar.set_state(history.count, history.can_undo, history.can_redo)
        self._say_count()
        self.table.set_can_save(history.count > 0)
        self.selection_changed.emit()

    def _say_count(self) -> None:
        if self.history is not None and self._session.latents is not None:
            self._panel.bar.say_count(count_text(self.history.mask, self._session.latents))

    def _at(self) -> dict[str, Any]:
        """The epoch that latents are of."""
        latents = self._session.latents
        return {} if latents is None else {"epoch": latents.epoch}

    # -- the form ---------------------------------------------------------------------------------

    def fill_form(self) -> None:
        """What there are ranges of, and sets of clusters."""
        latents, job = self._session.latents, self._session.job
        if latents is None or job is None:
            return
        motions = self._table if views.in_angstrom(latents) else None
        self.form.set_columns(column_groups(latents, self._session.particles, motions))
        self._session.run_in_worker(
            lambda: {name: len(job.cluster_set(name)) for name in job.cluster_sets()},
            self.form.set_cluster_sets,
            key="job:selection clusters",
        )

    def _table(self) -> MotionTable | None:
        return self._motions.table

    def showEvent(self, event: QShowEvent) -> None:
        """Clusters may have been made on another page; undo works wherever this group is."""
        super().showEvent(event)
        self.fill_form()
        page = self.parentWidget()
        if page is None or self._shortcuts:
            return
        for keys, ask in (
            ("Ctrl+Z", self.undo),
            ("Ctrl+Shift+Z", self.redo),
            ("Ctrl+Y", self.redo),
        ):
            shortcut = QShortcut(QKeySequence(keys), page)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(ask)
            self._shortcuts.append(shortcut)

    # -- saved ones -------------------------------------------------------------------------------

    def list_saved(self) -> None:
        """Show what the job folder has."""
        self.saved.list_saved()

    def save(self, name: str) -> None:
        """Keep what is selected under a name, in the job folder."""
        self.saved.save(name)

    def load(self, name: str, action: str = "replace") -> None:
        """Make a saved selection the current one, or combine both; it can be undone."""
        self.saved.load(name, action)

    def delete(self, name: str) -> None:
        """Take a saved selection out of the job folder."""
        self.saved.delete(name)

    def export(self, name: str, path: Path, overwrite: bool = False) -> None:
        """Write the particles of a saved selection, in a worker; the table says where."""
        self.saved.export(name, path, overwrite)
