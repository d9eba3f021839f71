"""The legend of the latent map's colours: a colour bar, or categories with their counts."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPointF, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_conformix.widgets.colouring import Legend

_LINE = 17
_BAR = 12
_GAP = 14


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
        title = legend.title + (f" ({legend.unit})" if legend.unit else "")
        return f"{title}: {legend.note}" if legend.note else title

    def hasHeightForWidth(self) -> bool:
        """Categories wrap."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Title, then a bar or lines of categories."""
        if self._legend.gradient is not None:
            return _LINE + _BAR + _LINE + 4
        return _LINE * (1 + len(self._rows(width))) + 6

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
        if self._legend.gradient is not None:
            self._paint_bar(painter)
        else:
            self._paint_categories(painter)
        painter.end()

    def _paint_bar(self, painter: QPainter) -> None:
        table = self._legend.gradient
        bar = QRectF(6, _LINE + 1, self.width() - 12, _BAR)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for place in np.linspace(0, 1, 17):
            red, green, blue = table[round(place * (len(table) - 1))]
            gradient.setColorAt(
                float(place), QColor.fromRgbF(float(red), float(green), float(blue))
            )
        painter.fillRect(bar, gradient)
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


def _number(value: float, span: float) -> str:
    """A value with the digits that a range of `span` deserves."""
    if span <= 0 or not np.isfinite(span):
        return f"{value:g}"
    if abs(value) >= 1e5 or span < 1e-3:
        return f"{value:.4g}"
    digits = int(np.clip(2 - np.floor(np.log10(span)), 0, 4))
    return f"{value:,.{digits}f}"
