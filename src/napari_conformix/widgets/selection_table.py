"""Named selections: what is saved in the job folder, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from napari_conformix.analysis import Selection

COLOURS: Final = ("#e69f00", "#56b4e9", "#2fc48d", "#cc79a7", "#f0e442", "#e2703a", "#9a8cff")
_COLUMNS: Final = ("Name", "Particles", "How it was made")
_FILTERS: Final = "STAR file (*.star);;cryoSPARC file (*.cs);;Row numbers (*.npy)"
_VERBS: Final = {"replace": "", "add": "+ ", "remove": "− ", "intersect": "∩ "}


class SelectionTable(QWidget):
    """The list and its buttons. It asks with signals and shows what it is told."""

    #: a name under which to save what is selected now
    save_asked = Signal(str)
    load_asked = Signal(str)
    delete_asked = Signal(str)
    #: name, path, and whether the user agreed to replace an existing file
    export_asked = Signal(str, object, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = QLineEdit()
        self.name.setPlaceholderText("name, for example: open")
        self.save = QPushButton("Save selection")
        self.save.setToolTip("Keep the selected particles under this name in the job folder")
        self.save.clicked.connect(self._ask_save)
        self.name.returnPressed.connect(self._ask_save)
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setMinimumHeight(96)
        self.table.setWordWrap(True)
        header = self.table.horizontalHeader()
        for column in range(len(_COLUMNS) - 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(_COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        self.table.itemSelectionChanged.connect(self._enable)
        self.table.doubleClicked.connect(lambda _: self._ask_load())
        self.load = QPushButton("Show on map")
        self.load.setToolTip("Make it the current selection (can be undone)")
        self.load.clicked.connect(self._ask_load)
        self.export = QPushButton("Export…")
        self.export.setToolTip("Write its particles as .star, .cs or row numbers (.npy)")
        self.export.clicked.connect(self._ask_export)
        self.delete = QPushButton("Delete…")
        self.delete.clicked.connect(self._ask_delete)
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.said.hide()
        self._lay_out()
        self._enable()
        self._said: dict[str, str] = {}
        self._can_save = False
        self.set_can_save(False)

    def set_selections(self, selections: Iterable[Selection], half: np.ndarray | None) -> None:
        """Fill the table; `half` (N,) gives the counts by half."""
        current = self.current
        selections = list(selections)
        self.table.setRowCount(len(selections))
        for row, selection in enumerate(selections):
            name = QTableWidgetItem(_swatch(selection.colour), selection.name)
            texts = (f"{len(selection):,}{_halves(selection, half)}", describe(selection))
            items = [name, *map(QTableWidgetItem, texts)]
            tip = f"{len(selection):,} of {selection.total:,} particles"
            for column, item in enumerate(items):
                item.setToolTip(tip if column < 2 else texts[1])
                self.table.setItem(row, column, item)
        self.table.resizeRowsToContents()
        self.select(current)

    def select(self, name: str | None) -> None:
        """Make a row the current one, or none."""
        for row in range(self.table.rowCount()):
            if self.table.item(row, 0).text() == name:
                self.table.selectRow(row)
                return
        self.table.clearSelection()
        self._enable()

    @property
    def current(self) -> str | None:
        """The name in the chosen row."""
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self.table.item(rows.pop(), 0).text() if rows else None

    @property
    def names(self) -> list[str]:
        """All names in the order of the rows."""
        return [self.table.item(row, 0).text() for row in range(self.table.rowCount())]

    def set_can_save(self, can: bool) -> None:
        """Whether there is anything selected to save."""
        self._can_save = can
        self.save.setEnabled(can)
        self.save.setToolTip(
            "Keep the selected particles under this name in the job folder"
            if can
            else "Select particles with the lasso first"
        )

    def say(self, name: str, text: str) -> None:
        """What became of a selection, for example where it was exported to."""
        self._said[name] = text
        self._enable()

    # -- inside -----------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        saving, acting = QHBoxLayout(), QHBoxLayout()
        saving.addWidget(self.name, stretch=1)
        saving.addWidget(self.save)
        for button in (self.load, self.export, self.delete):
            acting.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(saving)
        layout.addWidget(self.table)
        layout.addLayout(acting)
        layout.addWidget(self.said)

    def _enable(self) -> None:
        chosen = self.current
        for button in (self.load, self.export, self.delete):
            button.setEnabled(chosen is not None)
        text = self._said.get(chosen, "") if chosen is not None else ""
        self.said.setText(text)
        self.said.setVisible(bool(text))

    def _ask_save(self) -> None:
        name = self.name.text().strip() or self._free_name()
        if not self._can_save:
            return
        if name in self.names:
            question = f"There is a selection '{name}' already. Replace it?"
            if not self._sure("Replace the selection?", question):
                return
        self.name.clear()
        self.save_asked.emit(name)

    def _free_name(self) -> str:
        number = 1
        while f"selection {number}" in self.names:
            number += 1
        return f"selection {number}"

    def _ask_load(self) -> None:
        if self.current is not None:
            self.load_asked.emit(self.current)

    def _ask_delete(self) -> None:
        name = self.current
        if name is not None and self._sure(
            "Delete the selection?",
            f"Delete the selection '{name}' from the job folder? Files that were exported stay.",
        ):
            self.delete_asked.emit(name)

    def _ask_export(self) -> None:
        name = self.current
        path, chosen = QFileDialog.getSaveFileName(
            self, f"Export '{name}'", f"{name}.star", _FILTERS
        )  # Qt asks before it lets an existing file be chosen
        if not path:
            return
        target = Path(path)
        if target.suffix not in (".star", ".cs", ".npy"):
            ending = chosen[chosen.index("*") + 1 : chosen.index(")")] if chosen else ".star"
            target = target.with_name(target.name + ending)
            question = f"There is a file {target} already. Replace it?"
            if target.exists() and not self._sure("Replace the file?", question):
                return
        self.export_asked.emit(name, target, target.exists())

    def _sure(self, title: str, question: str) -> bool:
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        return QMessageBox.question(self, title, question, yes | no, no) == yes


def describe(selection: Selection) -> str:
    """How a selection was made: 'lasso on Motion 1 × Motion 2, epoch 12'."""
    steps = []
    for step in selection.how:
        action = step.get("action", "")
        if action in ("invert", "clear"):
            steps.append(action)
            continue
        where = " × ".join(step["axes"]) if step.get("axes") else ""
        text = str(step.get("kind", "rows")) + (f" on {where}" if where else "")
        if step.get("set"):
            numbers = step.get("numbers", [step.get("number")])
            text += f" {', '.join(map(str, numbers))} of {step['set']}"
        if "job" in step:  # drawn in the map of another job that stood beside this one
            text += f" of {Path(step['job']).name}"
        if step.get("show") not in (None, "all"):
            text += f" ({step['show']} only)"
        steps.append(_VERBS.get(action, "") + text)
    made = ", ".join(steps) or "row numbers"
    return made if selection.epoch is None else f"{made}; epoch {selection.epoch}"


def _halves(selection: Selection, half: np.ndarray | None) -> str:
    """A second line, how many of each half; '' where there are no halves."""
    if half is None or len(half) != selection.total:
        return ""
    counts = np.bincount(np.clip(half[selection.rows], 0, 2), minlength=3)
    return f"\nhalf 1: {counts[1]:,}\nhalf 2: {counts[2]:,}" if counts[1:].any() else ""


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor(colour or "#888888"))
    return QIcon(pixmap)
