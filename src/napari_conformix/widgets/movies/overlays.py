"""What is painted over a frame of a movie: words, the scale bar, and the latent space view.

Sizes follow the shorter side of the frame, so that a small movie and a large one look alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from napari_conformix.export.movie_words import Corner

#: of the shorter side of the frame
_TEXT: Final = 0.027
_SMALLEST_TEXT: Final = 10
_MARGIN: Final = 0.03
#: a scale bar is at most this share of the width
_LONGEST_BAR: Final = 0.25
_WARNING: Final = QColor(240, 170, 40)
_WARNING_ON_LIGHT: Final = QColor(170, 95, 0)


@dataclass(frozen=True)
class Caption:
    """Words of a frame: a title, lines, and a line that warns."""

    title: str = ""
    lines: tuple[str, ...] = ()
    warning: str = ""


@dataclass(frozen=True)
class ScaleBar:
    """A bar of `angstrom` A that is `pixels` long."""

    angstrom: float
    pixels: float
    perspective: bool = False

    @property
    def text(self) -> str:
        """'50 Å', and where that holds if it does not everywhere."""
        length = f"{self.angstrom:g} Å"
        return f"{length} at the depth of the centre" if self.perspective else length


def scale_bar(
    field_angstrom: float, width: int, height: int, perspective_degrees: float = 0.0
) -> ScaleBar:
    """The longest round bar (1, 2 or 5 times a power of ten) that is not too long.

    `field_angstrom` is what the shorter side of the picture shows: everywhere with an orthographic
    camera, at the depth of its centre with perspective.
    """
    angstrom_per_pixel = field_angstrom / min(width, height)
    most = _LONGEST_BAR * width * angstrom_per_pixel
    power = 10.0 ** math.floor(math.log10(most))
    length = max(power * step for step in (1, 2, 5) if power * step <= most * (1 + 1e-9))
    return ScaleBar(length, length / angstrom_per_pixel, perspective_degrees > 0)


class Overlays:
    """Paints over frames of one size."""

    def __init__(self, width: int, height: int, *, light: bool) -> None:
        self.width, self.height = width, height
        short = min(width, height)
        self.margin = _MARGIN * short
        self._pixels = max(_SMALLEST_TEXT, round(_TEXT * short))
        self._ink = QColor(25, 28, 34) if light else QColor(238, 240, 243)
        self._warning = _WARNING_ON_LIGHT if light else _WARNING
        self._light = light

    def paint(
        self,
        frame: np.ndarray,
        caption: Caption | None,
        bar: ScaleBar | None,
        inset: tuple[QImage, Corner] | None,
    ) -> np.ndarray:
        """(h, w, 3) uint8 with everything on it; the frame given stays as it was."""
        image = _image(frame)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if inset is not None:
            self._paint_inset(painter, *inset)
        corner = inset[1] if inset is not None else None
        if caption is not None:
            self._paint_caption(painter, caption, on_the_right=corner == "top left")
        if bar is not None:
            self._paint_bar(painter, bar, on_the_right=corner == "bottom left")
        painter.end()
        return as_array(image)

    def _paint_inset(self, painter: QPainter, image: QImage, corner: Corner) -> None:
        gap = self.margin * 0.6
        x = gap if "left" in corner else self.width - image.width() - gap
        y = gap if "top" in corner else self.height - image.height() - gap
        painter.drawImage(round(x), round(y), image)

    def _paint_caption(self, painter: QPainter, caption: Caption, *, on_the_right: bool) -> None:
        y = self.margin
        rows = [(caption.title, True, self._ink)] if caption.title else []
        rows += [(line, False, self._ink) for line in caption.lines]
        rows += [(f"⚠ {caption.warning}", True, self._warning)] if caption.warning else []
        for text, bold, colour in rows:
            y += self._paint_line(painter, text, y, bold, colour, on_the_right)

    def _paint_line(
        self, painter: QPainter, text: str, y: float, bold: bool, colour: QColor, right: bool
    ) -> float:
        """One line, made smaller where it is too long for the frame; its height."""
        room = self.width - 2 * self.margin
        font = _font(self._pixels, bold)
        wide = QFontMetricsF(font).horizontalAdvance(text)
        if wide > room:
            font = _font(max(7, int(self._pixels * room / wide)), bold)
        painter.setFont(font)
        height = QFontMetricsF(font).height()
        flags = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        box = QRectF(self.margin, y, room, height)
        halo = QColor(255, 255, 255, 190) if self._light else QColor(0, 0, 0, 190)
        painter.setPen(halo)
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            painter.drawText(box.translated(dx, dy), flags, text)
        painter.setPen(colour)
        painter.drawText(box, flags, text)
        return height * 1.12

    def _paint_bar(self, painter: QPainter, bar: ScaleBar, *, on_the_right: bool) -> None:
        thick = max(2.0, self._pixels / 4)
        x = self.width - self.margin - bar.pixels if on_the_right else self.margin
        y = self.height - self.margin - thick
        painter.fillRect(QRectF(x, y, bar.pixels, thick), self._ink)
        painter.setFont(_font(self._pixels, False))
        height = QFontMetricsF(painter.font()).height()
        side = Qt.AlignmentFlag.AlignRight if on_the_right else Qt.AlignmentFlag.AlignLeft
        room = QRectF(self.margin, y - height * 1.05, self.width - 2 * self.margin, height)
        painter.setPen(QPen(self._ink))
        painter.drawText(room, side, bar.text)


def _font(pixels: int, bold: bool) -> QFont:
    font = QFont("Sans Serif")
    font.setPixelSize(pixels)
    font.setBold(bold)
    return font


def _image(frame: np.ndarray) -> QImage:
    """A picture of its own, so that painting does not touch the frame."""
    height, width, _ = frame.shape
    data = np.ascontiguousarray(frame)
    plain = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return plain.convertToFormat(QImage.Format.Format_RGB32)


def as_array(image: QImage) -> np.ndarray:
    """(h, w, 3) uint8 of an image."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    width, height, line = plain.width(), plain.height(), plain.bytesPerLine()
    buffer = plain.constBits()
    if hasattr(buffer, "setsize"):  # PyQt; PySide gives a memoryview
        buffer.setsize(line * height)
    rows = np.frombuffer(buffer, np.uint8).reshape(height, line)[:, : 3 * width]
    return rows.reshape(height, width, 3).copy()
