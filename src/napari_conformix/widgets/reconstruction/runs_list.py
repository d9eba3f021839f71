"""The reconstructions of a job: also those of the command line, and those that still run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_conformix.errors import UserError
from napari_conformix.widgets.parts import STATE_COLOURS

if TYPE_CHECKING:
    from napari_conformix.jobs import Job

_COLUMNS: Final = ("Name", "Map", "Resolution (Å)", "State")
_MOST_ROWS_SHOWN: Final = 5


@dataclass(frozen=True)
class Entry:
    """A row of the table. `run` is a ReconstructionRun."""

    run: Any
    name: str
    kind: str
    particles: str
    resolution: str
    state: str


def entries_of(job: Job) -> list[Entry]:
    """All reconstructions of a job, the newest first; reads their reports, so in a worker."""
    return [_entry(run) for run in reversed(job.reconstructions())]


def _entry(run: Any) -> Entry:
    state, particles, resolution = run.state, "", ""
    if state == "finished":
        try:
            report = run.report()
            particles = f"{sum(report.particles):,}"
            resolution = _reached(report.curves)
            if report.plain is not None:
                resolution += f" (plain {_reached(report.plain)})"
        except UserError:
            state = "unreadable"
    kind = "deformed" if run.deformed else "plain"
    return Entry(run, run.name, kind, particles, resolution, state)


def _reached(curves: Any) -> str:
    """'8.21', or '<8.00' where the curve does not fall to its threshold up to Nyquist."""
    from napari_conformix.jobs.clusters import in_angstrom

    return in_angstrom(curves.resolution_angstrom, curves.reached)


class ReconstructionList(QTableWidget):
    """One row each; the chosen one is what the page is about."""

    #: the :class:`Entry` chosen, or None
    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__(0, len(_COLUMNS))
        self.entries: list[Entry] = []
        self.setHorizontalHeaderLabels(_COLUMNS)
        self.verticalHeader().hide()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self.horizontalHeader()
        for column in range(1, len(_COLUMNS)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.itemSelectionChanged.connect(lambda: self.chosen.emit(self.current))

    @property
    def current(self) -> Entry | None:
        """The chosen row."""
        rows = {index.row() for index in self.selectedIndexes()}
        return self.entries[rows.pop()] if rows else None

    def show_entries(self, entries: Iterable[Entry]) -> None:
        """Fill the table; the choice stays."""
        current, entries = self.current, list(entries)
        if [_texts(e) for e in entries] == [_texts(e) for e in self.entries]:
            return
        self.entries = entries
        with QSignalBlocker(self):
            self.setRowCount(len(entries))
            for row, entry in enumerate(entries):
                for column, text in enumerate(_texts(entry)):
                    item = QTableWidgetItem(text)
                    item.setToolTip(_tip(entry))
                    if column == len(_COLUMNS) - 1:
                        item.setForeground(QBrush(QColor(STATE_COLOURS.get(text, "#e05a4e"))))
                    self.setItem(row, column, item)
            self.clearSelection()
        self._fit_height()
        if current is not None:
            self.choose(current.name)

    def choose(self, name: str) -> None:
        """Make a row the current one."""
        for row, entry in enumerate(self.entries):
            if entry.name == name:
                self.selectRow(row)
                return

    def _fit_height(self) -> None:
        rows = min(max(self.rowCount(), 1), _MOST_ROWS_SHOWN)
        height = self.horizontalHeader().sizeHint().height() + 4
        height += rows * (self.rowHeight(0) if self.rowCount() else 24)
        self.setFixedHeight(height)


def _texts(entry: Entry) -> tuple[str, ...]:
    return entry.name, entry.kind, entry.resolution, entry.state


def _tip(entry: Entry) -> str:
    how = {"deformed": "with the motion undone", "plain": "as if nothing moved"}[entry.kind]
    counted = f", {entry.particles} particles" if entry.particles else ""
    return f"{entry.name}: {how}{counted}\n{entry.run.folder}"
