"""Small plots in the window's colours (pyqtgraph)."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QSize
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget


class Plot(pg.PlotWidget):
    """A plot on the window's own ground, without a menu that a right click would open."""

    def __init__(self, height: int, **arguments: Any) -> None:
        super().__init__(background=None, **arguments)
        self._height = height
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(height)
        self.setMouseEnabled(False, False)
        self.setMenuEnabled(False)
        self.hideButtons()
        self._colour()

    def sizeHint(self) -> QSize:
        return QSize(300, self._height)

    def changeEvent(self, event) -> None:
        super().changeEvent(event)
        if event.type() == event.Type.PaletteChange and self.plotItem is not None:
            self._colour()

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self._colour()  # napari's style has come to the widget only now

    def _colour(self) -> None:
        """Axes in the colour of text, for napari's dark and light themes."""
        self.resetCachedContent()  # the ground
        colour = text_colour(self)
        for side in ("left", "bottom", "top"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(colour)
            axis.setTextPen(colour)


class EpochAxis(pg.AxisItem):
    """Ticks at whole epochs only."""

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        spacings = [(s, offset) for s, offset in super().tickSpacing(low, high, size) if s >= 1]
        return spacings or [(1, 0)]


def text_colour(widget: QWidget):
    """The colour of text on a widget."""
    return widget.palette().color(QPalette.ColorRole.WindowText)


class DirectionPlot(Plot):
    """From where the particle is seen, in an equal-area projection of the sphere."""

    def __init__(self) -> None:
        super().__init__(110)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._image.setColorMap(pg.colormap.get("viridis"))
        self.addItem(self._image)
        for side in ("left", "bottom"):
            self.hideAxis(side)
        self.setAspectLocked(True)
        self.getPlotItem().invertY(True)

    def show_chart(self, chart: np.ndarray) -> None:
        """(rows, columns) counts; NaN is left open."""
        self._image.setImage(chart, levels=(0, max(float(np.nanmax(chart)), 1)))
        self.getPlotItem().autoRange(padding=0.02)


class HistogramPlot(Plot):
    """How a number is spread over the particles."""

    def __init__(self, label: str, unit: str) -> None:
        super().__init__(110)
        self.setLabel("bottom", f"{label} ({unit})")
        self.hideAxis("left")
        self._bars = pg.BarGraphItem(x0=[], x1=[], height=[], brush="#56b4e9", pen=None)
        self.addItem(self._bars)

    def show_values(self, values: np.ndarray) -> None:
        """(n,) numbers without NaN."""
        counts, edges = np.histogram(values, bins=40) if len(values) else (np.zeros(0), np.zeros(1))
        self._bars.setOpts(x0=edges[:-1], x1=edges[1:], height=counts)
        self.getPlotItem().autoRange(padding=0.04)
