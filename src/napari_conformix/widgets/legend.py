"""The legend of colours: a colour bar, categories with their counts, or wheels of directions."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPointF, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QLinearGradient, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_conformix.widgets.colouring import Legend
from napari_conformix.widgets.motion_colours import direction_colours

_LINE = 17
_BAR = 12
_GAP = 14
_WHEEL = 58
_NOTE_FLAGS = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop


class LegendBar(QWidget):
    """A strip below the map, as high as its categories need; hidden without a legend."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._legend = Legend("")
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.hide()

    def set_legend(self, legend: Legend) -> None:
        """Show the meaning of the colours."""
        self._legend = legend
        self.setVisible(bool(legend.title))
        self.setToolTip(legend.note)
        self.updateGeometry()
        self.update()

    @property
    def legend(self) -> Legend:
        """What is shown."""
        return self._legend

    @property
    def title(self) -> str:
        """'rlnDefocusU (Å)'."""
        legend = self._legend
        return legend.title + (f" ({legend.unit})" if legend.unit else "")

    def hasHeightForWidth(self) -> bool:
        """Categories wrap."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Title, then a bar, wheels or lines of categories, then the note."""
        if self._legend.directions:
            middle = wheels_height()
        elif self._legend.gradient is not None:
            middle = _BAR + _LINE
        else:
            middle = _LINE * len(self._rows(width)) + 2
        return _LINE + middle + self._note_height(width) + 4

    def _note_height(self, width: int) -> int:
        """Of the wrapped note."""
        if not self._legend.note:
            return 0
        room = QRect(0, 0, width - 12, 1000)
        return self.fontMetrics().boundingRect(room, _NOTE_FLAGS, self._legend.note).height() + 2

    def sizeHint(self) -> QSize:
        """As high as needed at the present width."""
        return QSize(240, self.heightForWidth(max(self.width(), 240)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Title, and what it stands over."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self.palette().text().color())
        box = QRect(6, 1, self.width() - 12, _LINE)
        middle = Qt.AlignmentFlag.AlignVCenter
        elided = self.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignLeft, elided)
        if self._legend.directions:
            paint_wheels(painter, QRectF(6, _LINE + 1, self.width() - 12, wheels_height()))
        elif self._legend.gradient is not None:
            self._paint_bar(painter)
        else:
            self._paint_categories(painter)
        high = self._note_height(self.width())
        note = QRect(6, self.height() - high - 1, self.width() - 12, high)
        painter.drawText(note, _NOTE_FLAGS, self._legend.note)
        painter.end()

    def _paint_bar(self, painter: QPainter) -> None:
        paint_gradient(
            painter, QRectF(6, _LINE + 1, self.width() - 12, _BAR), self._legend.gradient
        )
        low, high = self._legend.low, self._legend.high
        text = QRectF(6, _LINE + _BAR + 1, self.width() - 12, _LINE)
        middle = Qt.AlignmentFlag.AlignVCenter
        for value, mark, side in (
            (low, "≤ ", Qt.AlignmentFlag.AlignLeft),
            ((low + high) / 2, "", Qt.AlignmentFlag.AlignHCenter),
            (high, "≥ ", Qt.AlignmentFlag.AlignRight),
        ):
            painter.drawText(text, side | middle, mark + _number(value, high - low))

    def _paint_categories(self, painter: QPainter) -> None:
        metrics = self.fontMetrics()
        for line, row in enumerate(self._rows(self.width())):
            x, y = 6.0, _LINE * (line + 1) + 1.0
            for category, label, width in row:
                painter.setBrush(QColor.fromRgbF(*category.colour))
                pen = painter.pen()
                painter.setPen(Qt.PenStyle.NoPen)
                painter.drawEllipse(QPointF(x + 5, y + _LINE / 2), 4.5, 4.5)
                painter.setPen(pen)
                painter.drawText(QPointF(x + 14, y + (_LINE + metrics.ascent()) / 2 - 1), label)
                x += width

    def _rows(self, width: int) -> list[list[tuple]]:
        """Categories broken into lines of at most `width` pixels."""
        rows, used = [[]], 6.0
        metrics = self.fontMetrics()
        for category in self._legend.categories:
            name = metrics.elidedText(category.label, Qt.TextElideMode.ElideMiddle, 150)
            label = f"{name} ({category.count:,})"
            needed = 14 + metrics.horizontalAdvance(label) + _GAP
            if rows[-1] and used + needed > width:
                rows.append([])
                used = 6.0
            rows[-1].append((category, label, needed))
            used += needed
        return rows if rows[0] else []


def paint_gradient(painter: QPainter, bar: QRectF, table: np.ndarray) -> None:
    """Fill a bar with colours (k, 3) from left to right."""
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for place in np.linspace(0, 1, 17):
        red, green, blue = table[round(place * (len(table) - 1))]
        gradient.setColorAt(float(place), QColor.fromRgbF(float(red), float(green), float(blue)))
    painter.fillRect(bar, gradient)


def wheels_height() -> int:
    """Of :func:`paint_wheels`."""
    return _WHEEL + 2 * _LINE


def paint_wheels(painter: QPainter, box: QRectF) -> None:
    """The sphere of directions from both sides: towards the viewer (+z), and away (-z)."""
    centre, pen = Qt.AlignmentFlag.AlignCenter, painter.pen()
    half = box.width() / 2
    for side, (sign, words) in enumerate(((1.0, "towards you (+z)"), (-1.0, "away (−z)"))):
        middle = QPointF(box.left() + half * (side + 0.5), box.top() + _LINE + _WHEEL / 2)
        corner = QPointF(middle.x() - _WHEEL / 2, middle.y() - _WHEEL / 2)
        painter.drawImage(QRectF(corner.x(), corner.y(), _WHEEL, _WHEEL), _wheel(sign))
        painter.setPen(pen)
        for text, dx, dy in (("+x", 1, 0), ("−x", -1, 0), ("+y", 0, -1)):
            x = middle.x() + dx * (_WHEEL / 2 + 14)
            y = middle.y() + dy * (_WHEEL / 2 + _LINE / 2)
            painter.drawText(QRectF(x - 14, y - _LINE / 2, 28, _LINE), centre, text)
        below = QRectF(middle.x() - half / 2, middle.y() + _WHEEL / 2, half, _LINE)
        painter.drawText(below, centre, words)


def _wheel(sign: float, pixels: int = 2 * _WHEEL) -> QImage:
    """One side of the sphere of directions; outside of it nothing."""
    place = (np.arange(pixels) + 0.5) / pixels * 2 - 1
    x, y = np.meshgrid(place, -place)  # y up
    squared = x**2 + y**2
    z = sign * np.sqrt(np.clip(1 - squared, 0, None))
    rgba = direction_colours(np.stack([x, y, z], axis=-1).reshape(-1, 3)).reshape(pixels, pixels, 4)
    rgba[..., 3] = squared <= 1
    values = np.ascontiguousarray(255 * rgba, dtype=np.uint8)
    image = QImage(values.data, pixels, pixels, 4 * pixels, QImage.Format.Format_RGBA8888)
    return image.copy()  # the numbers go with this function


def _number(value: float, span: float) -> str:
    """A value with the digits that a range of `span` deserves."""
    if span <= 0 or not np.isfinite(span):
        return f"{value:g}"
    if abs(value) >= 1e5 or span < 1e-3:
        return f"{value:.4g}"
    digits = int(np.clip(2 - np.floor(np.log10(span)), 0, 4))
    return f"{value:,.{digits}f}"
