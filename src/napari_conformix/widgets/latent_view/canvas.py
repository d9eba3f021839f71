"""The latent space view: all particles in two coordinates, in a widget for a dock.

The particles are a picture shaded by their density (:mod:`raster`), made in a thread for what
the camera shows and painted by the surface: none is left out at any number. A napari canvas with a
Points layer was slower even for a thousand particles where OpenGL is computed on the CPU, and for
a million had to leave most of them out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from qtpy.QtCore import QTimer, Signal
from qtpy.QtGui import QCursor, QImage, QResizeEvent
from qtpy.QtWidgets import QToolTip, QVBoxLayout, QWidget

from napari_conformix.analysis.spaces import LatentView
from napari_conformix.widgets.latent_view.camera import Camera
from napari_conformix.widgets.latent_view.hover import Hover
from napari_conformix.widgets.latent_view.lasso import ViewOverlay
from napari_conformix.widgets.latent_view.marks import Backdrop, Contour, Mark, PathLine
from napari_conformix.widgets.latent_view.picture import ViewPicture
from napari_conformix.widgets.latent_view.raster import Scene
from napari_conformix.widgets.session import FIRST, MOUSE, LatentCursor, Workers

#: of the canvas's sides that the particles fill at most
_MARGIN: Final = 0.82


class LatentCanvas(QWidget):
    """Particles in two coordinates, with lasso and cursor.

    Signals speak in coordinates of the view, see :class:`ViewOverlay`. `hovered(row)` is the row
    of the particle under the mouse, or None; what :attr:`describe` says of it is shown next to the
    mouse. The cross-hair is where `cursor` has it in the view called `name`, and the mouse moves
    that cursor.
    """

    lasso_finished = Signal(object, object)
    rectangle_finished = Signal(object, object)
    lasso_moved = Signal(object, object)
    path_drawn = Signal(object)
    point_picked = Signal(float, float)
    cursor_moved = Signal(float, float)
    hovered = Signal(object)
    #: the particles are on the screen as they were last asked for
    shown = Signal()
    #: an exception of a thread, for the session to report
    failed = Signal(object)

    def __init__(
        self,
        parent: QWidget | None = None,
        cursor: LatentCursor | None = None,
        name: str = FIRST,
    ) -> None:
        super().__init__(parent)
        self.cursor = LatentCursor() if cursor is None else cursor
        self.name = name
        self.overlay = ViewOverlay(self)
        self.latent_view: LatentView | None = None
        #: text about the particle of a row, shown beside the mouse
        self.describe: Callable[[int], str] | None = None
        self._workers = Workers(self.failed.emit)
        self.destroyed.connect(self._workers.close)
        self._picture = ViewPicture(self._workers, self)
        self._hover = Hover(self._workers, self)
        self._rgba = np.zeros((0, 4), dtype=np.float32)
        self._selection = np.zeros(0, dtype=bool)
        self._fitted: tuple[float, ...] = ()
        self._refit = QTimer(self)
        self._refit.setSingleShot(True)
        self._refit.timeout.connect(self._fit_if_untouched)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.overlay)
        self.setMinimumSize(240, 200)
        self._connect()

    def _connect(self) -> None:
        overlay = self.overlay
        overlay.lasso_finished.connect(self.lasso_finished)
        overlay.rectangle_finished.connect(self.rectangle_finished)
        overlay.lasso_moved.connect(self.lasso_moved)
        overlay.path_drawn.connect(self.path_drawn)
        overlay.point_picked.connect(self.point_picked)
        overlay.cursor_moved.connect(self.cursor_moved)
        self.cursor_moved.connect(lambda x, y: self.cursor.move(self.name, (x, y), MOUSE))
        self.cursor.drawn.connect(self._draw_cursor)
        overlay.pointed.connect(self._pointed)
        self._hover.found.connect(self._found)
        self._picture.drawn.connect(self._take_picture)
        overlay.transform.changed.connect(self._redraw)

    @property
    def native(self) -> QWidget:
        """The Qt widget that the mouse moves in."""
        return self.overlay

    @property
    def drawn_rows(self) -> np.ndarray:
        """Rows of the particle file that are drawn: all that the view has."""
        return np.zeros(0, dtype=np.int64) if self.latent_view is None else self.latent_view.rows

    @property
    def drawn_colours(self) -> np.ndarray:
        """(n, 4) of :attr:`drawn_rows`."""
        return self._rgba[self.drawn_rows]

    @property
    def drawing(self) -> bool:
        """Whether the particles are still to appear as they were last asked for."""
        return self._picture.busy

    # -- what is shown ----------------------------------------------------------------------------

    def set_view(self, view: LatentView, rgba: np.ndarray) -> None:
        """Show the particles of a view; `rgba` (N, 4) has a colour for every row of the file.

        The camera stays, unless the axes are others or the user has not touched it yet. It stays
        too while the view looks back at earlier epochs, or the epochs could not be compared.
        """
        if view is self.latent_view:
            self.set_colours(rgba)
            return
        same_axes = (
            self.latent_view is not None
            and self.latent_view.space.key == view.space.key
            and self.latent_view.axes == view.axes
            and self.latent_view.space.axes == view.space.axes
        )
        looked_back = self.latent_view is not None and self.latent_view.past is not None
        self.latent_view, self._rgba = view, rgba
        if not same_axes:
            self.overlay.picture = None
        self.overlay.nearby_radius = view.nearby_radius
        self.overlay.set_axes(*(view.space.axis_label(axis) for axis in view.axes))
        self._pointed(None)
        self._redraw()
        looking_back = view.past is not None or looked_back
        if not same_axes or (not looking_back and not self._user_moved and self._outgrown()):
            self.fit()

    def set_colours(self, rgba: np.ndarray) -> None:
        """Other colours, (N, 4) for every row of the file."""
        if self.latent_view is None:
            return
        self._rgba = rgba
        self._redraw()

    def set_selection(self, mask: np.ndarray) -> None:
        """Highlight the rows of an (N,) mask and dim the others."""
        self._selection = mask
        self._redraw()

    def clear(self) -> None:
        """Nothing to show."""
        self.latent_view = None
        self._picture.forget()
        self.overlay.picture = None
        self.overlay.set_axes("", "")
        self.cursor.lift(self.name)
        self._pointed(None)

    def fit(self) -> None:
        """Move the camera so that all particles but strays are in view."""
        if self.latent_view is None:
            return
        fitted = self._fitting_camera()
        self.overlay.transform.look_at(fitted.x, fitted.y, fitted.zoom, fitted.stretch)
        self._fitted = self._camera_state()

    # -- what others put on it --------------------------------------------------------------------

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Letters or numbers at places of the view, in place of those before."""
        self.overlay.decorations.marks = tuple(marks)
        self.overlay.update()

    def set_path(
        self,
        xy: np.ndarray | None,
        support: np.ndarray | None = None,
        current: float | None = None,
    ) -> None:
        """A line (n, 2), grey where `support` (n,) is 0, with a ring at the step `current`."""
        line = None if xy is None else PathLine(np.asarray(xy, dtype=float), support, current)
        self.overlay.decorations.path = line
        self.overlay.update()

    def set_contours(self, lines: Sequence[Contour] | None) -> None:
        """Lines (m, 2), each with its colour (r, g, b, a) from 0 to 1."""
        self.overlay.decorations.contours = tuple(lines or ())
        self.overlay.update()

    def set_backdrop(
        self,
        image: np.ndarray | None,
        extent: tuple[Sequence[float], Sequence[float]] | None = None,
    ) -> None:
        """A picture (h, w, 4) uint8 behind the particles, its first row at the top, over the box
        ((x0, y0), (x1, y1)) of the view."""
        backdrop = None if image is None else Backdrop.of(image, extent)
        self.overlay.decorations.backdrop = backdrop
        self.overlay.update()

    def set_hovered(self, row: int | None) -> None:
        """A ring around the particle of a row, as if the mouse were on it."""
        view = self.latent_view
        self.overlay.set_hovered(None if view is None or row is None else view.place_of(row))

    # -- inside -----------------------------------------------------------------------------------

    def _scene(self) -> Scene:
        return Scene(self.latent_view.xy, self.latent_view.rows, self._rgba, self._selection)

    def _redraw(self) -> None:
        """The particles, the camera, the colours or the selection are others."""
        if self.latent_view is not None:
            camera, ratio = self.overlay.transform.camera, self.overlay.devicePixelRatioF()
            self._picture.request(self._scene(), camera, ratio)

    def _take_picture(self, image: QImage, camera: Camera) -> None:
        self.overlay.picture = image, camera
        self.overlay.update()
        self.shown.emit()

    def _draw_cursor(self, name: str, xy: tuple[float, float] | None) -> None:
        if name == self.name:
            self.overlay.set_cursor(xy)

    def _pointed(self, place: np.ndarray | None) -> None:
        xy = None if self.latent_view is None else self.latent_view.xy
        self._hover.point(xy, place, self.overlay.transform.camera)

    def _found(self, index: int | None) -> None:
        """The mouse is on a particle, or on none any more."""
        view = self.latent_view
        if view is None or index is None:
            self.overlay.set_hovered(None)
            QToolTip.hideText()
            self.hovered.emit(None)
            return
        row = int(view.rows[index])
        self.overlay.set_hovered((float(view.xy[index, 0]), float(view.xy[index, 1])))
        if self.describe is not None:
            QToolTip.showText(QCursor.pos(), self.describe(row), self.overlay)
        self.hovered.emit(row)

    def _fitting_camera(self) -> Camera:
        view, size = self.latent_view, self.overlay.size()
        width, height = max(size.width(), 1), max(size.height(), 1)
        return Camera.around(view.extent, width, height, _MARGIN, view.stretch)

    def _camera_state(self) -> tuple[float, ...]:
        return (*self.overlay.transform.centre, self.overlay.transform.zoom)

    @property
    def _user_moved(self) -> bool:
        return bool(self._fitted) and not np.allclose(
            self._camera_state(), self._fitted, rtol=1e-4, atol=1e-9
        )

    def _outgrown(self) -> bool:
        """Whether the particles fill much more or much less of the canvas than they should, or
        have left it."""
        size = np.array([self.overlay.width() or 1, self.overlay.height() or 1])
        places = self.overlay.transform.to_pixels(np.array(self.latent_view.extent)) / size
        inside = bool(((places >= 0) & (places <= 1)).all())
        return not (inside and 0.6 < np.ptp(places, axis=0).max() < 0.95)

    # -- Qt ---------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit again once Qt has settled, if the camera is still ours."""
        super().resizeEvent(event)
        if not self._user_moved:
            self._refit.start()

    def _fit_if_untouched(self) -> None:
        if not self._user_moved:
            self.fit()
