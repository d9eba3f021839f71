"""What legends are painted of: gradients, the wheels of directions, numbers with fitting digits."""

from __future__ import annotations

from typing import Final

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QImage, QLinearGradient, QPainter

from napari_conformix.widgets.colours.motion import direction_colours

#: height of a line of text
LINE: Final = 17
_WHEEL: Final = 58


def paint_gradient(painter: QPainter, bar: QRectF, table: np.ndarray) -> None:
    """Fill a bar with colours (k, 3) from left to right."""
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for place in np.linspace(0, 1, 17):
        red, green, blue = table[round(place * (len(table) - 1))]
        gradient.setColorAt(float(place), QColor.fromRgbF(float(red), float(green), float(blue)))
    painter.fillRect(bar, gradient)


def wheels_height() -> int:
    """Of :func:`paint_wheels`."""
    return _WHEEL + 2 * LINE


def paint_wheels(painter: QPainter, box: QRectF) -> None:
    """The sphere of directions from both sides: towards the viewer (+z), and away (-z)."""
    centre, pen = Qt.AlignmentFlag.AlignCenter, painter.pen()
    half = box.width() / 2
    for side, (sign, words) in enumerate(((1.0, "towards you (+z)"), (-1.0, "away (−z)"))):
        middle = QPointF(box.left() + half * (side + 0.5), box.top() + LINE + _WHEEL / 2)
        corner = QPointF(middle.x() - _WHEEL / 2, middle.y() - _WHEEL / 2)
        painter.drawImage(QRectF(corner.x(), corner.y(), _WHEEL, _WHEEL), _wheel(sign))
        painter.setPen(pen)
        for text, dx, dy in (("+x", 1, 0), ("−x", -1, 0), ("+y", 0, -1)):
            x = middle.x() + dx * (_WHEEL / 2 + 14)
            y = middle.y() + dy * (_WHEEL / 2 + LINE / 2)
            painter.drawText(QRectF(x - 14, y - LINE / 2, 28, LINE), centre, text)
        below = QRectF(middle.x() - half / 2, middle.y() + _WHEEL / 2, half, LINE)
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


def number_text(value: float, span: float) -> str:
    """A value with the digits that a range of `span` deserves."""
    if span <= 0 or not np.isfinite(span):
        return f"{value:g}"
    if abs(value) >= 1e5 or span < 1e-3:
        return f"{value:.4g}"
    digits = int(np.clip(2 - np.floor(np.log10(span)), 0, 4))
    return f"{value:,.{digits}f}"
