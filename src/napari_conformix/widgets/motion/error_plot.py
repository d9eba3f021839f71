"""Error against motion of the held-out particles: which of them move by more than is uncertain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt, Signal

from napari_conformix.widgets.parts import Plot, text_colour

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable

_MOST_DRAWN: Final = 10_000
#: a click picks a particle within so many pixels
_REACH_PIXELS: Final = 12.0
_BELIEVED: Final = "#56b4e9"
_DOUBTED: Final = "#e69f00"
_MARK: Final = "#ff40b8"
#: the axes reach to this percentile, so that strays do not press all others into a corner
_SHOWN_PERCENT: Final = 99.5


class ErrorPlot(Plot):
    """RMS error over RMS displacement, with the line where both are the same.

    `particle_picked(row)` when a point is clicked.
    """

    particle_picked = Signal(int)

    def __init__(self) -> None:
        super().__init__(240)
        self.setLabel("bottom", "motion, RMS displacement (Å)")
        self.setLabel("left", "error, RMS (Å)")
        self.showGrid(x=True, y=True, alpha=0.12)
        for side in ("left", "bottom"):
            self.getPlotItem().getAxis(side).enableAutoSIPrefix(False)
        self._rows = np.zeros(0, dtype=np.int64)
        self._xy = np.zeros((0, 2))
        self._points = {
            colour: pg.ScatterPlotItem(pen=None, brush=_translucent(colour), size=5)
            for colour in (_BELIEVED, _DOUBTED)
        }
        self._line = pg.PlotDataItem()
        self._words = pg.TextItem("error = motion", anchor=(1, 1))
        self._mark = pg.ScatterPlotItem(size=15, brush=None, pen=pg.mkPen(_MARK, width=3))
        for item in (*self._points.values(), self._line, self._words, self._mark):
            self.addItem(item, ignoreBounds=True)
        self._words.hide()
        self.scene().sigMouseClicked.connect(self._clicked)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._colour()

    def show_table(self, table: MotionTable | None) -> None:
        """All held-out particles of a table; None: nothing."""
        if table is None:
            self._rows, self._xy = np.zeros(0, dtype=np.int64), np.zeros((0, 2))
        else:
            xy = np.stack([table.rms_displacement, table.rms_error], axis=1)
            self._rows = np.flatnonzero(np.isfinite(xy).all(axis=1))
            self._xy = xy[self._rows].astype(float)
        drawn = self._xy[:: -(-len(self._xy) // _MOST_DRAWN) or 1]
        above = drawn[:, 0] > drawn[:, 1]
        self._points[_BELIEVED].setData(pos=drawn[above])
        self._points[_DOUBTED].setData(pos=drawn[~above])
        self._fit()

    def mark(self, displacement: float | None, error: float | None, *, estimated: bool) -> None:
        """Mark what is picked; with an estimated error by a diamond. None: nothing."""
        if displacement is None or error is None or not np.isfinite([displacement, error]).all():
            self._mark.setData(pos=np.zeros((0, 2)))
            return
        symbol = "d" if estimated else "o"
        self._mark.setData(pos=[(displacement, error)], symbol=symbol)
        self._fit()

    @property
    def counts(self) -> tuple[int, int]:
        """Held-out particles, and those of them that move by more than their error."""
        return len(self._xy), int(np.count_nonzero(self._xy[:, 0] > self._xy[:, 1]))

    def row_at(self, x: float, y: float) -> int | None:
        """The particle within reach of a place of the plot, in its units."""
        if not len(self._xy):
            return None
        pixel = self.getViewBox().viewPixelSize()
        away = np.hypot((self._xy[:, 0] - x) / pixel[0], (self._xy[:, 1] - y) / pixel[1])
        nearest = int(away.argmin())
        return int(self._rows[nearest]) if away[nearest] <= _REACH_PIXELS else None

    def _clicked(self, event) -> None:
        place = self.getViewBox().mapSceneToView(event.scenePos())
        row = self.row_at(place.x(), place.y())
        if row is not None:
            self.particle_picked.emit(row)

    def _fit(self) -> None:
        """Both axes from 0, up to nearly all points and the mark."""
        mark = np.array([(p.pos().x(), p.pos().y()) for p in self._mark.points()]).reshape(-1, 2)
        if not len(self._xy) and not len(mark):
            self._line.setData([], [])
            self._words.hide()
            return
        reach = np.zeros(2)
        for part in (self._xy, mark):
            if len(part):
                reach = np.maximum(reach, np.percentile(part, _SHOWN_PERCENT, axis=0))
        reach = np.where(reach > 0, 1.08 * reach, 1.0)
        self.setXRange(0, reach[0], padding=0)
        self.setYRange(0, reach[1], padding=0)
        most = float(reach.max())
        self._line.setData([0, most], [0, most])
        corner = float(reach.min())
        self._words.setPos(0.8 * corner, 0.8 * corner)
        self._words.show()

    def _colour(self) -> None:
        """The line in the colour of text too."""
        super()._colour()
        if hasattr(self, "_words"):  # called first while the plot is being made
            colour = text_colour(self)
            self._line.setPen(pg.mkPen(colour, width=1.5, style=Qt.PenStyle.DashLine))
            self._words.setColor(colour)


def _translucent(colour: str):
    brush = pg.mkColor(colour)
    brush.setAlpha(150)
    return pg.mkBrush(brush)
