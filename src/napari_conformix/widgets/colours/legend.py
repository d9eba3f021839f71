"""The legend of the colours below the view: what they mean, and which of them are wanted.

A number has its histogram with a range that can be dragged or typed; a category can be clicked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.widgets.colours.colouring import Legend
from napari_conformix.widgets.colours.legend_painting import number_text
from napari_conformix.widgets.colours.legend_range import HistogramBar
from napari_conformix.widgets.colours.legend_strip import LegendStrip
from napari_conformix.widgets.parts import TOOL_BUTTON

#: pixels of a field for a typed number
_FIELD: Final = 74
#: narrower than this, the buttons have a row of their own
_WIDE: Final = 470


class LegendBar(QWidget):
    """Below the view, as high as it needs to be; hidden without a legend.

    `range_changed(low, high)`: the colours shall go from here to there; `range_reset()`: as the
    program chose; `outside_changed(grey)`: how values outside are coloured; `select_asked()`: the
    particles in the range; `category_clicked(place, modifiers)`.
    """

    range_changed = Signal(float, float)
    range_reset = Signal()
    outside_changed = Signal(bool)
    select_asked = Signal()
    category_clicked = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._legend = Legend("")
        #: without fields and buttons, where there is little room
        self.compact = False
        self.strip = LegendStrip()
        self.bar = HistogramBar()
        self.low, self.high = _Number("Lowest value in the range"), _Number("Highest value")
        self.grey = QToolButton()
        self.grey.setText("Grey outside")
        self.grey.setCheckable(True)
        self.grey.setToolTip(
            "Particles with values outside the range in grey, not in the colours of its ends"
        )
        self.select = QToolButton()
        self.select.setToolTip(
            "Select the particles whose value is in the range, both ends included; the buttons "
            "New, Add and Remove above the view say what becomes of the selection"
        )
        for button in (self.grey, self.select):
            button.setStyleSheet(TOOL_BUTTON)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setContentsMargins(6, 0, 6, 0)
        self._lay_out()
        self.strip.category_clicked.connect(self.category_clicked)
        self.bar.range_changed.connect(self._dragged)
        self.bar.reset_asked.connect(self.range_reset)
        for field in (self.low, self.high):
            field.editingFinished.connect(self._typed)
        self.grey.toggled.connect(self._outside)
        self.select.clicked.connect(self.select_asked)
        self.hide()

    def _lay_out(self) -> None:
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.unit = QLabel()
        self._fields = _row(self.low, QLabel("to"), self.high, self.unit)
        self._fields.addStretch()
        self._buttons = _row(self.grey, self.select)
        self._buttons.addStretch()
        self.range = QWidget()
        inner = QVBoxLayout(self.range)
        inner.setContentsMargins(6, 0, 6, 0)
        inner.setSpacing(2)
        inner.addLayout(self._fields)
        inner.addLayout(self._buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 2)
        layout.setSpacing(0)
        for widget in (self.strip, self.bar, self.range, self.note):
            layout.addWidget(widget)

    # -- what is shown ----------------------------------------------------------------------------

    def set_legend(self, legend: Legend, *, clickable: bool = False) -> None:
        """Show the meaning of the colours. The particles of its categories can be selected where
        they are `clickable`; those of a range always."""
        self._legend = legend
        ranged = legend.histogram is not None
        self.strip.set_legend(legend, clickable=clickable)
        self.bar.setVisible(ranged)
        self.range.setVisible(ranged and not self.compact)
        if ranged:
            self.bar.set_legend(legend)
            self.unit.setText(legend.unit)
            self._show_numbers(self.bar.low, self.bar.high)
            with QSignalBlocker(self.grey):
                self.grey.setChecked(legend.grey_outside)
        self.note.setText(legend.note)
        self.note.setVisible(bool(legend.note))
        self.setVisible(bool(legend.title))
        self.updateGeometry()

    def set_count(self, count: int) -> None:
        """How many particles are in the range."""
        self.select.setText(f"Select these {count:,}")
        self.select.setEnabled(count > 0)

    @property
    def legend(self) -> Legend:
        """What is shown."""
        return self._legend

    @property
    def title(self) -> str:
        """'rlnDefocusU (Å)'."""
        return self.strip.title

    # -- range ------------------------------------------------------------------------------------

    def _dragged(self, low: float, high: float) -> None:
        self._show_numbers(low, high)
        self._legend = replace(self._legend, low=low, high=high)
        self.range_changed.emit(low, high)

    def _outside(self, grey: bool) -> None:
        self._legend = replace(
            self._legend, grey_outside=grey, low=self.bar.low, high=self.bar.high
        )
        self.bar.set_legend(self._legend)
        self.outside_changed.emit(grey)

    def _typed(self) -> None:
        """Numbers typed into the fields; what is none, and a low above the high, is put back."""
        low, high = self.low.number(), self.high.number()
        if low is None or high is None or not low < high:
            self._show_numbers(self.bar.low, self.bar.high)
        elif (low, high) != (self.bar.low, self.bar.high):
            self.bar.set_range(low, high)
            self._dragged(low, high)

    def _show_numbers(self, low: float, high: float) -> None:
        span = high - low
        self.low.show_number(low, span)
        self.high.show_number(high, span)

    # -- size -------------------------------------------------------------------------------------

    def hasHeightForWidth(self) -> bool:
        """Categories and the note wrap."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Of what is shown, at that width."""
        height = self.strip.heightForWidth(width) + 2
        if self._legend.histogram is not None:
            height += self.bar.sizeHint().height()
            height += 0 if self.compact else self.range.sizeHint().height()
        if self._legend.note:
            height += self.note.heightForWidth(width)
        return height

    def sizeHint(self) -> QSize:
        """As high as needed at the present width."""
        return QSize(240, self.heightForWidth(max(self.width(), 240)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fields and buttons in one row where there is room."""
        super().resizeEvent(event)
        inner = self.range.layout()
        wide = self.width() >= _WIDE
        direction = QVBoxLayout.Direction.LeftToRight if wide else QVBoxLayout.Direction.TopToBottom
        if inner.direction() != direction:
            inner.setDirection(direction)
            self.updateGeometry()


class _Number(QLineEdit):
    """A number that is typed; it keeps all digits of one that is only shown."""

    def __init__(self, help_text: str) -> None:
        super().__init__()
        self.setFixedWidth(_FIELD)
        self.setToolTip(help_text)
        self.setAccessibleName(help_text)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._shown, self._value = "", 0.0

    def show_number(self, value: float, span: float) -> None:
        """With the digits that a range of `span` deserves."""
        self._value, self._shown = value, number_text(value, span)
        if not (self.hasFocus() and self.isModified()):
            self.setText(self._shown)

    def number(self) -> float | None:
        """What is typed, or all of what is shown; None when it is no number."""
        text = self.text()
        if text == self._shown:
            return self._value
        self.setModified(False)
        try:
            number = float(text.replace(",", "").replace("−", "-"))
        except ValueError:
            return None
        return number if abs(number) < 1e38 else None  # not NaN either


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget)
    return row
