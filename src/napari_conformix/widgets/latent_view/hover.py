"""Which particle the mouse is on, among any number of them: looked for in a thread."""

from __future__ import annotations

from typing import Final

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_conformix.widgets.latent_view.camera import Camera
from napari_conformix.widgets.session import Workers

#: the mouse has to rest this long, and be this near on the screen
_REST_MS: Final = 40
_REACH_PIXELS: Final = 8.0


class Hover(QObject):
    """Tells the place in `xy` of the particle nearest to the mouse, or None."""

    found = Signal(object)

    def __init__(self, workers: Workers, parent: QObject) -> None:
        super().__init__(parent)
        self._workers = workers
        self._asked: tuple[np.ndarray, np.ndarray, float, float] | None = None
        self._told: int | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._look)

    def point(self, xy: np.ndarray | None, place: np.ndarray | None, camera: Camera) -> None:
        """The mouse is at a place (2,) of the view with particles (n, 2); None: it is not."""
        if xy is None or place is None or not len(xy):
            self._asked = None
            self._rest.stop()
            self._tell(None)
            return
        self._asked = xy, place, _REACH_PIXELS / camera.zoom, camera.stretch
        self._rest.start()

    def _look(self) -> None:
        asked = self._asked
        if asked is None:
            return

        def found(index: int | None) -> None:
            if asked is self._asked:
                self._tell(index)

        self._workers.submit(lambda: nearest(*asked), found, key="hover")

    def _tell(self, index: int | None) -> None:
        if index != self._told:
            self._told = index
            self.found.emit(index)


def nearest(xy: np.ndarray, place: np.ndarray, reach: float, stretch: float = 1.0) -> int | None:
    """Index of the nearest of (n, 2) points to a place (2,), if one is within `reach`.

    Nearest on the screen, where a unit of y is drawn `stretch` times as long as one of x.
    """
    squared = np.subtract(xy[:, 1], place[1], dtype=np.float64) ** 2
    squared *= stretch**2
    squared += np.subtract(xy[:, 0], place[0], dtype=np.float64) ** 2
    squared[np.isnan(squared)] = np.inf
    index = int(squared.argmin())
    return index if squared[index] <= reach**2 else None
