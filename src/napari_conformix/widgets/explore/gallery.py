"""Tiles of particles: an image, beside it the projection of its state, a letter, two lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from qtpy.QtCore import QRect, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter

from napari_conformix.widgets.parts import TileGrid

#: of one picture and of the gaps, in pixels of the screen
_LEAST_SIDE, _MOST_SIDE, _GAP, _LINE = 88, 192, 8, 15
_LINES: Final = 2
_BADGE: Final = QColor(24, 26, 30, 220)
#: of the particle in the scene, and of its letter on the map
CURRENT: Final = (1.0, 0.84, 0.25)
#: of a state that explains its image better than noise could
CLEAR: Final = QColor("#56b4e9")
_STEPS: Final = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


@dataclass(frozen=True)
class Tile:
    """One particle. `tip` is what there is to know of it, in full."""

    letter: str
    image: QImage
    projection: QImage | None
    lines: tuple[str, str]
    tip: str
    clear: bool = False


def grey_image(grey: np.ndarray) -> QImage:
    """(n, n) uint8 as an image of its own memory."""
    grey = np.ascontiguousarray(grey)
    height, width = grey.shape
    return QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8).copy()


class ParticleGallery(TileGrid):
    """Tiles in rows as wide as the page; a click, or an arrow key, picks a particle."""

    #: place of the particle among the tiles
    picked = Signal(int)

    gap, wanted_width, least_width = _GAP, 4 * _LEAST_SIDE, 2 * _LEAST_SIDE + 2
    tiles: list[Tile]

    def __init__(self) -> None:
        super().__init__()
        self._current: int | None = None
        self._stale = False

    def show_tiles(self, tiles: list[Tile], *, keep_current: bool = False) -> None:
        """Other particles, or the same ones seen in another way."""
        if not keep_current:
            self._current = None
        self.tiles, self._stale = tiles, False
        self._fit_height()
        self.update()

    def mark_stale(self) -> None:
        """Others are on their way: pale until they are there."""
        self._stale = True
        self.update()

    def mark(self, current: int | None) -> None:
        """Which one is in the scene."""
        self._current = current
        self.update()

    @property
    def current(self) -> int | None:
        """The tile that is in the scene."""
        return self._current

    # -- size -------------------------------------------------------------------------------------

    @property
    def _pictures(self) -> int:
        """In a tile: the image, and its projection where there is any."""
        return 2 if any(tile.projection is not None for tile in self.tiles) else 1

    def _grid(self, width: int) -> tuple[int, int]:
        pictures = self._pictures
        least = pictures * _LEAST_SIDE + 2 * (pictures - 1)
        columns = max((width + _GAP) // (least + _GAP), 1)
        tile = (width + _GAP) // columns - _GAP
        side = (tile - 2 * (pictures - 1)) // pictures
        return columns, max(min(side, _MOST_SIDE), 16)

    def _tile(self, side: int) -> tuple[int, int]:
        pictures = self._pictures
        return pictures * side + 2 * (pictures - 1), side + _LINES * _LINE + 3

    # -- painting ---------------------------------------------------------------------------------

    def _paint(self, painter: QPainter, place: QRect, index: int, tile: Tile) -> None:
        _, side = self._grid(self.width())
        painter.setOpacity(0.4 if self._stale else 1.0)
        for number, image in enumerate((tile.image, tile.projection)):
            if image is not None:
                picture = QRect(place.left() + number * (side + 2), place.top(), side, side)
                painter.drawImage(picture, image)
        self._paint_letter(painter, place, tile.letter)
        lines = place.adjusted(0, side + 3, 0, 0)
        metrics = QFontMetrics(painter.font())
        for number, line in enumerate(tile.lines):
            painter.setPen(CLEAR if number and tile.clear else self.palette().text().color())
            at = QRect(lines.left(), lines.top() + number * _LINE, lines.width(), _LINE)
            shown = metrics.elidedText(line, Qt.TextElideMode.ElideRight, at.width())
            painter.drawText(at, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        if index == self._current:
            pen = painter.pen()
            pen.setColor(QColor.fromRgbF(*CURRENT))
            pen.setWidth(2)
            painter.setPen(pen)
            frame = QRect(place.left(), place.top(), place.width(), side)
            painter.drawRect(frame.adjusted(1, 1, -1, -1))
        painter.setOpacity(1.0)

    def _paint_letter(self, painter: QPainter, place: QRect, letter: str) -> None:
        font = painter.font()
        plain, bold = font.pointSizeF(), painter.font()
        bold.setBold(True)
        bold.setPointSizeF(11.0)
        painter.setFont(bold)
        width = QFontMetrics(bold).horizontalAdvance(letter) + 8
        badge = QRect(place.left(), place.top(), width, 19)
        painter.fillRect(badge, _BADGE)
        painter.setPen(QColor("white"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, letter)
        font.setPointSizeF(min(plain, 8.5) if plain > 0 else 8.5)
        painter.setFont(font)

    # -- picking ----------------------------------------------------------------------------------

    def _click(self, index: int, event: QMouseEvent) -> None:
        self.picked.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The arrow keys go from particle to particle."""
        key, columns = Qt.Key(event.key()), self._grid(self.width())[0]
        steps = {**_STEPS, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns}
        if key not in steps or not self.tiles:
            super().keyPressEvent(event)
            return
        target = 0 if self._current is None else self._current + steps[key]
        if 0 <= target < len(self.tiles):
            self.picked.emit(target)
