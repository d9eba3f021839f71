"""Ways to select that are typed: a range of a column, clusters, the nearest, rows of a file."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from napari_conformix.errors import UserError
from napari_conformix.widgets.parts import ColumnBox, Entry, combo, fill, hint

Groups = list[tuple[str, list[Entry]]]

_HELP = (
    "What is found replaces the selection, is added, taken out, or kept within it, as New, Add, "
    "Remove and Within above the view say."
)
_FILES = "Rows (*.npy *.pkl *.txt *.csv);;All files (*)"


class SelectionForm(QWidget):
    """It asks with signals; `refused(text)` says what was typed wrong."""

    #: name of the column, least and largest value or None
    range_asked = Signal(str, object, object)
    nearest_asked = Signal(int)
    #: name of the set, and numbers of clusters from 1
    clusters_asked = Signal(str, list)
    file_asked = Signal(object)
    refused = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._sets: dict[str, int] = {}
        self._build()
        self._lay_out()
        self.range.clicked.connect(self._ask_range)
        for edit in (self.low, self.high):
            edit.returnPressed.connect(self._ask_range)
        self.nearest.clicked.connect(lambda: self.nearest_asked.emit(self.count.value()))
        self.clusters.clicked.connect(self._ask_clusters)
        self.numbers.returnPressed.connect(self._ask_clusters)
        self.file.clicked.connect(self._ask_file)
        self.set_cluster_sets({})

    def set_columns(self, groups: Groups) -> None:
        """What there are ranges of, under headings."""
        self.column.set_groups(groups)
        self.range.setEnabled(bool(groups))

    def set_cluster_sets(self, sets: dict[str, int]) -> None:
        """Sets of clusters: name and number of clusters."""
        self._sets = sets
        entries = [(f"{name} ({k} clusters)", name) for name, k in sets.items()]
        fill(self.sets, entries or [("no clusters yet: see the Clusters page", None)])
        for widget in (self.sets, self.numbers, self.clusters):
            widget.setEnabled(bool(sets))
        self.clusters.setToolTip(
            "Select the particles of these clusters"
            if sets
            else "This job has no clusters yet; make some on the Clusters page"
        )

    # -- inside -----------------------------------------------------------------------------------

    def _build(self) -> None:
        self.column = ColumnBox()
        self.low, self.high = QLineEdit(), QLineEdit()
        for edit, word in ((self.low, "lowest"), (self.high, "highest")):
            edit.setPlaceholderText(word)
            edit.setToolTip("A number, which counts in; empty: no limit")
            edit.setMaximumWidth(90)
        self.range = QPushButton("Select")
        self.range.setToolTip("Select the particles with a value in this range")
        self.count = QSpinBox()
        self.count.setRange(1, 100_000_000)
        self.count.setValue(100)
        self.nearest = QPushButton("Select")
        self.nearest.setToolTip(
            "Select the particles nearest to the cursor, in the view as it is drawn: "
            "particles that are near in two coordinates may differ in others"
        )
        self.sets, self.numbers = combo(), QLineEdit()
        self.numbers.setPlaceholderText("numbers: 1, 3")
        self.numbers.setToolTip("Numbers of clusters, with commas between them")
        self.clusters = QPushButton("Select")
        self.file = QPushButton("Rows of a file…")
        self.file.setToolTip(
            "Rows of the particle file, counted from 0: .npy, cryoDRGN's .pkl, or a text file"
        )

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 2, 0, 4)
        grid.setColumnStretch(1, 1)
        limits = _row(self.low, QLabel("to"), self.high)
        for row, (label, field, button) in enumerate(
            (
                ("Range of", self.column, None),
                ("from", limits, self.range),
                ("Nearest", _row(self.count, QLabel("particles to the cursor")), self.nearest),
                ("Clusters of", self.sets, None),
                ("", self.numbers, self.clusters),
            )
        ):
            grid.addWidget(QLabel(label), row, 0)
            if isinstance(field, QHBoxLayout):
                grid.addLayout(field, row, 1)
            else:
                grid.addWidget(field, row, 1, 1, 1 if button else 2)
            if button is not None:
                grid.addWidget(button, row, 2)
        grid.addWidget(self.file, 5, 1, 1, 2)
        grid.addWidget(hint(_HELP), 6, 0, 1, 3)

    def _ask_range(self) -> None:
        try:
            low, high = (_number(edit.text()) for edit in (self.low, self.high))
            if low is None and high is None:
                raise UserError("Type the lowest value of the range, the highest, or both.")
            if low is not None and high is not None and low > high:
                raise UserError(f"The lowest value, {low:g}, is above the highest, {high:g}.")
        except UserError as error:
            self.refused.emit(error)
            return
        if self.column.currentData() is not None:
            self.range_asked.emit(self.column.currentData(), low, high)

    def _ask_clusters(self) -> None:
        name = self.sets.currentData()
        if name is None:
            return
        try:
            numbers = sorted({int(word) for word in self.numbers.text().replace(",", " ").split()})
        except ValueError:
            numbers = []
        if not numbers or not all(1 <= number <= self._sets[name] for number in numbers):
            self.refused.emit(
                UserError(f"Type numbers of clusters from 1 to {self._sets[name]}, such as 1, 3.")
            )
            return
        self.clusters_asked.emit(name, numbers)

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Select the rows of a file", "", _FILES)
        if path:
            self.file_asked.emit(Path(path))


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch()
    return row


def _number(text: str) -> float | None:
    """What was typed; None for nothing."""
    if not text.strip():
        return None
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        raise UserError(f"'{text.strip()}' is not a number.") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise UserError("A limit must be a finite number; leave it empty for no limit.")
    return value
