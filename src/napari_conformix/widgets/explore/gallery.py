"""Tiles of particles: an image, next to it the projection of its state, a letter, two lines; and
what the tiles and their legend say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QRect, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter

from napari_conformix.widgets.parts import TileGrid
from napari_conformix.widgets.session import with_units

if TYPE_CHECKING:
    from napari_conformix.jobs.pictures import Pictures

#: of one picture and of the gaps, in pixels of the screen
_LEAST_SIDE, _MOST_SIDE, _GAP, _LINE = 88, 192, 8, 15
_LINES: Final = 2
_BADGE: Final = QColor(24, 26, 30, 220)
#: of the particle in the scene, and of its letter in the view
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


def tiles_of(pictures: Pictures) -> list[Tile]:
    """A tile for each particle, in the grey values that all have."""
    from napari_conformix.jobs.pictures import letter

    images = pictures.grey(pictures.images)
    beside = None if pictures.projections is None else pictures.grey(pictures.projections)
    return [
        Tile(
            letter(i),
            grey_image(images[i]),
            None if beside is None else grey_image(beside[i]),
            _lines(pictures, i),
            _tip(pictures, i),
            bool(pictures.clear[i]),
        )
        for i in range(len(pictures))
    ]


def _lines(pictures: Pictures, index: int) -> tuple[str, str]:
    """'particle 393, half 2' and '0.52 (average 0.49)'; where there are images alone, whose tiles
    are narrow, 'particle 393' and 'half 2'."""
    facts, agreed = pictures.facts[index], pictures.agreement
    who, half = f"particle {facts.row}", f"half {facts.half}" if facts.half else ""
    if agreed is None:
        return who, half
    who = f"{who}, {half}".removesuffix(", ")
    if not np.isfinite(agreed.correlation[index]):
        return who, ""
    return who, f"{agreed.correlation[index]:.2f} (average {agreed.baseline[index]:.2f})"


def _tip(pictures: Pictures, index: int) -> str:
    """All that is known of a particle, a line each."""
    facts, agreed = pictures.facts[index], pictures.agreement
    lines = [
        f"Particle {facts.row} (row of the file, from 0)",
        f"Image {facts.image}",
        f"Micrograph {facts.micrograph}" if facts.micrograph else "",
        f"Defocus {facts.defocus_angstrom / 1e4:.2f} µm"
        if np.isfinite(facts.defocus_angstrom)
        else "Defocus not known",
        (f"Half {facts.half}" if facts.half else "No half set")
        + (", held out of training" if facts.held_out else ""),
    ]
    if agreed is not None and np.isfinite(agreed.correlation[index]):
        lines += [
            f"Correlation of image and projection {agreed.correlation[index]:.3f}",
            f"with the average state {agreed.baseline[index]:.3f}",
            f"gain {agreed.gain[index]:+.3f} ± {agreed.error[index]:.3f}; "
            f"fitted noise could give {pictures.by_chance[index]:+.3f}",
        ]
    return "\n".join(line for line in lines if line)


def legend_of(pictures: Pictures) -> str:
    """What is to be seen, on which scale."""
    filtered = pictures.filter_words.replace("^2", "²")
    both = "" if pictures.projections is None else "Left: image. Right: projection of its state. "
    scale = (
        f"{both}{filtered[0].upper() + filtered[1:]}. Black to white: −{pictures.limit:.2g} to "
        f"+{pictures.limit:.2g} standard deviations of the images' background before the filter, "
        "the same for all."
    )
    if pictures.projections is None:
        return with_units(scale)
    return with_units(
        scale + " Below: correlation of image and projection, and with the projection of an "
        "average state; in blue where the own state gains more than fitted noise could. Click a "
        "particle to see its state."
    )
