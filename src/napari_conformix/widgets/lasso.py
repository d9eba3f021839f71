"""Everything that is drawn and dragged on top of the latent map, without asking OpenGL.

A transparent Qt widget lies on the canvas and paints the particles' picture, lines, cursor and
axes itself: a mouse move costs a few milliseconds however many points lie below. It speaks in map
coordinates; the camera's centre and zoom (public napari) turn them into pixels and back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

from napari_conformix.widgets import map_painting
from napari_conformix.widgets.map_camera import Camera
from napari_conformix.widgets.map_marks import Decorations
from napari_conformix.widgets.map_tools import POINTERS, Mode, Tool, mode_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: moves shorter than this many pixels are left out of the line, and make no rectangle
_STEP_PIXELS: Final = 2.0
#: how often at most a line is told while it is drawn
_TELL_MS: Final = 60
_DRAWN_BY: Final = (Tool.LASSO, Tool.RECTANGLE, Tool.DRAW)


class MapTransform:
    """Canvas pixels (x right, y down) to map coordinates (x right, y up) and back."""

    def __init__(self, viewer: ViewerModel, canvas: QWidget) -> None:
        self._viewer, self._canvas = viewer, canvas

    @property
    def camera(self) -> Camera:
        """What the canvas shows now, in device independent pixels."""
        camera = self._viewer.scene.camera
        _, y, x = camera.center
        size = self._canvas.width(), self._canvas.height()
        return Camera(float(x), float(y), float(camera.zoom), *size)

    @property
    def pixels_per_unit(self) -> float:
        """Screen pixels (device independent) of one unit of the map."""
        return self.camera.zoom

    def to_map(self, pixels: np.ndarray) -> np.ndarray:
        """(n, 2) pixels to (n, 2) map x, y."""
        return self.camera.to_map(pixels)

    def to_pixels(self, xy: np.ndarray) -> np.ndarray:
        """(n, 2) map x, y to (n, 2) pixels."""
        return self.camera.to_pixels(xy)


class MapOverlay(QWidget):
    """Lines, cursor and axes over the canvas of the latent map, and the mouse in it."""

    #: the polygon (n, 2) in map coordinates, and the mode
    lasso_finished = Signal(object, object)
    #: lower and upper corner (2, 2) of a rectangle, and the mode
    rectangle_finished = Signal(object, object)
    #: the polygon (n, 2) of a lasso or rectangle while it is drawn, and the mode
    lasso_moved = Signal(object, object)
    #: the line (n, 2) that was drawn with Tool.DRAW
    path_drawn = Signal(object)
    #: a place that was clicked with Tool.POINTS
    point_picked = Signal(float, float)
    #: the cursor's place in map coordinates, while it is dragged
    cursor_moved = Signal(float, float)
    #: the mouse rests at a place (2,) of the map with no button down; None: it does not any more
    pointed = Signal(object)

    def __init__(self, viewer: ViewerModel, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.transform = MapTransform(viewer, canvas)
        self.tool = Tool.CURSOR
        self.mode = Mode.NEW
        self.cursor_xy: tuple[float, float] | None = None
        self.hovered_xy: tuple[float, float] | None = None
        self.nearby_radius = 0.0
        self.decorations = Decorations()
        self.hint = ""
        #: the particles, where they are painted here, and the camera that the picture is of
        self.picture: tuple[QImage, Camera] | None = None
        self._viewer = viewer
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
        canvas.installEventFilter(self)
        self.resize(canvas.size())
        camera = viewer.scene.camera
        camera.events.center.connect(self._repaint)
        camera.events.zoom.connect(self._repaint)
        self.set_tool(Tool.CURSOR)

    # -- state ------------------------------------------------------------------------------------

    def set_tool(self, tool: Tool) -> None:
        """Choose what the left button does; an unfinished line is dropped."""
        self.tool = tool
        self.setCursor(POINTERS[tool])
        self.cancel()

    def set_cursor(self, xy: tuple[float, float] | None) -> None:
        """Put the cross-hair at a place of the map, or take it away."""
        self.cursor_xy = xy
        self.update()

    def set_hovered(self, xy: tuple[float, float] | None) -> None:
        """A ring around a particle at a place of the map."""
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

    def _repaint(self, event: object = None) -> None:
        self.update()

    # -- mouse ------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the size of the canvas."""
        if event.type() == QEvent.Type.Resize:
            self.resize(watched.size())
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to drag: the cursor, a line, or the map (middle button: always the map)."""
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
            self.point_picked.emit(*map(float, self.transform.to_map(np.array([place]))[0]))
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
            self.pointed.emit(self.transform.to_map(np.array([place]))[0])
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
        """(n, 2) what is drawn, in map coordinates; None while it is too little."""
        line = np.array(self._line)
        if self.tool is Tool.DRAW:
            enough = len(line) >= 2
        elif self.tool is Tool.RECTANGLE:
            enough = len(line) == 4 and bool((np.ptp(line, axis=0) >= _STEP_PIXELS).all())
        else:
            enough = len(line) >= 3
        return self.transform.to_map(line) if enough else None

    def _tell_line(self) -> None:
        shape = self._shape() if self._line else None
        if shape is not None:
            self.lasso_moved.emit(shape, self._line_mode)

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
        """The map from below to above, then the line that is drawn, then the cursor."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        camera = self.transform.camera
        if any(self.axis_labels):
            self._paint_map(painter, camera)
        elif self.hint:
            painter.setPen(map_painting.AXES)
            box = self.rect().adjusted(20, 20, -20, -20)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(box, flags, self.hint)
        if self._line:
            map_painting.paint_lasso(painter, self._line, closed=self.tool is not Tool.DRAW)
        if self.hovered_xy is not None:
            map_painting.paint_hovered(painter, camera, self.hovered_xy)
        if self.cursor_xy is not None:
            map_painting.paint_cursor(painter, camera, self.cursor_xy, self.nearby_radius)
        painter.end()

    def _paint_map(self, painter: QPainter, camera: Camera) -> None:
        map_painting.paint_below(painter, camera, self.decorations)
        if self.picture is not None:
            map_painting.paint_image(painter, camera, *self.picture)
        map_painting.paint_above(painter, camera, self.decorations)
