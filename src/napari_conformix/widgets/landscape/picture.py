"""A landscape in colours: the shaded ground and the contours in the view, and their colour bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from napari_conformix.analysis.landscape import Landscape

#: low energies dark and blue, high ones light and yellow: even in lightness, safe for colour vision
_MAP: Final = "viridis"
#: where too few particles are for an energy
_UNKNOWN: Final = (96, 98, 104, 130)
#: how much the slopes darken and lighten the ground, and from where the light falls
_SHADING: Final = 0.35
_LIGHT: Final = np.array([-1.0, 1.0]) / np.sqrt(2)
#: pixels of the longer side, at least: a coarse grid would show its cells
_FINE: Final = 400
#: pixels of a saved picture for one unit of the drawing


def top_of(found: Landscape) -> float:
    """The upper end of the colour bar, in kT: the highest known energy, rounded up to half a kT."""
    return max(float(np.ceil(2 * np.nanmax(found.energy)) / 2), 0.5)


def colours(energies: np.ndarray, top: float) -> np.ndarray:
    """(...) energies in kT -> (..., 4) uint8."""
    share = np.clip(np.nan_to_num(energies) / top, 0.0, 1.0)
    table = pg.colormap.get(_MAP).getLookupTable(0.0, 1.0, 256, alpha=True)
    return table[np.rint(255 * share).astype(int)].astype(np.uint8)


def ground(found: Landscape) -> np.ndarray:
    """(h, w, 4) uint8, its first row at the top: energies as a shaded relief, grey where they are
    not known."""
    from scipy.ndimage import zoom

    known = np.isfinite(found.energy)
    filled = np.where(known, found.energy, np.nanmax(found.energy))
    times = max(1, int(np.ceil(_FINE / max(filled.shape))))
    if times > 1:
        filled = zoom(filled, times, order=1, grid_mode=True, mode="nearest")
        known = np.repeat(np.repeat(known, times, axis=0), times, axis=1)
    picture = colours(filled, top_of(found))
    down, across = np.gradient(filled)
    slope = across * _LIGHT[0] + down * _LIGHT[1]
    steepest = float(np.percentile(np.abs(slope[known]), 98)) or 1.0
    light = 1.0 - _SHADING * np.clip(slope / steepest, -1.0, 1.0)
    shaded = np.clip(picture[..., :3] * light[..., None], 0, 255)
    picture[..., :3] = shaded.astype(np.uint8)
    picture[~known] = _UNKNOWN
    return picture[::-1]


def lines(found: Landscape) -> list[tuple[np.ndarray, tuple[float, float, float, float]]]:
    """Contours (m, 2) with their colours, lighter the lower."""
    from napari_conformix.analysis.landscape import contours

    top = top_of(found)
    drawn = []
    for level, line in contours(found):
        grey = 1.0 - 0.55 * level / top
        drawn.append((line, (grey, grey, grey, 0.9)))
    return drawn


class EnergyBar(QWidget):
    """The colours of the energies from 0 to the top, with the grey of what is not known."""

    def __init__(self) -> None:
        super().__init__()
        self._top, self._unit = 1.0, "kT"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(240, 32)

    def set_top(self, top: float, unit: str) -> None:
        """The upper end, and what it is counted in."""
        self._top, self._unit = top, unit
        self.update()

    @property
    def text(self) -> str:
        """What stands at the right end."""
        return f"{self._top:g} {self._unit}"

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        row = np.ascontiguousarray(colours(np.linspace(0, self._top, 256)[None], self._top))
        image = QImage(row.data, 256, 1, 4 * 256, QImage.Format.Format_RGBA8888)
        grey = 74.0
        bar = QRectF(0, 0, self.width() - grey - 8, 13)
        painter.drawImage(bar, image)
        unknown = QRectF(self.width() - grey, 0, 16, 13)
        painter.fillRect(unknown, QColor(*_UNKNOWN))
        painter.setPen(self.palette().text().color())
        under = QRectF(0, 14, bar.width(), 17)
        painter.drawText(under, Qt.AlignmentFlag.AlignLeft, "0: where most particles are")
        painter.drawText(under, Qt.AlignmentFlag.AlignRight, self.text)
        painter.drawText(
            QRectF(unknown.right() + 4, -1, grey - 20, 17), Qt.AlignmentFlag.AlignLeft, "too few"
        )
        painter.end()
