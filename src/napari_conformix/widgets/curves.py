"""The curves of a run, drawn while it goes on: training and validation, each half in its colour."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_conformix.training.events import Event
from napari_conformix.widgets.curve_data import CurveData
from napari_conformix.widgets.plots import EpochAxis, Plot, text_colour
from napari_conformix.widgets.settings_form import ChoiceBox
from napari_conformix.widgets.style import HALF_COLOURS, PHASE_COLOURS, hint

_REDRAW_MS = 200
_MOST_POINTS = 4000
_BAND_ALPHA = 28
_ORDER = {"step": 0, "scalar": 1, "train": 2, "validation": 3}


class CurvesView(QWidget):
    """One loss term at a time: up to four lines, two halves by training and validation."""

    def __init__(self) -> None:
        super().__init__()
        self.data = CurveData()
        self.term = ChoiceBox()
        self.term.setToolTip("Which term of the loss, or which other number of the run, is drawn")
        self.log = QCheckBox("log")
        self.log.setToolTip("Logarithmic axis (positive values only)")
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.plot = Plot(210, axisItems={"bottom": EpochAxis("bottom")})
        self.plot.setLabel("bottom", "epoch")
        self.plot.showGrid(x=False, y=True, alpha=0.15)
        self.plot.getPlotItem().getAxis("left").enableAutoSIPrefix(False)
        self.empty = hint("The curves begin with the first epoch.")
        self._lines: dict[tuple[str, str], pg.PlotDataItem] = {}
        self._bands: list[pg.LinearRegionItem | pg.TextItem] = []
        self._drawn_phases: list = []
        self._stale = False

        top = QHBoxLayout()
        top.addWidget(self.term)
        top.addWidget(self.log)
        top.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(top)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot)
        layout.addWidget(self.empty)
        self.term.currentIndexChanged.connect(self.redraw)
        self.log.toggled.connect(self.redraw)
        self._timer = QTimer(self)
        self._timer.setInterval(_REDRAW_MS)
        self._timer.timeout.connect(self._redraw_if_stale)
        self._timer.start()
        self.redraw()

    def clear(self) -> None:
        """Begin with another run."""
        self.data = CurveData()
        self.redraw()

    def take(self, events: list[Event]) -> None:
        """Add events; the plot follows a few times a second."""
        for event in events:
            if self.data.take(event):
                self._stale = True

    def _redraw_if_stale(self) -> None:
        if self._stale and self.isVisible():
            self.redraw()

    def redraw(self) -> None:
        """Draw the chosen term as it is now."""
        self._stale = False
        self._offer_terms()
        curves = self.data.of_term(self.term.currentData() or self.data.headline)
        for key in [key for key in self._lines if key not in curves]:
            self.plot.removeItem(self._lines.pop(key))
        self.plot.setLogMode(x=False, y=self.log.isChecked())
        for (kind, half), curve in sorted(curves.items(), key=lambda item: _ORDER[item[0][0]]):
            x, y = np.asarray(curve.x), np.asarray(curve.y)
            if self.log.isChecked():
                x, y = x[y > 0], y[y > 0]
            step = max(1, len(x) // _MOST_POINTS)
            self._line(kind, half).setData(x[::step], y[::step])
        self._draw_phases()
        self._say(curves)

    def _line(self, kind: str, half: str) -> pg.PlotDataItem:
        if (kind, half) not in self._lines:
            colour = pg.mkColor(_colour(half))
            if kind == "step":
                colour.setAlpha(80)
            style = Qt.PenStyle.DashLine if kind == "validation" else Qt.PenStyle.SolidLine
            pen = pg.mkPen(colour, width=1 if kind == "step" else 2, style=style)
            symbol = {"symbol": "o", "symbolSize": 4, "symbolBrush": colour, "symbolPen": None}
            line = self.plot.plot(pen=pen, **({} if kind == "step" else symbol))
            line.setZValue(_ORDER[kind])
            self._lines[kind, half] = line
        return self._lines[kind, half]

    def _offer_terms(self) -> None:
        offered = [(name, name) for name in self.data.terms()]
        offered += [(f"{name} (by epoch)", name) for name in self.data.scalars()]
        if [self.term.itemData(i) for i in range(self.term.count())] == [n for _, n in offered]:
            return
        chosen = self.term.currentData()
        with QSignalBlocker(self.term):
            self.term.clear()
            for text, name in offered:
                self.term.addItem(text, name)
            self.term.setCurrentIndex(max(self.term.findData(chosen), 0))

    def _draw_phases(self) -> None:
        if self.data.phases == self._drawn_phases:
            return
        self._drawn_phases = list(self.data.phases)
        for item in self._bands:
            self.plot.removeItem(item)
        self._bands = []
        names = list(dict.fromkeys(phase.name for phase in self.data.phases))
        for phase in self.data.phases if len(names) > 1 else []:
            colour = pg.mkColor(PHASE_COLOURS[names.index(phase.name) % len(PHASE_COLOURS)])
            colour.setAlpha(_BAND_ALPHA)
            band = pg.LinearRegionItem(
                (phase.first - 1, phase.last), movable=False, brush=colour, pen=pg.mkPen(None)
            )
            band.setZValue(-10)
            label = pg.InfLineLabel(
                band.lines[0], phase.name, position=0.94, anchors=[(0, 0), (0, 0)],
                color=text_colour(self),
            )  # fmt: skip
            self.plot.addItem(band, ignoreBounds=True)
            self._bands += [band]
            label.setZValue(5)

    def _say(self, curves: dict[tuple[str, str], object]) -> None:
        halves = sorted({half for kind, half in curves if kind != "scalar"})
        names = {"0": "all particles", "1": "half 1", "2": "half 2"}
        parts = [
            f"<span style='color:{_colour(half)}'>■</span> {names.get(half, half)}"
            for half in halves
        ]
        if halves:
            parts += ["━━ training", "╍╍ validation (held out)"]
        self.legend.setText(" &nbsp; ".join(parts))
        self.legend.setVisible(bool(parts))
        self.empty.setVisible(not curves)
        for widget in (self.term, self.log, self.plot):
            widget.setVisible(bool(curves))


def _colour(half: str) -> str:
    return HALF_COLOURS.get(int(half) if half.isdigit() else 0, HALF_COLOURS[0])
