"""A scene that nobody sees, drawn at any size: the pictures of movies are taken in it.

It is a canvas of its own next to the window's, so that a movie neither takes the window's scene
and camera away from its user nor has to give them back.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from napari.components import ViewerModel
from napari.qt import QtViewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication
from scipy.spatial.transform import Rotation

from napari_conformix.export.movie_plan import View
from napari_conformix.widgets.scene import Scene
from napari_conformix.widgets.session import Session, axes


class Studio:
    """Draws scenes of maps off the screen. Get it with :meth:`open`; one at a time uses it.

    Making and closing canvases costs time and, with some OpenGL drivers, the program: the one
    studio is kept and used again.
    """

    _kept: ClassVar[Studio | None] = None

    @classmethod
    def open(cls) -> Studio:
        """The studio, empty."""
        if cls._kept is None:
            cls._kept = cls()
            QApplication.instance().aboutToQuit.connect(cls.shut_down)
        cls._kept.scene.clear()
        return cls._kept

    @classmethod
    def shut_down(cls) -> None:
        """The program ends: the canvas must go before OpenGL does."""
        studio, cls._kept = cls._kept, None
        if studio is not None:
            studio._close()

    def __init__(self) -> None:
        self.viewer = ViewerModel(ndisplay=3)
        self.qt_viewer = QtViewer(self.viewer)
        self.qt_viewer.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen, True)
        # nobody can close it: the program must end without it
        self.qt_viewer.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.qt_viewer.show()
        self.session = Session.of(self.viewer)
        # surfaces, shaded, on every machine: the same movie everywhere
        self.scene = Scene(self.session, "surface")
        self._field = 1.0

    @property
    def _native(self):
        return self.qt_viewer.canvas.native

    def set_size(self, width: int, height: int) -> None:
        """Pixels of the pictures."""
        ratio = self._native.devicePixelRatioF()
        self._native.setFixedSize(round(width / ratio), round(height / ratio))
        QApplication.sendPostedEvents(self.qt_viewer)
        QApplication.processEvents()  # the canvas hears of its size through an event

    def set_background(self, rgb: tuple[int, int, int]) -> None:
        """0 to 255."""
        self.viewer.canvas.background_color_override = [value / 255 for value in rgb]

    def look(self, view: View, turn_degrees: float = 0.0) -> None:
        """Put the camera where `view` says, turned about the vertical of the picture."""
        direction, up = turned(view, turn_degrees)
        camera = self.viewer.scene.camera
        camera.orientation = axes.ORIENTATION
        camera.perspective = view.perspective_degrees
        camera.center = tuple(axes.to_napari(np.array(view.centre_angstrom)))
        camera.zoom = min(self.viewer.canvas.size) / view.field_angstrom
        camera.set_view_direction(tuple(axes.to_napari(direction)), tuple(axes.to_napari(up)))

    def picture(self, width: int, height: int) -> np.ndarray:
        """(height, width, 3) uint8 of the scene as it is."""
        taken = self.qt_viewer.screenshot(flash=False)[..., :3]
        if taken.shape[:2] == (height, width):
            return np.ascontiguousarray(taken)
        from skimage.transform import resize  # a screen with a fractional scale

        fitted = resize(taken, (height, width), preserve_range=True, anti_aliasing=True)
        return fitted.round().astype(np.uint8)

    def _close(self) -> None:
        self.session.shut_down()
        self.qt_viewer.close()


def turned(view: View, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Viewing direction and up (3,) of a view, turned about its up axis; x, y, z."""
    direction = np.array(view.direction) / np.linalg.norm(view.direction)
    up = np.array(view.up) - np.dot(view.up, direction) * direction
    up /= np.linalg.norm(up)
    return Rotation.from_rotvec(np.deg2rad(degrees) * up).apply(direction), up


def view_of(viewer: ViewerModel) -> View:
    """Where the camera of a viewer is."""
    camera = viewer.scene.camera
    direction, up, centre = (
        tuple(map(float, axes.from_napari(np.array(vector))))
        for vector in (camera.view_direction, camera.up_direction, camera.center)
    )
    return View(
        direction=direction,
        up=up,
        centre_angstrom=centre,
        field_angstrom=float(min(viewer.canvas.size) / camera.zoom),
        perspective_degrees=float(camera.perspective),
    )
