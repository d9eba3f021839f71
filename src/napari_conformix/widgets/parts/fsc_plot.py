"""Fourier shell correlation of half maps against resolution, of one or two reconstructions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_conformix.widgets.parts.plots import Plot, text_colour
from napari_conformix.widgets.parts.style import hint

if TYPE_CHECKING:
    from napari_conformix.jobs.reconstruction import Curves

#: where two independent half maps say what the full map holds (Rosenthal and Henderson, 2003)
THRESHOLD: Final = 0.143
_LOWEST: Final = -0.1
_PEN_STYLES: Final = {
    "corrected": (Qt.PenStyle.SolidLine, 2.5),
    "masked": (Qt.PenStyle.DashLine, 1.5),
    "unmasked": (Qt.PenStyle.DashDotLine, 1.5),
    "phase-randomised": (Qt.PenStyle.DotLine, 1.5),
}
_SIGNS: Final = {
    "corrected": "━━",
    "masked": "╍╍",
    "unmasked": "━·━",
    "phase-randomised": "···",
}
_TIPS: Final = {
    "corrected": "Within the mask, less what the mask itself brings: the curve to quote",
    "masked": "Within the mask, as measured",
    "unmasked": "Over the whole box, solvent included",
    "phase-randomised": "Within the mask, after the phases beyond a resolution were replaced by "
    "random ones: what the mask alone would bring",
}
#: as of the curves of a reconstruction's report, and what they are called here
_KINDS: Final = {
    "corrected": "corrected",
    "masked": "masked",
    "unmasked": "unmasked",
    "randomised": "phase-randomised",
}
#: of the two that are shown until the user says otherwise
_SHOWN_FIRST: Final = ("corrected",)


@dataclass(frozen=True)
class FscFamily:
    """The curves of one reconstruction.

    frequency   (n,) 1/A, from 0 to Nyquist
    curves      'corrected', 'masked', 'unmasked' and 'phase-randomised' -> (n,); those there are
    resolution  in A where the best of them falls below 0.143; None when it never does
    """

    name: str
    colour: str
    frequency: np.ndarray
    curves: dict[str, np.ndarray]
    resolution: float | None

    @classmethod
    def of(cls, name: str, colour: str, curves: Curves) -> FscFamily:
        """The curves of a reconstruction's report."""
        arrays = curves.as_arrays()
        return cls(
            name,
            colour,
            arrays["frequency"],
            {kind: arrays[of] for of, kind in _KINDS.items() if of in arrays},
            curves.resolution_angstrom if curves.reached else None,
        )

    @property
    def best(self) -> str:
        """The kind of curve to quote."""
        return next(kind for kind in _PEN_STYLES if kind in self.curves)


class FscPlot(QWidget):
    """Curves with their legend; hovering shows the values at a resolution."""

    def __init__(self, height: int = 260) -> None:
        super().__init__()
        self.families: list[FscFamily] = []
        self.plot = Plot(height, axisItems={"top": ResolutionAxis("top")})
        self.plot.setLabel("left", "correlation of the half maps")
        self.plot.setLabel("bottom", "spatial frequency (1/Å)")
        self.plot.setLabel("top", "resolution (Å)")
        self.plot.getPlotItem().layout.setContentsMargins(2, 2, 6, 10)
        for side in ("left", "bottom", "top"):
            self.plot.getPlotItem().getAxis(side).enableAutoSIPrefix(False)
        self.plot.showGrid(x=False, y=True, alpha=0.15)
        self.plot.setYRange(_LOWEST, 1.05, padding=0)
        self._items: list[pg.GraphicsObject] = []
        self._threshold = pg.InfiniteLine(THRESHOLD, angle=0)
        self._cursor = pg.InfiniteLine(angle=90)
        self._cursor.hide()
        self.plot.addItem(self._threshold, ignoreBounds=True)
        self.plot.addItem(self._cursor, ignoreBounds=True)
        self._threshold_label = pg.InfLineLabel(
            self._threshold, str(THRESHOLD), position=0.02, anchors=[(0, 1)] * 2
        )
        self.boxes = {kind: QCheckBox(kind) for kind in _PEN_STYLES}
        row = QHBoxLayout()
        row.setSpacing(10)
        for kind, box in self.boxes.items():
            box.setToolTip(_TIPS[kind])
            box.setChecked(kind in _SHOWN_FIRST)
            box.toggled.connect(self.redraw)
            row.addWidget(box)
        row.addStretch(1)
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self.readout = hint("Point at the curves to read them.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(row)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot)
        layout.addWidget(self.readout)
        self.plot.scene().sigMouseMoved.connect(self._mouse_moved)

    def show_families(self, families: Sequence[FscFamily]) -> None:
        """Draw these reconstructions, at most one of them without a mask's curves."""
        self.families = list(families)
        there = {kind for family in families for kind in family.curves}
        for kind, box in self.boxes.items():
            box.setVisible(kind in there)
        if not any(self.boxes[kind].isChecked() for kind in there):
            for kind in {family.best for family in families}:
                self.boxes[kind].setChecked(True)
        self.redraw()

    def shown(self, family: FscFamily) -> list[str]:
        """The kinds of its curves that are drawn."""
        return [kind for kind in family.curves if self.boxes[kind].isChecked()]

    def redraw(self) -> None:
        """Draw what is ticked."""
        for item in self._items:
            self.plot.removeItem(item)
        self._items = []
        colour = text_colour(self)
        self._threshold.setPen(pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine))
        self._threshold_label.setColor(colour)
        self._cursor.setPen(pg.mkPen(colour, width=1))
        for family in self.families:
            for kind in self.shown(family):
                style, width = _PEN_STYLES[kind]
                pen = pg.mkPen(family.colour, width=width, style=style)
                line = pg.PlotCurveItem(family.frequency, family.curves[kind], pen=pen)
                # Drawn piece by piece, dashes would begin again at every shell and close up.
                line.setSegmentedLineMode("off")
                self._add(line)
            if family.resolution:
                self._add(
                    pg.ScatterPlotItem(
                        [1 / family.resolution], [THRESHOLD], symbol="o", size=9,
                        brush=family.colour, pen=pg.mkPen(colour),
                    )
                )  # fmt: skip
        if self.families:
            last = max(float(family.frequency[-1]) for family in self.families)
            self.plot.setXRange(0, last, padding=0)
        self.legend.setText(self._legend())

    def at(self, frequency: float) -> str:
        """'4.85 Å: deformed 0.62 corrected; plain 0.48 corrected' at a frequency in 1/A."""
        parts = []
        for family in self.families:
            values = [
                f"{np.interp(frequency, family.frequency, family.curves[kind]):.3f} {kind}"
                for kind in self.shown(family)
            ]
            if values:
                parts.append(f"{family.name} {', '.join(values)}")
        return f"At {1 / frequency:.3g} Å: {'; '.join(parts)}"

    def _add(self, item: pg.GraphicsObject) -> None:
        self.plot.addItem(item)
        self._items.append(item)

    def _legend(self) -> str:
        parts = []
        for family in self.families:
            name = family.name.replace(" ", "&nbsp;")
            reach = f"&nbsp;{family.resolution:.2f}&nbsp;Å" if family.resolution else ""
            parts.append(f"<span style='color:{family.colour}'>■</span>&nbsp;{name}{reach}")
        kinds = {kind for family in self.families for kind in self.shown(family)}
        parts += [f"{_SIGNS[k]}&nbsp;{k}" for k in _PEN_STYLES if k in kinds]
        return " &nbsp; ".join(parts)

    def _mouse_moved(self, place) -> None:
        box = self.plot.getViewBox()
        if not self.families or not box.sceneBoundingRect().contains(place):
            self._cursor.hide()
            return
        frequency = box.mapSceneToView(place).x()
        if frequency > 0:
            self._cursor.setPos(frequency)
            self._cursor.show()
            self.readout.setText(self.at(frequency))


class ResolutionAxis(pg.AxisItem):
    """Ticks at round resolutions in A on an axis of spatial frequencies in 1/A."""

    _ROUND = (100, 50, 40, 30, 20, 15, 12, 10, 9, 8, 7, 6, 5, 4.5, 4, 3.5, 3, 2.8, 2.6, 2.4, 2.2, 2)
    _FINE = (1.8, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1, 1.0)
    _LEAST_PIXELS = 34

    def tickValues(
        self, low: float, high: float, size: float
    ) -> list[tuple[float | None, list[float]]]:
        """Round resolutions, no closer together than their labels."""
        chosen: list[float] = []
        span = max(high - low, 1e-12)
        for resolution in (*self._ROUND, *self._FINE):
            place = 1 / resolution
            if not low < place <= high:
                continue
            if not chosen or (place - chosen[-1]) / span * size >= self._LEAST_PIXELS:
                chosen.append(place)
        return [(None, chosen)]

    def tickStrings(self, values: list[float], scale: float, spacing: float | None) -> list[str]:
        """The resolutions."""
        return [f"{1 / value:.2g}" if 1 / value < 10 else f"{1 / value:.0f}" for value in values]
