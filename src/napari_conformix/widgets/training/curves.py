"""The curves of a run, drawn while it goes on: training and validation, each half in its colour."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_conformix.runs import Event
from napari_conformix.training.events import Quantity
from napari_conformix.widgets.parts import (
    HALF_COLOURS,
    PHASE_COLOURS,
    ChoiceBox,
    EpochAxis,
    Plot,
    hint,
    text_colour,
)
from napari_conformix.widgets.training.curve_data import (
    Curve,
    CurveData,
    Phase,
    Spectrum,
)
from napari_conformix.widgets.training.shell_plot import ShellPlot

_REDRAW_MS = 200
_MOST_POINTS = 4000
_BAND_ALPHA = 28
#: what stands behind a label: curves are still seen through it
_LABEL_ALPHA = 150
#: pixels next to the name of a phase on its band
_LABEL_PADDING = 10
#: room above and below the curves, as a share of their range
_MARGIN = 0.12
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
        self.legend.setWordWrap(True)
        self.plot = Plot(210, axisItems={"bottom": EpochAxis("bottom")})
        self.plot.setLabel("bottom", "epoch")
        self.plot.showGrid(x=False, y=True, alpha=0.15)
        self.plot.getPlotItem().getAxis("left").enableAutoSIPrefix(False)
        self.plot.getPlotItem().layout.setContentsMargins(0, 0, 0, 5)  # descenders of "epoch"
        self.shells = ShellPlot(230)
        self.outcome = hint()
        self.empty = hint("The curves begin with the first epoch.")
        self._lines: dict[tuple[str, str], pg.PlotDataItem] = {}
        self._bands: list[pg.GraphicsObject] = []
        self._drawn_phases: tuple[list[tuple[Phase, tuple[str, bool]]], dict[int, str]] = [], {}
        self._best: tuple[tuple[int, str], list[pg.GraphicsObject]] | None = None
        self._stale = False

        top = QHBoxLayout()
        top.addWidget(self.term, 1)
        top.addWidget(self.log)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(top)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot)
        layout.addWidget(self.shells)
        layout.addWidget(self.outcome)
        layout.addWidget(self.empty)
        self.term.currentIndexChanged.connect(self.redraw)
        self.log.toggled.connect(self.redraw)
        self._timer = QTimer(self)
        self._timer.setInterval(_REDRAW_MS)
        self._timer.timeout.connect(self._redraw_if_stale)
        self._timer.start()
        self.redraw()

    def clear(self, quantities: Mapping[str, Quantity] | None = None) -> None:
        """Begin with another run, whose method describes its numbers so."""
        self.data = CurveData(quantities)
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
        term = self.term.currentData() or self.data.headline
        spectra = self.data.spectra_of(term)
        self.shells.setVisible(bool(spectra))
        self.plot.setVisible(not spectra)
        if spectra:
            self._show_spectra(spectra)
            return
        curves = self.data.of_term(term)
        for key in [key for key in self._lines if key not in curves]:
            self.plot.removeItem(self._lines.pop(key))
        self.plot.setLogMode(x=False, y=self.log.isChecked())
        for (kind, half), curve in sorted(curves.items(), key=lambda item: _ORDER[item[0][0]]):
            x, y = np.asarray(curve.x), np.asarray(curve.y)
            if kind == "step":  # their scatter would hide the epochs: only of the epoch that runs
                x, y = x[x > self.data.last_epoch], y[x > self.data.last_epoch]
            if self.log.isChecked():
                x, y = x[y > 0], y[y > 0]
            step = max(1, len(x) // _MOST_POINTS)
            self._line(kind, half).setData(x[::step], y[::step])
        self._fit(term, curves)
        self._draw_phases()
        self._draw_best()
        self._say(term, curves)

    def _show_spectra(self, spectra: dict[str, Spectrum]) -> None:
        self.shells.show_spectra(spectra, log=self.log.isChecked())
        newest = max(spectra.values(), key=lambda spectrum: spectrum.epoch)
        halves = [half for half in sorted(spectra) if half]
        parts = [_swatch("■", _colour(half), _half_name(half)) for half in halves]
        parts.append(f"━━&nbsp;epoch&nbsp;{newest.epoch}")
        if newest.first_epoch != newest.epoch:
            parts.append(f"─&nbsp;pale:&nbsp;epoch&nbsp;{newest.first_epoch}")
        self.legend.setText(" &nbsp; ".join(parts))
        self.outcome.hide()

    def _fit(self, term: str, curves: dict[tuple[str, str], Curve]) -> None:
        """Show the epochs' own values in full; single steps scatter much more and may leave."""
        reached = max((curve.x[-1] for curve in curves.values() if curve.x), default=1.0)
        self.plot.setXRange(0, max(reached, 1.0), padding=0.02)
        values = self.data.range_of(term)
        log = self.log.isChecked()
        if values is None or (log and values[0] <= 0):
            self.plot.enableAutoRange(axis="y")
            return
        low, high = np.log10(values) if log else values
        margin = _MARGIN * (high - low) or _MARGIN * abs(high) or _MARGIN
        self.plot.setYRange(low - margin, high + margin, padding=0)

    def _line(self, kind: str, half: str) -> pg.PlotDataItem:
        if (kind, half) not in self._lines:
            colour = pg.mkColor(_colour(half))
            if kind == "step":
                colour.setAlpha(80)
            style = Qt.PenStyle.DashLine if kind == "validation" else Qt.PenStyle.SolidLine
            pen = pg.mkPen(colour, width=1 if kind == "step" else 2, style=style)
            # Filled dots would close the gaps of a dashed line: validation has rings.
            filled = {"symbolBrush": colour, "symbolPen": None}
            ring = {"symbolBrush": None, "symbolPen": pg.mkPen(colour)}
            marker = ring if kind == "validation" else filled
            symbol = {"symbol": "o", "symbolSize": 5, **marker}
            line = self.plot.plot(pen=pen, **({} if kind == "step" else symbol))
            # Drawn piece by piece, dashes would begin again at every epoch and close up.
            line.curve.setSegmentedLineMode("off")
            line.setZValue(_ORDER[kind])
            self._lines[kind, half] = line
        return self._lines[kind, half]

    def _offer_terms(self) -> None:
        names = [*self.data.terms(), *self.data.scalars()]
        names += dict.fromkeys(name for name, _ in self.data.spectra)
        offered = [(self.data.in_words(name), name) for name in names]
        if [(self.term.itemText(i), self.term.itemData(i)) for i in range(self.term.count())] == (
            offered
        ):
            return
        chosen = self.term.currentData()
        with QSignalBlocker(self.term):
            self.term.clear()
            for text, name in offered:
                self.term.addItem(text, name)
            self.term.setCurrentIndex(max(self.term.findData(chosen), 0))

    def _draw_best(self) -> None:
        """A line at the epoch that is the result, or would be if the run ended now."""
        data, wanted = self.data, None
        if data.chosen is not None:
            wanted = (data.chosen, f"chosen: epoch {data.chosen}")
        elif data.chooses_epoch and data.best is not None:
            wanted = (data.best, f"best so far: epoch {data.best}")
        if self._best is not None and self._best[0] == wanted:
            return
        for item in self._best[1] if self._best is not None else ():
            self.plot.removeItem(item)
        self._best = None
        if wanted is None:
            return
        epoch, text = wanted
        style = Qt.PenStyle.SolidLine if data.chosen is not None else Qt.PenStyle.DashLine
        colour, behind = text_colour(self), self.palette().window().color()
        behind.setAlpha(_LABEL_ALPHA)
        line = pg.InfiniteLine(epoch, pen=pg.mkPen(colour, width=1.5, style=style))
        pg.InfLineLabel(
            line, text, position=0.9, anchors=[(0, 0.5), (1, 0.5)], color=colour, fill=behind
        )
        line.setToolTip("The epoch with the lowest loss of held-out particles is the result.")
        line.setZValue(5)
        self.plot.addItem(line, ignoreBounds=True)
        self._best = wanted, [line]

    def _draw_phases(self) -> None:
        colours = self._phase_colours()
        phases = self.data.phases if len(colours) > 1 else []
        wanted = [(phase, self._label_of(phase)) for phase in phases]
        marks = self._marks()
        if (wanted, marks) == self._drawn_phases:
            return
        self._drawn_phases = wanted, marks
        for item in self._bands:
            self.plot.removeItem(item)
        self._bands = []
        for phase, (text, upright) in wanted:
            colour = pg.mkColor(colours[phase.name])
            colour.setAlpha(_BAND_ALPHA)
            band = pg.LinearRegionItem(
                (phase.first - 1, phase.last), movable=False, brush=colour, pen=pg.mkPen(None)
            )
            band.setZValue(-10)
            if text:
                pg.InfLineLabel(
                    band.lines[0],
                    text,
                    position=0.98,
                    anchors=[(1, 0)] * 2 if upright else [(0, 0)] * 2,
                    color=text_colour(self),
                    **({"rotateAxis": (1, 0)} if upright else {}),
                )
            self.plot.addItem(band, ignoreBounds=True)
            self._bands.append(band)
        pen = pg.mkPen(text_colour(self), style=Qt.PenStyle.DotLine)
        for epoch, told in marks.items():
            mark = pg.InfiniteLine(epoch - 1, pen=pen)
            mark.setToolTip(told)
            self.plot.addItem(mark, ignoreBounds=True)
            self._bands.append(mark)

    def _marks(self) -> dict[int, str]:
        """Epochs before which the method did something, other than going to another phase."""
        begun = {phase.first for phase in self.data.phases}
        told: dict[int, list[str]] = {}
        for epoch, message in self.data.notices:
            if epoch not in begun:
                told.setdefault(epoch, []).append(message)
        return {epoch: "\n".join(messages) for epoch, messages in told.items()}

    def _label_of(self, phase: Phase) -> tuple[str, bool]:
        """The name to write on a phase's band and whether it stands upright; '' without room."""
        (low, high), _ = self.plot.viewRange()
        width = self.plot.getViewBox().width() * (phase.last - phase.first + 1) / (high - low)
        if width > self.fontMetrics().horizontalAdvance(phase.name) + _LABEL_PADDING:
            return phase.name, False
        return (phase.name, True) if width > self.fontMetrics().height() else ("", False)

    def _phase_colours(self) -> dict[str, str]:
        names = dict.fromkeys(phase.name for phase in self.data.phases)
        return {n: PHASE_COLOURS[i % len(PHASE_COLOURS)] for i, n in enumerate(names)}

    def _say(self, term: str, curves: dict[tuple[str, str], Curve]) -> None:
        halves = sorted({half for _, half in curves if half and half != "0"})
        parts = [_swatch("■", _colour(half), _half_name(half)) for half in halves]
        kinds = {kind for kind, _ in curves}
        if kinds & {"train", "step"}:
            parts.append("━━&nbsp;training")
        if "validation" in kinds:
            parts.append("╍╍&nbsp;validation&nbsp;(held&nbsp;out)")
        if len(self._phase_colours()) > 1:
            parts += [_swatch("▒", c, f"{name} phase") for name, c in self._phase_colours().items()]
        if self._marks():
            parts.append("┊&nbsp;what&nbsp;the&nbsp;method&nbsp;did,&nbsp;see&nbsp;above")
        self.legend.setText(" &nbsp; ".join(parts))
        self.legend.setVisible(bool(parts))
        said = _fall_in_words(curves, self.data.settled()), self.data.note_of(term)
        self.outcome.setText("\n".join(filter(None, said)))
        self.outcome.setVisible(bool(self.outcome.text()))
        self.empty.setVisible(not curves)
        for widget in (self.term, self.log, self.plot):
            widget.setVisible(bool(curves))


def _fall_in_words(curves: dict[tuple[str, str], Curve], settled: int) -> str:
    """'Held out, from epoch 3 to 30: half 1 0.9624 → 0.9595; half 2 0.9623 → 0.9599.'"""
    parts, epochs = [], (0, 0)
    for (kind, half), curve in sorted(curves.items()):
        places = [i for i, x in enumerate(curve.x) if x > settled]
        if kind != "validation" or len(places) < 2:
            continue
        first, last = curve.y[places[0]], curve.y[-1]
        digits = _digits(first, last)
        epochs = (int(curve.x[places[0]]), int(curve.x[-1]))
        of = "" if half == "0" else f"{_half_name(half)} "
        lowest = min(places, key=lambda i: curve.y[i])
        parts.append(f"{of}{first:.{digits}f} → {last:.{digits}f}")
        if lowest != len(curve.y) - 1:
            parts[-1] += f", lowest {curve.y[lowest]:.{digits}f} in epoch {curve.x[lowest]:.0f}"
    if not parts:
        return ""
    return f"Held out, epoch {epochs[0]} to {epochs[1]}: {'; '.join(parts)}"


def _digits(first: float, last: float) -> int:
    """Decimals that show a difference with two figures, at least to a hundredth of the value."""
    scale = max(abs(last - first), 1e-4 * max(abs(first), abs(last)), 1e-8)
    return int(np.clip(1 - np.floor(np.log10(scale)), 0, 8))


def _swatch(sign: str, colour: str, name: str) -> str:
    return f"<span style='color:{colour}'>{sign}</span>&nbsp;{name.replace(' ', '&nbsp;')}"


def _half_name(half: str) -> str:
    return f"half {half}"


def _colour(half: str) -> str:
    return HALF_COLOURS.get(int(half) if half.isdigit() else 0, HALF_COLOURS[0])
