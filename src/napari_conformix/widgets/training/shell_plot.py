"""Values by spatial frequency, such as the noise's power, as they are in the newest epoch."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg

from napari_conformix.widgets.parts import HALF_COLOURS, Plot, ResolutionAxis
from napari_conformix.widgets.training.curve_data import Spectrum

_FIRST_ALPHA = 90


class ShellPlot(Plot):
    """One line a half for the newest epoch, and a pale one for the first that has values."""

    def __init__(self, height: int) -> None:
        super().__init__(height, axisItems={"top": ResolutionAxis("top")})
        self.setLabel("bottom", "spatial frequency (1/Å)")
        self.setLabel("top", "resolution (Å)")
        for side in ("left", "bottom", "top"):
            self.getPlotItem().getAxis(side).enableAutoSIPrefix(False)
        self.getPlotItem().layout.setContentsMargins(2, 2, 6, 10)
        self.showGrid(x=False, y=True, alpha=0.15)
        #: of the images that are trained with
        self.pixel_size_angstrom: float | None = None
        self._lines: list[pg.PlotCurveItem] = []

    def show_spectra(self, spectra: dict[str, Spectrum], *, log: bool) -> None:
        """half -> its spectrum."""
        for line in self._lines:
            self.removeItem(line)
        self._lines = []
        self.setLogMode(x=False, y=log)
        for half, spectrum in sorted(spectra.items()):
            colour = pg.mkColor(HALF_COLOURS[int(half or 0)])
            if spectrum.first_epoch != spectrum.epoch:
                pale = pg.mkColor(colour)
                pale.setAlpha(_FIRST_ALPHA)
                self._draw(spectrum.first, pg.mkPen(pale, width=1), log)
            self._draw(spectrum.values, pg.mkPen(colour, width=2), log)
        self.getPlotItem().autoRange(padding=0.02)

    def _draw(self, values: list[float], pen: pg.QtGui.QPen, log: bool) -> None:
        shell, value = np.arange(1, len(values)), np.asarray(values[1:], dtype=float)
        # without a pixel size as a share of the sampling frequency
        extent = 2 * (len(values) - 1) * (self.pixel_size_angstrom or 1.0)
        shown = value > 0 if log else np.isfinite(value)
        line = pg.PlotDataItem(shell[shown] / extent, value[shown], pen=pen)
        self.addItem(line)
        self._lines.append(line)
