"""What the arrows and spheres in the scene mean, in A, with a scale at the present zoom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF, QRadialGradient
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_conformix.widgets.colours import motion, paint_gradient, paint_wheels, wheels_height

if TYPE_CHECKING:
    from napari_conformix.widgets.scene.arrows import Colour, Limits

_LINE: Final = 18
_BAR: Final = 12
#: the arrow of the scale is at most so many pixels long, and the sphere's radius so many
_LONGEST, _LARGEST = 130.0, 16.0
_SCALE_HEIGHT: Final = 42


class ArrowLegend(QWidget):
    """Colours of arrows, colours and radii of spheres, and a scale for both."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._limits: Limits | None = None
        self._colour: Colour = "amount"
        self._length = 1.0
        self._spheres = True
        self._pixels = 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()

    def set_meaning(
        self, limits: Limits | None, colour: Colour, length: float, *, spheres: bool
    ) -> None:
        """What is drawn; None: nothing is."""
        self._limits, self._colour = limits, colour
        self._length, self._spheres = length, spheres
        self.setVisible(limits is not None)
        self.updateGeometry()
        self.update()

    def set_zoom(self, pixels_per_angstrom: float) -> None:
        """The camera of the scene has another zoom."""
        self._pixels = pixels_per_angstrom
        self.update()

    @property
    def titles(self) -> list[str]:
        """The lines of the legend in words."""
        arrows = {
            "amount": "Arrows: displacement (Å)",
            "direction": "Arrows: direction of the displacement",
            "error": "Arrows: half-set difference at their ends (Å)",
        }[self._colour]
        titles = [arrows]
        if self._spheres:
            titles.append("Spheres: half-set difference (Å), by radius and colour")
        return [*titles, self.scale_title]

    @property
    def scale_title(self) -> str:
        """Whether arrows are as long as the displacements are."""
        what = "Arrows and spheres" if self._spheres else "Arrows"
        if self._length == 1:
            return f"{what} to scale, 1 Å drawn as 1 Å:"
        return f"{what} drawn {self._length:g} times too large:"

    def scale(self) -> tuple[float, float]:
        """Round length of the scale's arrow and radius of its sphere, in A of what is meant."""
        per_angstrom = max(self._pixels * self._length, 1e-6)
        return _round_down(_LONGEST / per_angstrom), _round_down(_LARGEST / per_angstrom)

    def sizeHint(self) -> QSize:
        """As high as what it says."""
        height = _LINE + (wheels_height() if self._colour == "direction" else _BAR + _LINE)
        if self._spheres:
            height += _LINE + _BAR + _LINE
        return QSize(300, height + _LINE + _SCALE_HEIGHT + 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The lines, each with its picture below it."""
        if self._limits is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self.palette().text().color())
        titles, y = self.titles, 0.0
        y = self._title(painter, y, titles[0])
        if self._colour == "direction":
            paint_wheels(painter, QRectF(6, y, self.width() - 12, wheels_height()))
            y += wheels_height()
        elif self._colour == "amount":
            y = self._bar(painter, y, motion.arrow_gradient(), self._limits.amount)
        else:
            y = self._bar(painter, y, motion.error_gradient(), self._limits.error)
        if self._spheres:
            y = self._title(painter, y, titles[1])
            y = self._bar(painter, y, motion.error_gradient(), self._limits.error)
        y = self._title(painter, y, titles[-1])
        self._paint_scale(painter, y + _SCALE_HEIGHT / 2)
        painter.end()

    def _title(self, painter: QPainter, y: float, text: str) -> float:
        box = QRectF(6, y, self.width() - 12, _LINE)
        elided = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(box.width()))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, elided)
        return y + _LINE

    def _bar(self, painter: QPainter, y: float, gradient: np.ndarray, most: float) -> float:
        paint_gradient(painter, QRectF(6, y, self.width() - 12, _BAR), gradient)
        text = QRectF(6, y + _BAR, self.width() - 12, _LINE)
        for share, mark, side in (
            (0.0, "", Qt.AlignmentFlag.AlignLeft),
            (0.5, "", Qt.AlignmentFlag.AlignHCenter),
            (1.0, "≥ ", Qt.AlignmentFlag.AlignRight),
        ):
            painter.drawText(text, side | Qt.AlignmentFlag.AlignVCenter, f"{mark}{share * most:g}")
        return y + _BAR + _LINE

    def _paint_scale(self, painter: QPainter, y: float) -> None:
        """An arrow and a sphere of round sizes, as large as they would be in the scene now."""
        length, radius = self.scale()
        pixels = self._pixels * self._length
        text = painter.pen()
        tip = 12 + length * pixels
        painter.setPen(QPen(text.color(), 3))
        painter.drawLine(QPointF(12, y), QPointF(tip - 8, y))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(text.color())
        painter.drawPolygon(
            QPolygonF([QPointF(tip, y), QPointF(tip - 10, y - 5), QPointF(tip - 10, y + 5)])
        )
        painter.setPen(text)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(tip + 6, y - _LINE / 2, 80, _LINE), middle, f"{length:g} Å")
        if self._spheres:
            x = max(12 + _LONGEST + 90, self.width() * 0.55)
            self._paint_ball(painter, QPointF(x, y), radius * pixels)
            painter.setPen(text)
            box = QRectF(x + _LARGEST + 8, y - _LINE / 2, 130, _LINE)
            painter.drawText(box, middle, f"radius {radius:g} Å")

    @staticmethod
    def _paint_ball(painter: QPainter, centre: QPointF, radius: float) -> None:
        shade = QRadialGradient(centre - QPointF(radius / 3, radius / 3), 1.4 * radius)
        shade.setColorAt(0.0, QColor("#ffe0b0"))
        shade.setColorAt(1.0, QColor("#7a3a10"))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawEllipse(centre, radius, radius)


def _round_down(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above a positive value."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step for step in (5.0, 2.0, 1.0) if step * power <= value * 1.0001) * power)
