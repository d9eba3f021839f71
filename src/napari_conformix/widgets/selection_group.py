"""Selections of particles: lassoed in the latent map, named, saved in the job, exported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGroupBox, QVBoxLayout

from napari_conformix.widgets.lasso import Mode
from napari_conformix.widgets.selection_table import COLOURS, SelectionTable

if TYPE_CHECKING:
    from napari_conformix.analysis import SelectionHistory
    from napari_conformix.analysis.latent_maps import MapView
    from napari_conformix.jobs import LatentTable
    from napari_conformix.widgets.latent_map_panel import LatentMapPanel
    from napari_conformix.widgets.session import Session

#: what a lasso does to the selection's history
ACTIONS: Final = {mode: "replace" if mode is Mode.NEW else mode.value for mode in Mode}


class SelectionGroup(QGroupBox):
    """The current selection with its history, and the table of saved ones."""

    #: other particles are selected
    selection_changed = Signal()
    #: the names of the saved selections
    listed = Signal(list)

    def __init__(self, session: Session, panel: LatentMapPanel) -> None:
        super().__init__("Selections")
        self._session, self._panel = session, panel
        self.history: SelectionHistory | None = None
        #: what the latent map shows: a lasso takes no others
        self.map_view: MapView | None = None
        self.table = table = SelectionTable()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addWidget(table)
        panel.canvas.lasso_finished.connect(self._lasso)
        bar = panel.bar
        bar.undo_asked.connect(lambda: self.history and self.history.undo())
        bar.redo_asked.connect(lambda: self.history and self.history.redo())
        bar.clear_asked.connect(lambda: self.history and self.history.clear())
        bar.invert_asked.connect(self._invert)
        table.save_asked.connect(self.save)
        table.load_asked.connect(self.load)
        table.delete_asked.connect(self.delete)
        table.export_asked.connect(self.export)

    def forget(self) -> None:
        """Nothing of the job before is selected."""
        self.history = self.map_view = None
        self._panel.canvas.set_selection(np.zeros(0, dtype=bool))

    def take_latents(self, latents: LatentTable) -> None:
        """Particles that can be selected; a selection stays when only their latents are new."""
        from napari_conformix.analysis import SelectionHistory

        if self.history is None or self.history.total != len(latents.mean):
            self.history = SelectionHistory(len(latents.mean))
            self.history.changed.connect(self._changed)
            self.list_saved()  # with their counts by half, which latents tell
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

    def _lasso(self, polygon: np.ndarray, mode: Mode) -> None:
        """Apply a lasso to all rows that the map shows, drawn or not."""
        from napari_conformix.analysis import points_in_polygon

        view, history = self.map_view, self.history
        if view is None or history is None:
            return

        def apply(inside: np.ndarray) -> None:
            if history is self.history:
                history.apply(ACTIONS[mode], view.rows[inside], **lasso_step(view, polygon))

        self._session.run_in_worker(lambda: points_in_polygon(view.xy, polygon), apply)

    def _invert(self) -> None:
        """Among the particles that the map shows, swap selected and not selected."""
        view, history = self.map_view, self.history
        if view is None or history is None:
            return
        if len(view.rows) == history.total:
            history.invert()
            return
        mask = history.mask.copy()
        mask[view.rows] ^= True
        history.replace(mask, kind="inverted", **_where(view))

    def _changed(self, count: int = 0) -> None:
        history, latents = self.history, self._session.latents
        mask = history.mask
        self._panel.canvas.set_selection(mask)
        self._panel.bar.set_state(history.count, history.can_undo, history.can_redo)
        self._panel.bar.count.setText(_count_text(mask, latents))
        self.table.set_can_save(history.count > 0)
        self.selection_changed.emit()

    # -- saved ones -------------------------------------------------------------------------------

    def list_saved(self) -> None:
        """Show what the job folder has."""
        job = self._session.job

        def show(selections: list[Any]) -> None:
            latents = self._session.latents
            self.table.set_selections(selections, None if latents is None else latents.half)
            self.listed.emit(self.table.names)

        self._session.run_in_worker(
            lambda: [job.selection(name) for name in job.selections()], show, key="job:selections"
        )

    def save(self, name: str) -> None:
        """Keep what is selected under a name, in the job folder."""
        job, latents = self._session.job, self._session.latents
        colour = COLOURS[len(self.table.names) % len(COLOURS)]

        def saved(_: Any) -> None:
            self.list_saved()
            self.table.say(name, f"Saved: {len(selection):,} particles.")

        try:
            selection = self.history.to_selection(name, epoch=latents.epoch, colour=colour)
        except Exception as error:
            self._session.report_error(error)
            return
        self._session.run_in_worker(lambda: job.save_selection(selection), saved)

    def load(self, name: str) -> None:
        """Make a saved selection the current one; one step that can be undone."""
        job, history = self._session.job, self.history

        def show(selection: Any) -> None:
            if history is not None and history is self.history:
                history.replace(selection.rows, kind=f"saved '{name}'", steps=list(selection.how))

        self._session.run_in_worker(lambda: job.selection(name), show)

    def delete(self, name: str) -> None:
        """Take a saved selection out of the job folder."""
        job = self._session.job
        self._session.run_in_worker(lambda: job.delete_selection(name), lambda _: self.list_saved())

    def export(self, name: str, path: Path, overwrite: bool = False) -> None:
        """Write the particles of a saved selection, in a worker; the table says where."""
        job, table = self._session.job, self.table
        table.say(name, f"Writing {path} …")

        def failed(error: Exception) -> None:
            table.say(name, f"Not exported: {error}")
            self._session.report_error(error)

        def write() -> tuple[int, Path]:
            selection = job.selection(name)
            return len(selection), job.export(selection, path, overwrite=overwrite)

        self._session.run_in_worker(
            write,
            lambda done: table.say(name, f"Exported {done[0]:,} particles to {done[1]}"),
            failed,
        )


def lasso_step(view: MapView, polygon: np.ndarray) -> dict[str, Any]:
    """How a lasso was drawn, to be kept with the selection."""
    return {"kind": "lasso", "polygon": np.round(polygon, 6).tolist(), **_where(view)}


def _where(view: MapView) -> dict[str, Any]:
    axes = [view.space.axes[axis] for axis in view.axes]
    return {
        "embedding": view.space.key,
        "axes": axes,
        "show": view.show,
        "half": view.space.half,
        "epoch": view.space.epoch,
    }


def _count_text(mask: np.ndarray, latents: LatentTable) -> str:
    """Two lines: how many are selected, and of which half sets."""
    count, total = int(mask.sum()), len(mask)
    if not count:
        return f"Nothing selected of {total:,} particles.\nChoose Lasso and draw around some."
    parts = []
    by_half = np.bincount(np.clip(latents.half[mask], 0, 2), minlength=3)
    if by_half[1:].any():
        parts += [f"half 1: {by_half[1]:,}", f"half 2: {by_half[2]:,}"]
    parts.append(f"held out: {int(np.count_nonzero(latents.validation & mask)):,}")
    return f"Selected {count:,} of {total:,} ({100 * count / total:.1f} %)\n" + ", ".join(parts)
