"""The ways to make a path, each as a few rows of a form."""

from __future__ import annotations

from typing import Any, Final

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QWidget,
)

from napari_conformix.widgets.latent_view import Tool
from napari_conformix.widgets.parts import Entries, combo, fill, hint, sentence

Point = tuple[float, float]

_ONE_STATE: Final = "This landscape has a single state: there is nothing to lead to."
_NO_STATES: Final = "Open Landscape below and press Show as energy: it finds the states."


class KindForm(QWidget):
    """What a kind of path needs; `choice` is what was chosen, None while something is missing."""

    #: something is chosen from which a path can be made at once
    complete = Signal()
    #: what is marked in the view is another
    marks_changed = Signal()
    #: the form wants the mouse of the view for a tool, or (None) no longer
    tool_asked = Signal(object)

    #: what to do while :attr:`choice` is None
    missing = ""

    def __init__(self) -> None:
        super().__init__()
        self.form = QFormLayout(self)
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

    @property
    def choice(self) -> dict[str, Any] | None:
        raise NotImplementedError

    @property
    def points(self) -> list[Point]:
        """Places to mark in the view, numbered in this order."""
        return []

    def lose_view(self) -> None:
        """Another view is shown: places of the one before mean nothing there."""

    def lose_tool(self) -> None:
        """The mouse of the view is no longer the form's."""


class AxisForm(KindForm):
    """Along a motion coordinate or a principal component, between two percentiles."""

    missing = "The first percentile must be below the second."

    def __init__(self) -> None:
        super().__init__()
        self.axis_box = combo()
        self.low, self.high = _percent(5.0), _percent(95.0)
        row = QHBoxLayout()
        row.addWidget(self.low)
        row.addWidget(QLabel("to"))
        row.addWidget(self.high)
        row.addStretch()
        self.form.addRow("Along", self.axis_box)
        self.form.addRow("Percentiles", row)
        help_text = "Ends of the path: so many percent of the particles lie below them on this axis"
        self.low.setToolTip(help_text)
        self.high.setToolTip(help_text)

    def set_axes(self, axes: Entries) -> None:
        """Names, and ('motion' or 'component', number from 1)."""
        fill(self.axis_box, axes)

    @property
    def choice(self) -> dict[str, Any] | None:
        axis = self.axis_box.currentData()
        if axis is None or not self.low.value() < self.high.value():
            return None
        kind, number = axis
        return {
            "kind": kind,
            "component": number,
            "percentiles": (self.low.value(), self.high.value()),
        }


class PointsForm(KindForm):
    """Through points that are clicked in the view, in that order."""

    missing = "Pick two points in the view at least."

    def __init__(self) -> None:
        super().__init__()
        self._points: list[Point] = []
        self.pick = _pick_button("Pick points in the view")
        self.undo, self.clear = QPushButton("Undo last"), QPushButton("Clear")
        self.closed = QCheckBox("Back to the first point at the end")
        self.said = sentence()
        row = QHBoxLayout()
        for button in (self.pick, self.undo, self.clear):
            row.addWidget(button)
        self.form.addRow(row)
        self.form.addRow(self.said)
        self.form.addRow(self.closed)
        self.pick.toggled.connect(lambda on: self.tool_asked.emit(Tool.POINTS if on else None))
        self.undo.clicked.connect(self._undo)
        self.clear.clicked.connect(self.lose_view)
        self.closed.toggled.connect(lambda *_: self._changed())
        self._say()

    @property
    def points(self) -> list[Point]:
        return list(self._points)

    @property
    def choice(self) -> dict[str, Any] | None:
        if len(self._points) < 2:
            return None
        return {"kind": "points", "points": self.points, "closed": self.closed.isChecked()}

    def add(self, x: float, y: float) -> None:
        """One more point."""
        self._points.append((x, y))
        self._changed()

    def move(self, index: int, x: float, y: float) -> None:
        """A point was dragged elsewhere."""
        self._points[index] = (x, y)
        self._changed()

    def lose_view(self) -> None:
        if self._points:
            self._points.clear()
            self._changed()

    def lose_tool(self) -> None:
        self.pick.setChecked(False)

    def _undo(self) -> None:
        if self._points:
            self._points.pop()
            self._changed()

    def _changed(self) -> None:
        self._say()
        self.marks_changed.emit()
        if self.choice is not None:
            self.complete.emit()

    def _say(self) -> None:
        count = len(self._points)
        self.said.setText(
            {
                0: "Press the button, then click in the view where the path is to lead.",
                1: "1 point: click where the path is to lead next.",
            }.get(count, f"{count} points; a click adds another.")
        )
        self.undo.setEnabled(count > 0)
        self.clear.setEnabled(count > 0)


class DrawForm(KindForm):
    """Along a line drawn in the view by hand."""

    missing = "Press Draw in the view, then draw there."

    def __init__(self) -> None:
        super().__init__()
        self._line: list[Point] = []
        self.draw = _pick_button("Draw in the view")
        self.said = sentence("Press the button, then draw in the view with the left mouse button.")
        self.form.addRow(self.draw)
        self.form.addRow(self.said)
        self.draw.toggled.connect(lambda on: self.tool_asked.emit(Tool.DRAW if on else None))

    @property
    def choice(self) -> dict[str, Any] | None:
        return {"kind": "drawn", "points": list(self._line)} if len(self._line) > 1 else None

    def take(self, line: Any) -> None:
        """A line (n, 2) was drawn."""
        self._line = [(float(x), float(y)) for x, y in line]
        if self.choice is not None:
            self.complete.emit()

    def lose_view(self) -> None:
        self._line.clear()

    def lose_tool(self) -> None:
        self.draw.setChecked(False)


class ParticlesForm(KindForm):
    """From one particle to another, through the data between them."""

    missing = "Give two different particles."

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = QSpinBox(), QSpinBox()
        self._next = 0
        self.pick = _pick_button("Pick both in the view")
        self.said = hint("Rows of the particle file, counted from 0.")
        row = QHBoxLayout()
        row.addWidget(self.first, 1)
        row.addWidget(QLabel("to"))
        row.addWidget(self.last, 1)
        self.form.addRow("Particle", row)
        self.form.addRow(self.pick)
        self.form.addRow(self.said)
        self.pick.toggled.connect(self._toggled)
        for number in (self.first, self.last):
            number.setRange(0, 0)
            number.valueChanged.connect(lambda *_: self.marks_changed.emit())

    def set_count(self, count: int) -> None:
        """How many particles there are."""
        for number in (self.first, self.last):
            number.setMaximum(max(count - 1, 0))

    @property
    def rows(self) -> tuple[int, int]:
        """Rows of the particle file that the path begins and ends with."""
        return self.first.value(), self.last.value()

    @property
    def given(self) -> tuple[int, ...]:
        """Those of the two that the user has given."""
        if self._next:
            return self.rows[:1]
        return self.rows if self.choice is not None else ()

    @property
    def choice(self) -> dict[str, Any] | None:
        start, end = self.rows
        return {"kind": "data", "start": start, "end": end} if start != end else None

    def take(self, row: int) -> None:
        """A particle was clicked: the first, then the last."""
        number, self._next = (self.first, self.last)[self._next], 1 - self._next
        number.setValue(row)
        self.marks_changed.emit()  # also where it was that number already
        if not self._next and self.choice is not None:
            self.complete.emit()

    def lose_tool(self) -> None:
        self.pick.setChecked(False)

    def _toggled(self, on: bool) -> None:
        self._next = 0
        self.tool_asked.emit(Tool.POINTS if on else None)


class ClustersForm(KindForm):
    """Through the clusters of a set, in the order that makes the path shortest."""

    missing = "Make clusters on the Clusters page first."

    def __init__(self) -> None:
        super().__init__()
        self.set_box = combo()
        self.said = hint("No clusters yet: make some on the Clusters page.")
        self.form.addRow("Clusters", self.set_box)
        self.form.addRow(self.said)

    def set_names(self, names: list[str]) -> None:
        """The sets of the job."""
        fill(self.set_box, [(name, name) for name in names])
        self.said.setVisible(not names)

    @property
    def choice(self) -> dict[str, Any] | None:
        name = self.set_box.currentData()
        return None if name is None else {"kind": "clusters", "set": name}


class StatesForm(KindForm):
    """Between two states of the landscape, where its energy is least."""

    missing = "Show the landscape below, then choose two of its states."

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = combo(), combo()
        self.said = hint(_NO_STATES)
        row = QHBoxLayout()
        row.addWidget(self.first, 1)
        row.addWidget(QLabel("to"))
        row.addWidget(self.last, 1)
        self.form.addRow("States", row)
        self.form.addRow(self.said)

    def set_states(self, count: int, made: bool = False) -> None:
        """How many states there are, and whether there is a landscape at all."""
        entries = [(f"state {number}", number) for number in range(1, count + 1)]
        fill(self.first, entries)
        fill(self.last, entries, default=1)
        self.said.setText(_ONE_STATE if made else _NO_STATES)
        self.said.setVisible(count < 2)

    def choose(self, first: int, last: int) -> None:
        """Pick two states, from 1."""
        for box, number in ((self.first, first), (self.last, last)):
            box.setCurrentIndex(box.findData(number))

    @property
    def choice(self) -> dict[str, Any] | None:
        ends = self.first.currentData(), self.last.currentData()
        if None in ends or ends[0] == ends[1]:
            return None
        return {"kind": "least energy", "states": ends}


#: kinds in the order of the list, with what stands there
KINDS: Final = (
    ("axis", "Along a motion or principal component"),
    ("points", "Through points picked in the view"),
    ("drawn", "Drawn in the view by hand"),
    ("data", "Between two particles, through the data"),
    ("clusters", "Through the clusters of a set"),
    ("states", "Least energy between two states"),
)


def _percent(value: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0.0, 100.0)
    box.setDecimals(1)
    box.setSuffix(" %")
    box.setValue(value)
    return box


def _pick_button(text: str) -> QPushButton:
    button = QPushButton(text)
    button.setCheckable(True)
    return button
