"""The picture of all particles, made in a thread for what the canvas shows; the newest wins."""

from __future__ import annotations

from typing import Final

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtGui import QImage

from napari_conformix.widgets.latent_view.camera import Camera
from napari_conformix.widgets.latent_view.marks import image_of
from napari_conformix.widgets.latent_view.raster import Raster, Scene
from napari_conformix.widgets.session import Workers

#: several changes of one moment make one picture
_GATHER_MS: Final = 10


class ViewPicture(QObject):
    """`drawn(image, camera)` follows every :meth:`request`, but not those that a newer overtook."""

    drawn = Signal(object, object)

    def __init__(self, workers: Workers, parent: QObject) -> None:
        super().__init__(parent)
        self._workers = workers
        self._raster = Raster()
        self._wanted: tuple[Scene, Camera, float] | None = None
        self._gather = QTimer(self)
        self._gather.setSingleShot(True)
        self._gather.setInterval(_GATHER_MS)
        self._gather.timeout.connect(self._draw)

    @property
    def busy(self) -> bool:
        """Whether a picture is still to come."""
        return self._gather.isActive() or self._workers.busy("picture")

    def request(self, scene: Scene, camera: Camera, pixel_ratio: float) -> None:
        """Draw a scene as the camera sees it, with `pixel_ratio` screen pixels to a pixel of it."""
        self._wanted = scene, camera, pixel_ratio
        if not self._gather.isActive():
            self._gather.start()

    def forget(self) -> None:
        """Nothing is wanted any more; what is being drawn is not handed on."""
        self._wanted = None
        self._gather.stop()

    def _draw(self) -> None:
        if self._wanted is None:
            return
        scene, camera, pixel_ratio = self._wanted

        def draw() -> QImage:
            return image_of_scene(self._raster, scene, camera.scaled(pixel_ratio))

        def told(image: QImage) -> None:
            if self._wanted is not None:
                self.drawn.emit(image, camera)

        self._workers.submit(draw, told, key="picture")


def image_of_scene(raster: Raster, scene: Scene, camera: Camera) -> QImage:
    """The particles as the camera sees them."""
    return image_of(raster.draw(scene, camera), QImage.Format.Format_RGBA8888_Premultiplied)
