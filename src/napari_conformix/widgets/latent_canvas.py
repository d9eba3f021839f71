"""The latent map: a second napari canvas with a real Points layer, in a widget for a dock.

At most :attr:`LatentCanvas.max_drawn` particles are drawn, a fixed random subset; who selects
does so on all rows, with numpy. The selected ones are drawn by a layer of their own on top, so
that a lasso costs no recolouring of the others.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from napari.components import ViewerModel
from napari.qt import QtViewer
from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_conformix.analysis.latent_maps import MapView
from napari_conformix.widgets.colouring import DIMMED, HIGHLIGHT
from napari_conformix.widgets.gl import software_rendering
from napari_conformix.widgets.lasso import MapOverlay

#: points drawn on a GPU, and where OpenGL is computed on the CPU (a frame stays below 0.1 s)
_DRAWN_GPU: Final = 100_000
_DRAWN_SOFTWARE: Final = 20_000
#: diameter of a point on the screen, in pixels
_POINT_PIXELS: Final = (2, 9)
_MARGIN: Final = 0.82


class LatentCanvas(QWidget):
    """Particles in two coordinates, with lasso and cursor.

    `lasso_finished(polygon, mode)` and `cursor_moved(x, y)` are in coordinates of the map.
    """

    lasso_finished = Signal(object, object)
    cursor_moved = Signal(float, float)

    def __init__(self, parent: QWidget | None = None, max_drawn: int | None = None) -> None:
        super().__init__(parent)
        self.viewer = ViewerModel(ndisplay=2)
        self.viewer.scene.camera.orientation = ("away", "up", "right")
        self.qt_viewer = QtViewer(self.viewer)
        self.qt_viewer.setAcceptDrops(False)  # files dropped here are for the window
        self.overlay = MapOverlay(self.viewer, self.native)
        self.overlay.lasso_finished.connect(self.lasso_finished)
        self.overlay.cursor_moved.connect(self.cursor_moved)
        if max_drawn is None:
            max_drawn = _DRAWN_SOFTWARE if software_rendering() else _DRAWN_GPU
        self.max_drawn = max_drawn
        self.map_view: MapView | None = None
        self._points = self._selected = None
        self._drawn = np.zeros(0, dtype=np.int64)
        self._order = np.zeros(0, dtype=np.int64)
        self._selection = np.zeros(0, dtype=bool)
        self._fitted: tuple[float, ...] = ()
        self._refit = QTimer(self)
        self._refit.setSingleShot(True)
        self._refit.timeout.connect(self._fit_if_untouched)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.qt_viewer)
        self.setMinimumSize(240, 200)
        self.native.installEventFilter(self)

    @property
    def native(self) -> QWidget:
        """The Qt widget that OpenGL draws into."""
        return self.qt_viewer.canvas.native

    @property
    def drawn_rows(self) -> np.ndarray:
        """Rows of the particle file that are drawn."""
        if self.map_view is None:
            return self._drawn
        return self.map_view.rows[self._drawn]

    # -- what is shown ----------------------------------------------------------------------------

    def set_map(self, view: MapView, rgba: np.ndarray) -> None:
        """Show the particles of a view; `rgba` (N, 4) has a colour for every row of the file.

        The camera stays, unless the axes are others or the user has not touched it yet. It stays
        too while the map looks back at earlier epochs, or the epochs could not be compared.
        """
        if view is self.map_view:
            self.set_colours(rgba)
            return
        same_axes = (
            self.map_view is not None
            and self.map_view.space.key == view.space.key
            and self.map_view.axes == view.axes
        )
        looked_back = self.map_view is not None and self.map_view.past is not None
        self.map_view = view
        self._drawn = self._subset(view, len(rgba))
        xy = view.xy[self._drawn]
        self._draw(xy, rgba[view.rows[self._drawn]])
        self.overlay.nearby_radius = view.nearby_radius
        self.overlay.set_axes(*(view.space.axis_label(axis) for axis in view.axes))
        self._draw_selected()
        looking_back = view.past is not None or looked_back
        if not same_axes or (not looking_back and not self._user_moved and self._outgrown()):
            self.fit()

    def set_colours(self, rgba: np.ndarray) -> None:
        """Other colours, (N, 4) for every row of the file."""
        if self.map_view is not None and self._points is not None:
            self._paint(rgba[self.map_view.rows[self._drawn]])

    def set_selection(self, mask: np.ndarray) -> None:
        """Highlight the rows of an (N,) mask and dim the others."""
        self._selection = mask
        self._draw_selected()

    def clear(self) -> None:
        """Nothing to show."""
        self.map_view = None
        self._drawn = np.zeros(0, dtype=np.int64)
        for layer in (self._points, self._selected):
            if layer is not None:
                layer.visible = False
        self.overlay.set_axes("", "")
        self.overlay.set_cursor(None)

    def fit(self) -> None:
        """Move the camera so that all particles but strays are in view."""
        if self.map_view is None:
            return
        low, high = self.map_view.extent
        width, height = max(self.native.width(), 1), max(self.native.height(), 1)
        camera = self.viewer.scene.camera
        zoom = _MARGIN * min(width / (high[0] - low[0]), height / (high[1] - low[1]))
        camera.center = (0.0, (low[1] + high[1]) / 2, (low[0] + high[0]) / 2)
        camera.zoom = zoom
        self._fitted = self._camera_state()

    # -- inside -----------------------------------------------------------------------------------

    def _subset(self, view: MapView, total: int) -> np.ndarray:
        """Places in `view.rows` of the drawn particles: the same particles at every refresh."""
        if len(view.rows) <= self.max_drawn:
            return np.arange(len(view.rows))
        if len(self._order) != total:
            self._order = np.random.default_rng(0).permutation(total)
        place = self._order[view.rows]
        return np.sort(np.argpartition(place, self.max_drawn)[: self.max_drawn])

    def _draw(self, xy: np.ndarray, rgba: np.ndarray) -> None:
        low, high = self.map_view.extent
        spread = float(np.max(high - low))
        size = spread / (90 if len(xy) < 10_000 else 200)
        yx = xy[:, ::-1]
        if self._points is None:
            self._points = self._add_layer("particles", yx, rgba, size)
            # Made now and not at the first lasso, which would have to wait for it.
            pink = HIGHLIGHT[None]
            self._selected = self._add_layer("selected particles", yx[:1], pink, size)
            self._selected.visible = False
            return
        # Layers are emptied and filled, never removed: napari's Points keeps its OpenGL objects.
        looks_back = self.map_view.past is not None  # points keep their size, as the axes do
        same_size = len(yx) == len(self._points.data) and (
            looks_back or np.isclose(self._points.size[0], size)
        )
        # First: napari does not slice the data of a hidden layer, and then looks for points that
        # are no longer there.
        self._points.visible = True
        self._points.data = yx
        if not same_size:  # each of these three uploads every point again
            self._points.size = size
        self._paint(rgba)

    def _paint(self, rgba: np.ndarray) -> None:
        # vispy draws a border around points at the limits of their size, of whatever width is asked
        # for. In the points' own colours it is part of them; it is uploaded with the faces below.
        with self._points.events.border_color.blocker():
            self._points.border_color = rgba
        self._points.face_color = rgba

    def _draw_selected(self) -> None:
        if self._points is None or self.map_view is None:
            return
        view = self.map_view
        chosen = np.flatnonzero(self._selection[view.rows]) if len(self._selection) else ()
        self._points.opacity = DIMMED if len(chosen) else 1.0
        if not len(chosen):
            self._selected.visible = False
            return
        if len(chosen) > self.max_drawn // 3:
            chosen = chosen[np.argsort(_shuffle_key(view.rows[chosen]))[: self.max_drawn // 3]]
        yx, size = view.xy[chosen][:, ::-1], float(self._points.size[0])
        self._selected.visible = True
        self._selected.data = yx
        self._selected.size = size

    def _add_layer(self, name: str, yx: np.ndarray, rgba: np.ndarray, size: float):
        layer = self.viewer.add_points(
            yx,
            name=name,
            size=size,
            face_color=rgba,
            border_color=rgba,
            border_width=0,
            antialiasing=0,
            blending="translucent_no_depth",
            canvas_size_limits=_POINT_PIXELS,
        )
        if name.startswith("selected"):
            layer.current_face_color = layer.current_border_color = HIGHLIGHT
        layer.selected_data = set()
        return layer

    def _camera_state(self) -> tuple[float, ...]:
        camera = self.viewer.scene.camera
        return (*map(float, camera.center[-2:]), float(camera.zoom))

    @property
    def _user_moved(self) -> bool:
        return bool(self._fitted) and not np.allclose(
            self._camera_state(), self._fitted, rtol=1e-4, atol=1e-9
        )

    def _outgrown(self) -> bool:
        """Whether the particles fill much more or much less of the canvas than they should."""
        low, high = self.overlay.transform.to_pixels(np.array(self.map_view.extent))
        share = np.abs(high - low) / [self.native.width() or 1, self.native.height() or 1]
        return not 0.6 < share.max() < 0.95

    # -- Qt ---------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit again after a resize, once Qt has settled, if the camera is still ours."""
        if event.type() == QEvent.Type.Resize and not self._user_moved:
            self._refit.start()
        return False

    def _fit_if_untouched(self) -> None:
        if not self._user_moved:
            self.fit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Let go of the canvas with the window."""
        self.qt_viewer.close()
        super().closeEvent(event)


def _shuffle_key(rows: np.ndarray) -> np.ndarray:
    """A fixed order of rows that looks random (Knuth's multiplicative hash)."""
    return (rows.astype(np.uint64) * np.uint64(2654435761)) % np.uint64(1 << 32)
