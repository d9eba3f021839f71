"""The histogram of a coloured column, on which the range of the colours is dragged."""

from __future__ import annotations

from typing import Final

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_conformix.widgets.colours.colouring import MISSING, Legend
from napari_conformix.widgets.colours.legend_painting import LINE, number_text

_HIGH: Final = 46
_SIDE: Final = 8
#: a handle is taken from so many pixels away, and is that wide
_GRIP: Final = 8
_HANDLE: Final = 4.0
#: two handles keep this share of the axis between them
_LEAST_SHARE: Final = 0.002
_LOW, _HIGH_END, _BOTH = "low", "high", "both"


class HistogramBar(QWidget):
    """Bars in the colours of their values, and two handles.

    `range_changed(low, high)` while a handle, or what is between them, is dragged; a double click
    asks for the range that the program chose (`reset_asked`).
    """

    range_changed = Signal(float, float)
    reset_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._legend = Legend("")
        self.low, self.high = 0.0, 1.0
        self._held = ""
        self._grabbed = 0.0, 0.0, 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setToolTip(
            "How the values are distributed. Drag a handle, or the bar between both: colours "
            "follow. Double click: back to the 1st and 99th percentile."
        )

    def set_legend(self, legend: Legend) -> None:
        """Another column, or another range of the same; what is being dragged stays in hand."""
        self._legend = legend
        if not self._held:
            self.low, self.high = legend.low, legend.high
        self.update()

    def set_range(self, low: float, high: float) -> None:
        """Move the handles, without a signal."""
        self.low, self.high = low, high
        self.update()

    def sizeHint(self) -> QSize:
        """Bars, and the ends of the axis below them."""
        return QSize(240, _HIGH + LINE)

    # -- painting ---------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars, the range between the handles, the ends of the axis."""
        histogram = self._legend.histogram
        if histogram is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().text().color()
        self._paint_range(painter, text)
        self._paint_bars(painter)
        for value in (self.low, self.high):
            self._paint_handle(painter, self._x_of(value), text)
        self._paint_ends(painter, text)
        painter.end()

    def _paint_range(self, painter: QPainter, text: QColor) -> None:
        veil = QColor(text)
        veil.setAlpha(28)
        left, right = self._x_of(self.low), self._x_of(self.high)
        painter.fillRect(QRectF(left, 0, right - left, _HIGH), veil)

    def _paint_bars(self, painter: QPainter) -> None:
        """A bar is as high as its count; where there is a particle it is seen."""
        histogram = self._legend.histogram
        counts, left, width = histogram.counts, *self._axis()
        step = width / len(counts)
        shares = counts / (counts.max() or 1)
        middles = histogram.low + (np.arange(len(counts)) + 0.5) * histogram.span / len(counts)
        for i, (share, colour) in enumerate(zip(shares, self._colours(middles), strict=True)):
            if share > 0:
                high = max(1.5, share * (_HIGH - 4))
                bar = QRectF(left + i * step, _HIGH - high, step + 0.3, high)
                painter.fillRect(bar, colour)

    def _colours(self, values: np.ndarray) -> list[QColor]:
        """What the view shows for these values."""
        gradient, low, high = self._legend.gradient, self.low, self.high
        place = np.clip((values - low) / ((high - low) or 1.0), 0, 1) * (len(gradient) - 1)
        table = gradient[(place + 0.5).astype(int)]
        if self._legend.grey_outside:
            table = table.copy()
            table[(values < low) | (values > high)] = MISSING[:3]
        return [QColor.fromRgbF(*map(float, colour)) for colour in table]

    def _paint_handle(self, painter: QPainter, x: float, text: QColor) -> None:
        painter.setPen(QPen(text, 1.4))
        painter.drawLine(QPointF(x, 0), QPointF(x, _HIGH))
        painter.setPen(QPen(QColor(30, 32, 38), 1.0))
        painter.setBrush(text)
        half = _HANDLE
        corners = ((-half, 0), (half, 0), (half, 9), (0, 14), (-half, 9))
        painter.drawPolygon(QPolygonF([QPointF(x + dx, dy) for dx, dy in corners]))

    def _paint_ends(self, painter: QPainter, text: QColor) -> None:
        """The ends of the axis, with ≤ and ≥ where there are strays beyond."""
        histogram = self._legend.histogram
        box = QRectF(_SIDE, _HIGH, self.width() - 2 * _SIDE, LINE)
        low = ("≤ " if histogram.lowest < histogram.low else "") + number_text(
            histogram.low, histogram.span
        )
        high = ("≥ " if histogram.highest > histogram.high else "") + number_text(
            histogram.high, histogram.span
        )
        faint = QColor(text)
        faint.setAlpha(170)
        painter.setPen(faint)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, high)
        most = f"{int(histogram.counts.max()):,} in the highest bar"
        if self.fontMetrics().horizontalAdvance(low + most + high) + 40 < box.width():
            painter.drawText(box, middle | Qt.AlignmentFlag.AlignHCenter, most)

    # -- mouse ------------------------------------------------------------------------------------

    def _axis(self) -> tuple[float, float]:
        """Left end and length, in pixels."""
        return float(_SIDE), max(1.0, self.width() - 2.0 * _SIDE)

    def _x_of(self, value: float) -> float:
        left, width = self._axis()
        return left + self._legend.histogram.share_of(value) * width

    def _share_at(self, x: float) -> float:
        left, width = self._axis()
        return float(np.clip((x - left) / width, 0.0, 1.0))

    def handle_place(self, which: str) -> QPointF:
        """Where to take hold of the handle 'low' or 'high', or of 'both': the bar between them."""
        xs = {_LOW: self._x_of(self.low), _HIGH_END: self._x_of(self.high)}
        return QPointF(xs.get(which, sum(xs.values()) / 2), _HIGH / 2)

    def _part_at(self, x: float) -> str:
        """What is taken hold of at a pixel: a handle, the bar between them, or nothing."""
        low, high = self._x_of(self.low), self._x_of(self.high)
        near = min((abs(x - low), _LOW), (abs(x - high), _HIGH_END))
        if abs(x - low) == abs(x - high):  # both at one place: the one that can still move
            near = (near[0], _LOW if x < low or low > self._axis()[1] / 2 else _HIGH_END)
        if near[0] <= _GRIP:
            return near[1]
        return _BOTH if low < x < high else ""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold; outside the range the nearer handle comes to the mouse."""
        if self._legend.histogram is None or event.button() != Qt.MouseButton.LeftButton:
            return
        x = event.position().x()
        shares = [self._legend.histogram.share_of(value) for value in (self.low, self.high)]
        self._grabbed = (self._share_at(x), *shares)
        self._held = self._part_at(x)
        if not self._held:
            self._held = _LOW if x < self._x_of(self.low) else _HIGH_END
            self._drag(x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag, or show what could be dragged."""
        if self._legend.histogram is None:
            return
        x = event.position().x()
        if self._held:
            self._drag(x)
            return
        part = self._part_at(x)
        shape = {_BOTH: Qt.CursorShape.OpenHandCursor, "": Qt.CursorShape.ArrowCursor}
        self.setCursor(shape.get(part, Qt.CursorShape.SizeHorCursor))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._held = ""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Back to the range that the program chose."""
        self._held = ""
        self.reset_asked.emit()

    def _drag(self, x: float) -> None:
        histogram, share = self._legend.histogram, self._share_at(x)
        began, low, high = self._grabbed
        if self._held == _LOW:
            low = min(share, high - _LEAST_SHARE)
        elif self._held == _HIGH_END:
            high = max(share, low + _LEAST_SHARE)
        else:
            moved = float(np.clip(share - began, -low, 1.0 - high))
            low, high = low + moved, high + moved
        # The handle that stays keeps its number: a typed one is not rounded to a pixel.
        if self._held != _HIGH_END:
            self.low = histogram.value_at(max(low, 0.0))
        if self._held != _LOW:
            self.high = histogram.value_at(min(high, 1.0))
        self.update()
        self.range_changed.emit(self.low, self.high)
