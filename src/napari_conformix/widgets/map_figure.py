"""The latent map as a picture for files: painted off the screen, without OpenGL."""

from __future__ import annotations

from typing import Final

import numpy as np
from qtpy.QtGui import QColor, QImage, QPainter
from superqt.utils import qimage_to_array

from napari_conformix.widgets import map_painting
from napari_conformix.widgets.map_camera import Camera
from napari_conformix.widgets.map_marks import Decorations
from napari_conformix.widgets.map_picture import image_of_scene
from napari_conformix.widgets.map_raster import Raster, Scene

_BACKGROUND: Final = QColor(0, 0, 0)


class MapFigure:
    """Paints pictures; the particles only anew when they or the camera are others."""

    def __init__(self) -> None:
        self._raster = Raster()

    def forget(self) -> None:
        """Let go of the particles."""
        self._raster = Raster()

    def paint(
        self,
        scene: Scene,
        camera: Camera,
        decorations: Decorations,
        *,
        cursor: tuple[float, float] | None = None,
        path: bool = True,
    ) -> np.ndarray:
        """(height, width, 4) uint8, opaque."""
        image = QImage(camera.width, camera.height, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(_BACKGROUND)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        map_painting.paint_below(painter, camera, decorations)
        painter.drawImage(0, 0, image_of_scene(self._raster, scene, camera))
        map_painting.paint_above(painter, camera, decorations, path=path)
        if cursor is not None:
            map_painting.paint_cursor(painter, camera, cursor)
        painter.end()
        return qimage_to_array(image)
