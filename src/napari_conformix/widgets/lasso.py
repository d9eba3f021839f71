"""Everything that is drawn and dragged on top of the latent map, without asking OpenGL.

A transparent Qt widget lies on the canvas and paints the lasso, the cursor and the axes itself:
a mouse move costs a few milliseconds however many points lie below. It speaks in map coordinates;
the camera's centre and zoom (public napari) turn them into pixels and back.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from napari_conformix.widgets.colouring import HIGHLIGHT

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: moves shorter than this many pixels are left out of the line
_STEP_PIXELS = 2.0
_LINE = QColor.fromRgbF(*map(float, HIGHLIGHT))
_CURSOR = QColor(255, 255, 255)
_AXES = QColor(200, 205, 212, 210)
_GRID = QColor(200, 205, 212, 22)
_HALO = QColor(20, 22, 28, 200)


class Tool(Enum):
    """What the left mouse button does in the map."""

    CURSOR = "cursor"
    LASSO = "lasso"
    PAN = "pan"


class Mode(Enum):
    """What a finished lasso does to the selection."""

    NEW = "new"
    ADD = "add"
    REMOVE = "remove"


class MapTransform:
    """Canvas pixels (x right, y down) to map coordinates (x right, y up) and back."""

    def __init__(self, viewer: ViewerModel, canvas: QWidget) -> None:
        self._viewer, self._canvas = viewer, canvas

    @property
    def pixels_per_unit(self) -> float:
        """Screen pixels (device independent) of one unit of the map."""
        return float(self._viewer.scene.camera.zoom)

    def to_map(self, pixels: np.ndarray) -> np.ndarray:
        """(n, 2) pixels to (n, 2) map x, y."""
        _, centre_y, centre_x = self._viewer.scene.camera.center
        middle = np.array([self._canvas.width(), self._canvas.height()]) / 2
        offset = (np.asarray(pixels, dtype=float) - middle) / self.pixels_per_unit
        return np.stack([centre_x + offset[:, 0], centre_y - offset[:, 1]], axis=1)

    def to_pixels(self, xy: np.ndarray) -> np.ndarray:
        """(n, 2) map x, y to (n, 2) pixels."""
        _, centre_y, centre_x = self._viewer.scene.camera.center
        middle = np.array([self._canvas.width(), self._canvas.height()]) / 2
        offset = np.asarray(xy, dtype=float) - [centre_x, centre_y]
        return middle + offset * [self.pixels_per_unit, -self.pixels_per_unit]


class MapOverlay(QWidget):
    """Lasso, cursor and axes over the canvas of the latent map."""

    #: the polygon (n, 2) in map coordinates, and the mode
    lasso_finished = Signal(object, object)
    #: the cursor's place in map coordinates, while it is dragged
    cursor_moved = Signal(float, float)

    def __init__(self, viewer: ViewerModel, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.transform = MapTransform(viewer, canvas)
        self.tool = Tool.CURSOR
        self.mode = Mode.NEW
        self.cursor_xy: tuple[float, float] | None = None
        self.nearby_radius = 0.0
        self.axis_labels = ("", "")
        self.show_axes = False
        self.hint = ""
        self._viewer = viewer
        self._line: list[tuple[float, float]] = []
        self._line_mode = Mode.NEW
        self._grip: tuple[float, float] | None = None
        self._dragging_cursor = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        canvas.installEventFilter(self)
        self.resize(canvas.size())
        camera = viewer.scene.camera
        camera.events.center.connect(self._repaint)
        camera.events.zoom.connect(self._repaint)
        self.set_tool(Tool.CURSOR)

    # -- state ------------------------------------------------------------------------------------

    def set_tool(self, tool: Tool) -> None:
        """Choose what the left button does; an unfinished lasso is dropped."""
        self.tool = tool
        self._line = []
        shape = {
            Tool.CURSOR: Qt.CursorShape.CrossCursor,
            Tool.LASSO: Qt.CursorShape.PointingHandCursor,
            Tool.PAN: Qt.CursorShape.OpenHandCursor,
        }[tool]
        self.setCursor(shape)
        self.update()

    def set_cursor(self, xy: tuple[float, float] | None) -> None:
        """Put the cross-hair at a place of the map, or take it away."""
        self.cursor_xy = xy
        self.update()

    def set_axes(self, x: str, y: str) -> None:
        """Names of the axes; empty ones hide the axes."""
        self.axis_labels, self.show_axes = (x, y), bool(x or y)
        self.update()

    @property
    def drawing(self) -> bool:
        """Whether a lasso is being drawn."""
        return bool(self._line)

    def cancel(self) -> None:
        """Drop the lasso that is being drawn."""
        self._line = []
        self.update()

    def _repaint(self, event: object = None) -> None:
        self.update()

    # -- mouse ------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the size of the canvas."""
        if event.type() == QEvent.Type.Resize:
            self.resize(watched.size())
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to drag: the cursor, a lasso, or the map (middle button: always the map)."""
        place = (event.position().x(), event.position().y())
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and self.tool is Tool.PAN):
            self._grip = place
        elif not left:
            event.ignore()
        elif self.tool is Tool.LASSO:
            self._line, self._line_mode = [place], self._mode_of(event)
        else:
            self._dragging_cursor = True
            self._drag_cursor(place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on dragging."""
        place = (event.position().x(), event.position().y())
        if self._grip is not None:
            self._pan(place)
        elif self._line:
            if math.dist(place, self._line[-1]) >= _STEP_PIXELS:
                self._line.append(place)
                self.update()
        elif self._dragging_cursor:
            self._drag_cursor(place)
        else:
            event.ignore()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A lasso closes itself when the button is let go."""
        self._grip, self._dragging_cursor = None, False
        if not self._line:
            event.ignore()
            return
        line, self._line = self._line, []
        self.update()
        if len(line) >= 3:
            self.lasso_finished.emit(self.transform.to_map(np.array(line)), self._line_mode)

    def _mode_of(self, event: QMouseEvent) -> Mode:
        """Shift adds and Alt removes, whatever button is down."""
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            return Mode.ADD
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            return Mode.REMOVE
        return self.mode

    def _drag_cursor(self, place: tuple[float, float]) -> None:
        inside = np.clip(place, 0, [self.width() - 1, self.height() - 1])
        x, y = self.transform.to_map(inside[None])[0]
        self.set_cursor((float(x), float(y)))
        self.cursor_moved.emit(float(x), float(y))

    def _pan(self, place: tuple[float, float]) -> None:
        was, now = self.transform.to_map(np.array([self._grip, place]))
        camera = self._viewer.scene.camera
        _, centre_y, centre_x = camera.center
        camera.center = (0, centre_y + was[1] - now[1], centre_x + was[0] - now[0])
        self._grip = place

    # -- painting ---------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Axes, then the lasso, then the cursor."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.show_axes:
            self._paint_axes(painter)
        elif self.hint:
            painter.setPen(_AXES)
            box = self.rect().adjusted(20, 20, -20, -20)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(box, flags, self.hint)
        if self._line:
            self._paint_lasso(painter)
        if self.cursor_xy is not None:
            self._paint_cursor(painter)
        painter.end()

    def _paint_lasso(self, painter: QPainter) -> None:
        polygon = QPolygonF([QPointF(*place) for place in self._line])
        fill = QColor(_LINE)
        fill.setAlpha(40)
        painter.setBrush(fill)
        painter.setPen(QPen(_LINE, 1.6, Qt.PenStyle.SolidLine))
        painter.drawPolygon(polygon)

    def _paint_cursor(self, painter: QPainter) -> None:
        x, y = self.transform.to_pixels(np.array([self.cursor_xy]))[0]
        radius = self.nearby_radius * self.transform.pixels_per_unit
        for colour, width in ((_HALO, 4.0), (_CURSOR, 1.8)):
            painter.setPen(QPen(colour, width))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(x, y), 6.0, 6.0)
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                painter.drawLine(QPointF(x + 6 * dx, y + 6 * dy), QPointF(x + 14 * dx, y + 14 * dy))
        if radius > 8.0:
            painter.setPen(QPen(_CURSOR, 1.0, Qt.PenStyle.DotLine))
            painter.drawEllipse(QPointF(x, y), radius, radius)

    def _paint_axes(self, painter: QPainter) -> None:
        """Ticks along the lower and left border with the names of the axes."""
        font = painter.font()
        font.setPointSizeF(8.0)
        painter.setFont(font)
        width, height = self.width(), self.height()
        (left, bottom), (right, top) = self.transform.to_map(np.array([[0, height], [width, 0]]))
        for value in ticks(left, right, max(2, width // 60)):
            x = self.transform.to_pixels(np.array([[value, 0.0]]))[0, 0]
            if 28 < x < width - 12:
                painter.setPen(_GRID)
                painter.drawLine(QPointF(x, 0), QPointF(x, height - 34))
                self._text(painter, QRectF(x - 40, height - 33, 80, 14), f"{value:g}")
        for value in ticks(bottom, top, max(2, height // 60)):
            y = self.transform.to_pixels(np.array([[0.0, value]]))[0, 1]
            if 12 < y < height - 46:
                painter.setPen(_GRID)
                painter.drawLine(QPointF(34, y), QPointF(width, y))
                self._text(painter, QRectF(18, y - 7, 36, 14), f"{value:g}", centred=False)
        self._text(painter, QRectF(0, height - 18, width, 16), self.axis_labels[0])
        painter.save()
        painter.translate(2, (height - 30) / 2)
        painter.rotate(-90)
        self._text(painter, QRectF(-height / 2, 0, height, 16), self.axis_labels[1])
        painter.restore()

    @staticmethod
    def _text(painter: QPainter, box: QRectF, text: str, centred: bool = True) -> None:
        """Light text on a dark veil, readable over points."""
        side = Qt.AlignmentFlag.AlignHCenter if centred else Qt.AlignmentFlag.AlignLeft
        flags = side | Qt.AlignmentFlag.AlignVCenter
        used = painter.boundingRect(box, flags, text)
        painter.fillRect(used.adjusted(-2, 0, 2, 0), QColor(20, 22, 28, 150))
        painter.setPen(_AXES)
        painter.drawText(box, flags, text)


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
