"""Pictures of the maps of all clusters at one contour, to be compared and clicked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from qtpy.QtCore import QRect, Qt, Signal
from qtpy.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter

from napari_conformix.widgets.parts import TileGrid

#: side of a picture as it is computed, in pixels
PICTURE_PIXELS: Final = 176
_LEAST_SIDE, _GAP, _CAPTION = 128, 6, 20
_GROUND: Final = QColor(24, 26, 30)
_CENTRED: Final = Qt.AlignmentFlag.AlignCenter
_WORDS: Final = {"waiting": "…", "empty": "nothing at\nthis contour", "no map": "no map"}
_STEPS: Final = {
    Qt.Key.Key_Left: "back",
    Qt.Key.Key_Right: "on",
    Qt.Key.Key_Up: "row back",
    Qt.Key.Key_Down: "row on",
}


@dataclass
class Tile:
    """One cluster. `image` is drawn over `state` ('waiting', 'empty' or 'no map')."""

    caption: str
    colour: QColor
    tip: str = ""
    image: QImage | None = None
    state: str = "waiting"
    #: drawn at another contour or from elsewhere than now
    stale: bool = False


class ClusterGallery(TileGrid):
    """Tiles in rows as wide as the page; a click picks a cluster, with Ctrl one more."""

    #: cluster from 0, and whether it is to be added to those that are chosen
    picked = Signal(int, bool)

    gap, wanted_width, least_width = _GAP, 3 * _LEAST_SIDE, 2 * _LEAST_SIDE + _GAP
    tiles: list[Tile]

    def __init__(self) -> None:
        super().__init__()
        self._current: int | None = None
        self._chosen: frozenset[int] = frozenset()

    def show_tiles(self, tiles: list[Tile]) -> None:
        """Begin with other clusters, whose pictures follow."""
        self.tiles = tiles
        self._current, self._chosen = None, frozenset()
        self._fit_height()
        self.update()

    def set_picture(self, cluster: int, rgba: np.ndarray | None, state: str = "empty") -> None:
        """(h, w, 4) uint8, or None and why there is none."""
        tile = self.tiles[cluster]
        tile.state, tile.stale = state, False
        tile.image = None if rgba is None else _image(rgba)
        self.update()

    def mark_stale(self) -> None:
        """The contour or the view has changed: pictures are pale until they are made again."""
        for tile in self.tiles:
            tile.stale = True
        self.update()

    def mark(self, current: int | None, chosen: frozenset[int]) -> None:
        """Which cluster is in the scene, and which are chosen."""
        self._current, self._chosen = current, chosen
        self.update()

    # -- size -------------------------------------------------------------------------------------

    def _grid(self, width: int) -> tuple[int, int]:
        columns = max((width + _GAP) // (_LEAST_SIDE + _GAP), 1)
        side = (width + _GAP) // columns - _GAP
        return columns, max(min(side, PICTURE_PIXELS), 16)

    def _tile(self, side: int) -> tuple[int, int]:
        return side, side + _CAPTION

    # -- painting ---------------------------------------------------------------------------------

    def _paint(self, painter: QPainter, place: QRect, index: int, tile: Tile) -> None:
        picture = place.adjusted(0, 0, 0, -_CAPTION)
        painter.fillRect(picture, _GROUND)
        if tile.image is not None:
            painter.setOpacity(0.5 if tile.stale else 1.0)
            painter.drawImage(picture, tile.image)
            painter.setOpacity(1.0)
        else:
            painter.setPen(QColor("#8a8f98"))
            painter.drawText(picture, _CENTRED, _WORDS[tile.state])
        if index in self._chosen:
            pen = painter.pen()
            pen.setColor(tile.colour)
            pen.setWidth(3 if index == self._current else 2)
            pen.setStyle(Qt.PenStyle.SolidLine if index == self._current else Qt.PenStyle.DotLine)
            painter.setPen(pen)
            painter.drawRect(picture.adjusted(1, 1, -2, -2))
        caption = QRect(place.left(), picture.bottom() + 2, place.width(), _CAPTION - 3)
        painter.fillRect(caption.adjusted(0, 3, 12 - caption.width(), -2), tile.colour)
        painter.setPen(self.palette().text().color())
        painter.drawText(
            caption.adjusted(17, 0, 0, 0),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            tile.caption,
        )

    # -- picking ----------------------------------------------------------------------------------

    def _click(self, index: int, event: QMouseEvent) -> None:
        self.picked.emit(index, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The arrow keys go from picture to picture."""
        step = _STEPS.get(Qt.Key(event.key()))
        if step is None or not self.tiles:
            super().keyPressEvent(event)
            return
        columns, _ = self._grid(self.width())
        by = {"back": -1, "on": 1, "row back": -columns, "row on": columns}[step]
        target = (-1 if self._current is None else self._current) + by
        if 0 <= target < len(self.tiles):
            self.picked.emit(target, False)


def _image(rgba: np.ndarray) -> QImage:
    rgba = np.ascontiguousarray(rgba)
    height, width = rgba.shape[:2]
    # Copied: QImage does not keep the array alive.
    return QImage(rgba.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
