"""Painters of what lies on the latent space view, for the window and for pictures in files alike.

Each takes a painter and the camera of the picture that it paints into.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from napari_conformix.widgets.colours import HIGHLIGHT
from napari_conformix.widgets.latent_view.camera import Camera
from napari_conformix.widgets.latent_view.marks import (
    Backdrop,
    Contour,
    Decorations,
    Mark,
    PathLine,
)

LINE: Final = QColor.fromRgbF(*map(float, HIGHLIGHT))
_CURSOR: Final = QColor(255, 255, 255)
AXES: Final = QColor(200, 205, 212, 210)
_GRID: Final = QColor(200, 205, 212, 22)
_HALO: Final = QColor(20, 22, 28, 200)
_PATH: Final = QColor(255, 209, 71)
_UNSUPPORTED: Final = QColor(150, 155, 163)
_VEIL: Final = QColor(20, 22, 28, 150)


def paint_below(painter: QPainter, camera: Camera, decorations: Decorations) -> None:
    """What particles lie on."""
    if decorations.backdrop is not None:
        paint_backdrop(painter, camera, decorations.backdrop)


def paint_above(
    painter: QPainter, camera: Camera, decorations: Decorations, *, path: bool = True
) -> None:
    """What lies on the particles: contours, axes, the path, marks."""
    for contour in decorations.contours:
        paint_contour(painter, camera, contour)
    if any(decorations.axes):
        paint_axes(painter, camera, decorations.axes)
    if path and decorations.path is not None:
        paint_path(painter, camera, decorations.path)
    paint_marks(painter, camera, decorations.marks)


def paint_image(painter: QPainter, camera: Camera, image: QImage, seen_by: Camera) -> None:
    """A picture taken by another camera, where this one sees it."""
    place = QRectF(0, 0, camera.width, camera.height)
    if seen_by != camera:
        corners = seen_by.to_view(np.array([[0.0, 0.0], [seen_by.width, seen_by.height]]))
        (left, top), (right, bottom) = camera.to_pixels(corners)
        place = QRectF(left, top, right - left, bottom - top)
    painter.drawImage(place, image)


def paint_backdrop(painter: QPainter, camera: Camera, backdrop: Backdrop) -> None:
    """A picture over a box of the view, smooth between its pixels."""
    (left, bottom), (right, top) = camera.to_pixels(np.array(backdrop.extent))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF(left, top, right - left, bottom - top), backdrop.image)
    painter.restore()


def paint_contour(painter: QPainter, camera: Camera, contour: Contour) -> None:
    """A thin line."""
    line, colour = contour
    painter.setPen(QPen(QColor.fromRgbF(*map(float, colour)), 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(_polygon(camera.to_pixels(line)))


def paint_path(painter: QPainter, camera: Camera, path: PathLine) -> None:
    """A line with a dot at each step, grey where no particles support it; a ring at the current
    step."""
    pixels = camera.to_pixels(path.xy)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(_HALO, 5.0))
    painter.drawPolyline(_polygon(pixels))
    for start, supported in enumerate(path.supported):
        painter.setPen(_path_pen(supported))
        painter.drawLine(QPointF(*pixels[start]), QPointF(*pixels[start + 1]))
    if len(pixels) * 8 < _length(pixels):  # dots that touch say nothing
        there = np.ones(len(pixels), bool) if path.support is None else path.support > 0
        painter.setPen(QPen(_HALO, 1.0))
        for pixel, supported in zip(pixels, there, strict=True):
            painter.setBrush(_PATH if supported else _UNSUPPORTED)
            painter.drawEllipse(QPointF(*pixel), 3.0, 3.0)
    if path.place is not None:
        centre = QPointF(*camera.to_pixels(path.place[None])[0])
        _ring(painter, centre, 8.0, _PATH)


def paint_marks(painter: QPainter, camera: Camera, marks: tuple[Mark, ...]) -> None:
    """A dot at the place and the text beside it."""
    if not marks:
        return
    font = painter.font()
    font.setPointSizeF(9.0)
    font.setBold(True)
    painter.save()
    painter.setFont(font)
    for mark, (x, y) in zip(marks, camera.to_pixels(np.array([m.xy for m in marks])), strict=True):
        painter.setPen(QPen(_HALO, 1.5))
        painter.setBrush(mark.paint)
        painter.drawEllipse(QPointF(x, y), 4.0, 4.0)
        box = painter.boundingRect(QRectF(x + 6, y - 17, 200, 16), 0, mark.text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_HALO)
        painter.drawRoundedRect(box.adjusted(-3, -1, 3, 1), 3.0, 3.0)
        painter.setPen(mark.paint)
        painter.drawText(box, 0, mark.text)
    painter.restore()


def paint_lasso(painter: QPainter, line: list[tuple[float, float]], *, closed: bool) -> None:
    """The line that the mouse draws, in pixels; a closed one with what it encloses."""
    polygon = _polygon(line)
    if not closed:
        for pen in (QPen(_HALO, 5.0), _path_pen(True)):
            painter.setPen(pen)
            painter.drawPolyline(polygon)
        return
    fill = QColor(LINE)
    fill.setAlpha(40)
    painter.setBrush(fill)
    painter.setPen(QPen(LINE, 1.6, Qt.PenStyle.SolidLine))
    painter.drawPolygon(polygon)


def paint_cursor(
    painter: QPainter, camera: Camera, xy: tuple[float, float], radius: float = 0.0
) -> None:
    """The cross-hair, and a circle of `radius` (view units) around it if it is to be seen."""
    x, y = camera.to_pixels(np.array([xy]))[0]
    for colour, width in ((_HALO, 4.0), (_CURSOR, 1.8)):
        painter.setPen(QPen(colour, width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(x, y), 6.0, 6.0)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            painter.drawLine(QPointF(x + 6 * dx, y + 6 * dy), QPointF(x + 14 * dx, y + 14 * dy))
    if radius * camera.zoom > 8.0:
        painter.setPen(QPen(_CURSOR, 1.0, Qt.PenStyle.DotLine))
        painter.drawEllipse(QPointF(x, y), radius * camera.zoom, radius * camera.zoom)


def paint_hovered(painter: QPainter, camera: Camera, xy: tuple[float, float]) -> None:
    """A ring around the particle that the mouse is on."""
    _ring(painter, QPointF(*camera.to_pixels(np.array([xy]))[0]), 6.0, _CURSOR)


def paint_axes(painter: QPainter, camera: Camera, names: tuple[str, str]) -> None:
    """Ticks along the lower and left border with the names of the axes."""
    font = painter.font()
    font.setPointSizeF(8.0)
    painter.setFont(font)
    width, height = camera.width, camera.height
    (left, bottom), (right, top) = camera.to_view(np.array([[0, height], [width, 0]]))
    for value in ticks(left, right, max(2, width // 60)):
        x = camera.to_pixels(np.array([[value, 0.0]]))[0, 0]
        if 28 < x < width - 12:
            painter.setPen(_GRID)
            painter.drawLine(QPointF(x, 0), QPointF(x, height - 34))
            _text(painter, QRectF(x - 40, height - 33, 80, 14), f"{value:g}")
    for value in ticks(bottom, top, max(2, height // 60)):
        y = camera.to_pixels(np.array([[0.0, value]]))[0, 1]
        if 12 < y < height - 46:
            painter.setPen(_GRID)
            painter.drawLine(QPointF(34, y), QPointF(width, y))
            _text(painter, QRectF(18, y - 7, 36, 14), f"{value:g}", centred=False)
    short, metrics = Qt.TextElideMode.ElideRight, painter.fontMetrics()
    along = metrics.elidedText(names[0], short, width - 8)
    up = metrics.elidedText(names[1], short, height - 38)
    _text(painter, QRectF(0, height - 18, width, 16), along)
    painter.save()
    painter.translate(2, (height - 30) / 2)
    painter.rotate(-90)
    _text(painter, QRectF(-height / 2, 0, height, 16), up)
    painter.restore()


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round values between `low` and `high`, about `count` of them."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return []
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    first = math.ceil(low / step)
    return [round(i * step, 12) for i in range(first, math.floor(high / step) + 1)]


def _ring(painter: QPainter, centre: QPointF, radius: float, colour: QColor) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(_HALO, 5.0), QPen(colour, 2.4)):
        painter.setPen(pen)
        painter.drawEllipse(centre, radius, radius)


def _path_pen(supported: bool) -> QPen:
    pen = QPen(_PATH if supported else _UNSUPPORTED, 2.2)
    if not supported:
        pen.setStyle(Qt.PenStyle.DashLine)
    return pen


def _text(painter: QPainter, box: QRectF, text: str, centred: bool = True) -> None:
    """Light text on a dark veil, readable over points."""
    side = Qt.AlignmentFlag.AlignHCenter if centred else Qt.AlignmentFlag.AlignLeft
    flags = side | Qt.AlignmentFlag.AlignVCenter
    used = painter.boundingRect(box, flags, text)
    painter.fillRect(used.adjusted(-2, 0, 2, 0), _VEIL)
    painter.setPen(AXES)
    painter.drawText(box, flags, text)


def _polygon(pixels: np.ndarray | list[tuple[float, float]]) -> QPolygonF:
    return QPolygonF([QPointF(float(x), float(y)) for x, y in pixels])


def _length(pixels: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(pixels, axis=0), axis=1).sum())
