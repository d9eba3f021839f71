"""The painted part of a legend: its title, then a bar, wheels of directions, or categories that
can be clicked."""

from __future__ import annotations

from typing import Final

from qtpy.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_conformix.widgets.colours.colouring import Category, Legend
from napari_conformix.widgets.colours.legend_painting import (
    LINE,
    number_text,
    paint_gradient,
    paint_wheels,
    wheels_height,
)

_BAR: Final = 12
_GAP: Final = 14
#: names of categories are cut to so many pixels
_LABEL: Final = 150
_CLICK: Final = "Click to select these particles; Shift adds them, Alt takes them out"


class LegendStrip(QWidget):
    """As high as its categories need at its width."""

    #: the place of a category in the legend, and the keys that are held
    category_clicked = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._legend = Legend("")
        self.clickable = False
        self._pointed = -1
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMouseTracking(True)

    def set_legend(self, legend: Legend, *, clickable: bool = False) -> None:
        """Paint another one; its categories can be clicked, or not."""
        self._legend, self.clickable, self._pointed = legend, clickable, -1
        self.unsetCursor()
        self.updateGeometry()
        self.update()

    @property
    def title(self) -> str:
        """'rlnDefocusU (Å)'."""
        legend = self._legend
        return legend.title + (f" ({legend.unit})" if legend.unit else "")

    # -- size -------------------------------------------------------------------------------------

    def hasHeightForWidth(self) -> bool:
        """Categories wrap."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Title, then a bar, wheels or lines of categories. A range that can be dragged is a widget
        of its own."""
        legend = self._legend
        if legend.directions:
            middle = wheels_height()
        elif legend.histogram is not None:
            middle = 0
        elif legend.gradient is not None:
            middle = _BAR + LINE
        else:
            middle = LINE * len(self._rows(width)) + 2
        return LINE + middle + 3

    def sizeHint(self) -> QSize:
        """As high as needed at the present width."""
        return QSize(240, self.heightForWidth(max(self.width(), 240)))

    # -- painting ---------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Title, and what it stands over."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self.palette().text().color())
        box = QRect(6, 1, self.width() - 12, LINE)
        middle = Qt.AlignmentFlag.AlignVCenter
        elided = self.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignLeft, elided)
        legend = self._legend
        if legend.directions:
            paint_wheels(painter, QRectF(6, LINE + 1, self.width() - 12, wheels_height()))
        elif legend.gradient is None:
            self._paint_categories(painter)
        elif legend.histogram is None:
            self._paint_bar(painter)
        painter.end()

    def _paint_bar(self, painter: QPainter) -> None:
        paint_gradient(painter, QRectF(6, LINE + 1, self.width() - 12, _BAR), self._legend.gradient)
        low, high = self._legend.low, self._legend.high
        text = QRectF(6, LINE + _BAR + 1, self.width() - 12, LINE)
        middle = Qt.AlignmentFlag.AlignVCenter
        for value, mark, side in (
            (low, "≤ ", Qt.AlignmentFlag.AlignLeft),
            ((low + high) / 2, "", Qt.AlignmentFlag.AlignHCenter),
            (high, "≥ ", Qt.AlignmentFlag.AlignRight),
        ):
            painter.drawText(text, side | middle, mark + number_text(value, high - low))

    def _paint_categories(self, painter: QPainter) -> None:
        metrics, text = self.fontMetrics(), painter.pen()
        for line, row in enumerate(self._rows(self.width())):
            x, y = 6.0, LINE * (line + 1) + 1.0
            for place, category, label, width in row:
                painter.setPen(Qt.PenStyle.NoPen)
                if place == self._pointed:
                    veil = QColor(text.color())
                    veil.setAlpha(40)
                    painter.setBrush(veil)
                    painter.drawRoundedRect(QRectF(x - 3, y, width - _GAP + 7, LINE), 4, 4)
                painter.setBrush(QColor.fromRgbF(*category.colour))
                painter.drawEllipse(QPointF(x + 5, y + LINE / 2), 4.5, 4.5)
                painter.setPen(text)
                painter.drawText(QPointF(x + 14, y + (LINE + metrics.ascent()) / 2 - 1), label)
                x += width

    def _rows(self, width: int) -> list[list[tuple[int, Category, str, int]]]:
        """Categories broken into lines of at most `width` pixels: place, category, what is written,
        and how wide it is."""
        rows, used = [[]], 6.0
        metrics = self.fontMetrics()
        for place, category in enumerate(self._legend.categories):
            name = metrics.elidedText(category.label, Qt.TextElideMode.ElideMiddle, _LABEL)
            label = f"{name} ({category.count:,})"
            needed = 14 + metrics.horizontalAdvance(label) + _GAP
            if rows[-1] and used + needed > width:
                rows.append([])
                used = 6.0
            rows[-1].append((place, category, label, needed))
            used += needed
        return rows if rows[0] else []

    # -- mouse ------------------------------------------------------------------------------------

    def place_of(self, category: int) -> QPointF:
        """The middle of a category's name, in pixels of this widget."""
        for line, row in enumerate(self._rows(self.width())):
            x = 6.0
            for place, _, _, width in row:
                if place == category:
                    return QPointF(x + (width - _GAP) / 2, LINE * (line + 1.5) + 1.0)
                x += width
        raise IndexError(f"The legend has no category {category}.")

    def _category_at(self, place: QPointF) -> int:
        """The category under a pixel, -1 for none."""
        if not self.clickable:
            return -1
        rows = self._rows(self.width())
        line = int((place.y() - LINE - 1) // LINE)
        if place.y() < LINE + 1 or line >= len(rows):
            return -1
        x = 6.0
        for category, _, _, width in rows[line]:
            if x - 3 <= place.x() < x + width - _GAP + 4:
                return category
            x += width
        return -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark the category that a click would take."""
        pointed = self._category_at(event.position())
        if pointed == self._pointed:
            return
        self._pointed = pointed
        if pointed < 0:
            self.unsetCursor()
            self.setToolTip("")
        else:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setToolTip(f"{self._legend.categories[pointed].label}: {_CLICK}")
        self.update()

    def leaveEvent(self, event: object) -> None:
        """The mouse is elsewhere."""
        self._pointed = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on a category takes its particles."""
        category = self._category_at(event.position())
        if category >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.category_clicked.emit(category, event.modifiers())
