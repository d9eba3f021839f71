"""The surface of the latent space view: everything that is painted in it, and the mouse.

A plain Qt widget paints the particles' picture, lines, cursor and axes: a mouse move costs a few
milliseconds however many particles there are. It speaks in view coordinates.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from qtpy.QtWidgets import QWidget

from napari_conformix.widgets.latent_view import painting
from napari_conformix.widgets.latent_view.camera import Camera
from napari_conformix.widgets.latent_view.marks import Decorations
from napari_conformix.widgets.latent_view.tools import POINTERS, Mode, Tool, mode_of

#: moves shorter than this many pixels are left out of the line, and make no rectangle
_STEP_PIXELS: Final = 2.0
#: how often at most a line is told while it is drawn
_TELL_MS: Final = 60
_DRAWN_BY: Final = (Tool.LASSO, Tool.RECTANGLE, Tool.DRAW)
_BACKGROUND: Final = QColor(0, 0, 0)
#: a notch of the mouse wheel, in Qt's eighths of a degree, and how far it zooms
_NOTCH: Final = 120
_ZOOM: Final = 1.2
_ZOOMS: Final = (1e-12, 1e12)


class ViewTransform(QObject):
    """Where the view is in a widget: pixels (x right, y down) to view coordinates (x right, y up)
    and back. A unit of y is drawn `stretch` times as long as one of x."""

    #: the view has moved in the widget
    changed = Signal()

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._x, self._y, self._zoom, self._stretch = 0.0, 0.0, 1.0, 1.0

    @property
    def camera(self) -> Camera:
        """What the canvas shows now, in device independent pixels."""
        size = self._canvas.width(), self._canvas.height()
        return Camera(self._x, self._y, self._zoom, *size, stretch=self._stretch)

    @property
    def centre(self) -> tuple[float, float]:
        """x, y of the view in the middle of the canvas."""
        return self._x, self._y

    @property
    def zoom(self) -> float:
        """Screen pixels (device independent) of one unit of the view's x."""
        return self._zoom

    def look_at(
        self, x: float, y: float, zoom: float | None = None, stretch: float | None = None
    ) -> None:
        """Move the view; the zoom, and how y is stretched, stay if none is given."""
        zoom = self._zoom if zoom is None else float(np.clip(zoom, *_ZOOMS))
        stretch = self._stretch if stretch is None else stretch
        if (x, y, zoom, stretch) != (self._x, self._y, self._zoom, self._stretch):
            self._x, self._y, self._zoom, self._stretch = float(x), float(y), zoom, stretch
            self.changed.emit()

    def zoom_about(self, pixel: tuple[float, float], factor: float) -> None:
        """Come nearer by `factor`; what is at `pixel` stays there."""
        before = self.to_view(np.array([pixel]))[0]
        zoom = float(np.clip(self._zoom * factor, *_ZOOMS))
        x, y = before + (np.array(self.centre) - before) * self._zoom / zoom
        self.look_at(x, y, zoom)

    def to_view(self, pixels: np.ndarray) -> np.ndarray:
        """(n, 2) pixels to (n, 2) view x, y."""
        return self.camera.to_view(pixels)

    def to_pixels(self, xy: np.ndarray) -> np.ndarray:
        """(n, 2) view x, y to (n, 2) pixels."""
        return self.camera.to_pixels(xy)


class ViewOverlay(QWidget):
    """The particles' picture, lines, cursor and axes of the view, and the mouse in it."""

    #: the polygon (n, 2) in view coordinates, and the mode
    lasso_finished = Signal(object, object)
    #: lower and upper corner (2, 2) of a rectangle, and the mode
    rectangle_finished = Signal(object, object)
    #: the polygon (n, 2) of a lasso or rectangle while it is drawn, and the mode
    lasso_moved = Signal(object, object)
    #: the line (n, 2) that was drawn with Tool.DRAW
    path_drawn = Signal(object)
    #: a place that was clicked with Tool.POINTS
    point_picked = Signal(float, float)
    #: the cursor is dragged to x, y, in view coordinates; who owns it says where it is drawn
    cursor_moved = Signal(float, float)
    #: the mouse rests at a place (2,) of the view with no button down; None: it does not any more
    pointed = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.transform = ViewTransform(self)
        self.tool = Tool.CURSOR
        self.mode = Mode.NEW
        self.cursor_xy: tuple[float, float] | None = None
        self.hovered_xy: tuple[float, float] | None = None
        self.nearby_radius = 0.0
        self.decorations = Decorations()
        self.hint = ""
        #: the particles, and the camera that they are drawn for
        self.picture: tuple[QImage, Camera] | None = None
        self._line: list[tuple[float, float]] = []
        self._line_mode = Mode.NEW
        self._grip: tuple[float, float] | None = None
        self._dragging_cursor = False
        self._tell = QTimer(self)
        self._tell.setSingleShot(True)
        self._tell.setInterval(_TELL_MS)
        self._tell.timeout.connect(self._tell_line)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.transform.changed.connect(self.update)
        self.set_tool(Tool.CURSOR)

    # -- state ------------------------------------------------------------------------------------

    def set_tool(self, tool: Tool) -> None:
        """Choose what the left button does; an unfinished line is dropped."""
        self.tool = tool
        self.setCursor(POINTERS[tool])
        self.cancel()

    def set_cursor(self, xy: tuple[float, float] | None) -> None:
        """Put the cross-hair at a place of the view, or take it away."""
        self.cursor_xy = xy
        self.update()

    def set_hovered(self, xy: tuple[float, float] | None) -> None:
        """A ring around a particle at a place of the view."""
        if xy != self.hovered_xy:
            self.hovered_xy = xy
            self.update()

    def set_axes(self, x: str, y: str) -> None:
        """Names of the axes; empty ones hide the axes."""
        self.decorations.axes = (x, y)
        self.update()

    @property
    def axis_labels(self) -> tuple[str, str]:
        """Names of the axes that are shown."""
        return self.decorations.axes

    @property
    def drawing(self) -> bool:
        """Whether a line is being drawn."""
        return bool(self._line)

    def cancel(self) -> None:
        """Drop the line that is being drawn."""
        self._line = []
        self._tell.stop()
        self.update()

    # -- mouse ------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to drag: the cursor, a line, or the view (middle button: always the view)."""
        place = (event.position().x(), event.position().y())
        left = event.button() == Qt.MouseButton.LeftButton
        self.pointed.emit(None)
        if event.button() == Qt.MouseButton.MiddleButton or (left and self.tool is Tool.PAN):
            self._grip = place
        elif not left:
            event.ignore()
        elif self.tool in _DRAWN_BY:
            self._line, self._line_mode = [place], mode_of(event.modifiers(), self.mode)
        elif self.tool is Tool.POINTS:
            self.point_picked.emit(*map(float, self.transform.to_view(np.array([place]))[0]))
        else:
            self._dragging_cursor = True
            self._drag_cursor(place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on dragging."""
        place = (event.position().x(), event.position().y())
        if self._grip is not None:
            self._pan(place)
        elif self._line:
            self._draw_on(place)
        elif self._dragging_cursor:
            self._drag_cursor(place)
        else:
            self.pointed.emit(self.transform.to_view(np.array([place]))[0])
            event.ignore()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A lasso closes itself when the button is let go."""
        self._grip, self._dragging_cursor = None, False
        if not self._line:
            event.ignore()
            return
        shape = self._shape()
        self.cancel()
        if shape is None:
            return
        if self.tool is Tool.RECTANGLE:
            corners = np.stack([shape.min(axis=0), shape.max(axis=0)])
            self.rectangle_finished.emit(corners, self._line_mode)
        elif self.tool is Tool.DRAW:
            self.path_drawn.emit(shape)
        else:
            self.lasso_finished.emit(shape, self._line_mode)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the mouse."""
        notches = event.angleDelta().y() / _NOTCH
        self.transform.zoom_about((event.position().x(), event.position().y()), _ZOOM**notches)
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The middle of the view stays in the middle."""
        super().resizeEvent(event)
        self.transform.changed.emit()

    def leaveEvent(self, event: QEvent) -> None:
        """The mouse is on no particle any more."""
        self.pointed.emit(None)
        super().leaveEvent(event)

    def _draw_on(self, place: tuple[float, float]) -> None:
        if self.tool is Tool.RECTANGLE:
            (x0, y0), (x1, y1) = self._line[0], place
            self._line = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        elif math.dist(place, self._line[-1]) >= _STEP_PIXELS:
            self._line.append(place)
        else:
            return
        self.update()
        if self.tool is not Tool.DRAW and not self._tell.isActive():
            self._tell.start()

    def _shape(self) -> np.ndarray | None:
        """(n, 2) what is drawn, in view coordinates; None while it is too little."""
        line = np.array(self._line)
        if self.tool is Tool.DRAW:
            enough = len(line) >= 2
        elif self.tool is Tool.RECTANGLE:
            enough = len(line) == 4 and bool((np.ptp(line, axis=0) >= _STEP_PIXELS).all())
        else:
            enough = len(line) >= 3
        return self.transform.to_view(line) if enough else None

    def _tell_line(self) -> None:
        shape = self._shape() if self._line else None
        if shape is not None:
            self.lasso_moved.emit(shape, self._line_mode)

    def _drag_cursor(self, place: tuple[float, float]) -> None:
        inside = np.clip(place, 0, [self.width() - 1, self.height() - 1])
        x, y = self.transform.to_view(inside[None])[0]
        self.cursor_moved.emit(float(x), float(y))

    def _pan(self, place: tuple[float, float]) -> None:
        was, now = self.transform.to_view(np.array([self._grip, place]))
        x, y = np.array(self.transform.centre) + was - now
        self.transform.look_at(x, y)
        self._grip = place

    # -- painting ---------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """The view from below to above, then the line that is drawn, then the cursor."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), _BACKGROUND)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        camera = self.transform.camera
        if any(self.axis_labels):
            self._paint_view(painter, camera)
        elif self.hint:
            painter.setPen(painting.AXES)
            box = self.rect().adjusted(20, 20, -20, -20)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(box, flags, self.hint)
        if self._line:
            painting.paint_lasso(painter, self._line, closed=self.tool is not Tool.DRAW)
        if self.hovered_xy is not None:
            painting.paint_hovered(painter, camera, self.hovered_xy)
        if self.cursor_xy is not None:
            painting.paint_cursor(painter, camera, self.cursor_xy, self.nearby_radius)
        painter.end()

    def _paint_view(self, painter: QPainter, camera: Camera) -> None:
        painting.paint_below(painter, camera, self.decorations)
        if self.picture is not None:
            painting.paint_image(painter, camera, *self.picture)
        painting.paint_above(painter, camera, self.decorations)
