"""The latent space view in a corner of a movie: the particles, the path, and where the movie is on
it.

No OpenGL; the particles are drawn once for all frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen

from napari_conformix.analysis.spaces import views
from napari_conformix.jobs.spaces import latent_view, views_of
from napari_conformix.widgets.colours import PLAIN
from napari_conformix.widgets.latent_view import (
    Camera,
    PathLine,
    Raster,
    Scene,
    image_of_scene,
    painting,
)

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.analysis.spaces import LatentView
    from napari_conformix.jobs import Job

#: lines and words of the view are drawn as on a canvas of this many pixels, and magnified with it
_CANVAS: Final = 230.0
_SHARE: Final = 0.8
_GROUND: Final = QColor(14, 16, 20, 225)
_FRAME: Final = QColor(150, 156, 165)
_WORDS: Final = QColor(205, 210, 216)


class Inset:
    """Pictures of one view with one path, for frames of one size."""

    def __init__(
        self, view: LatentView, rgba: np.ndarray, path: LatentPath, places: np.ndarray, side: int
    ) -> None:
        """`rgba` (n, 4) are the colours of the view's particles, `places` (steps, 2) those of the
        path in the view, `side` the pixels of the square."""
        self._path, self._places = path, places
        self._side, self._factor = side, side / _CANVAS
        self._names = tuple(_axis_name(view, axis) for axis in view.axes)
        low, high = view.extent
        extent = np.minimum(low, places.min(axis=0)), np.maximum(high, places.max(axis=0))
        self._camera = Camera.around(extent, round(_CANVAS), round(_CANVAS), _SHARE)
        scene = Scene(view.xy, np.arange(len(view.xy)), rgba, np.zeros(0, dtype=bool))
        self._ground = self._empty()
        painter = QPainter(self._ground)
        painter.drawImage(
            QRectF(0, 0, side, side),
            image_of_scene(Raster(), scene, self._camera.scaled(self._factor)),
        )
        painter.end()

    def picture(self, step: int) -> QImage:
        """The view with the path and a ring at a step, from 0."""
        image = QImage(self._ground)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(self._factor, self._factor)
        line = PathLine(self._places, np.asarray(self._path.support), float(step))
        painting.paint_path(painter, self._camera, line)
        self._paint_names(painter)
        painter.setPen(QPen(_FRAME, 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(0.5, 0.5, _CANVAS - 1, _CANVAS - 1))
        painter.end()
        return image

    def _empty(self) -> QImage:
        image = QImage(self._side, self._side, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(_GROUND)
        return image

    def _paint_names(self, painter: QPainter) -> None:
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(_WORDS)
        middle = Qt.AlignmentFlag.AlignCenter
        painter.drawText(QRectF(0, _CANVAS - 19, _CANVAS, 16), middle, self._names[0])
        painter.save()
        painter.translate(3, _CANVAS / 2)
        painter.rotate(-90)
        painter.drawText(QRectF(-_CANVAS / 2, 0, _CANVAS, 16), middle, self._names[1])
        painter.restore()


def latent_view_of(job: Job, path: LatentPath) -> LatentView | None:
    """The view to show a path in where no other is chosen: the one that it was made in; else its
    component or motion with the next one. None where there is only one."""
    table = job.latents()
    key, axes = path.how.get("map"), path.how.get("axes")
    if key is not None and axes is not None and key in dict(views_of(job, table)):
        return latent_view(job, key, axes, table=table)
    number = int(path.how.get("component", 1))
    key = f"pca{path.half}"
    if path.kind != "component" and views.has_motion(table):
        key = "motion"
    count = len(views.build(key, table).axes)
    if count < 2:
        return None
    first = min(number, count) - 1
    pair = (0, 1) if first == 0 else (0, first)
    return latent_view(job, key, pair, table=table)


def plain_colours(view: LatentView) -> np.ndarray:
    """(n, 4) of a view that is not coloured by anything."""
    return np.tile(PLAIN, (len(view.xy), 1))


def _axis_name(view: LatentView, axis: int) -> str:
    """'Motion 1 (Å RMS)': in a small picture the share of the variance has no room."""
    name = view.space.axis_label(axis)
    return name.split(", ")[0]
