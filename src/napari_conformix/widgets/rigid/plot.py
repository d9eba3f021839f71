"""The translation-rotation plot: a disc for each cluster, to be picked by clicks or a lasso."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt, Signal

from napari_conformix.widgets.colours import HIGHLIGHT
from napari_conformix.widgets.parts import Plot, text_colour

_HEIGHT: Final = 300
#: diameter of the smallest and of the largest disc, pixels
_SMALLEST, _LARGEST = 16.0, 34.0
#: discs nearer than this are named together
_APART_PIXELS: Final = 13.0
_PICKED: Final = tuple(round(255 * float(c)) for c in HIGHLIGHT[:3])


@dataclass(frozen=True)
class Disc:
    """A cluster (from 0) in the plot: where, with standard deviations (NaN: not known)."""

    cluster: int
    x: float
    y: float
    x_error: float
    y_error: float
    particles: int
    colour: tuple[float, float, float]
    tip: str


class _LassoBox(pg.ViewBox):
    """A drag with the left button draws a line around discs."""

    def __init__(self, plot: MotionPlot) -> None:
        super().__init__(enableMenu=False)
        self._plot = plot
        self._line: list[tuple[float, float]] = []

    def mouseDragEvent(self, event: Any, axis: Any = None) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        if event.isStart():
            begun = self.mapToView(event.buttonDownPos())
            self._line = [(begun.x(), begun.y())]
        here = self.mapToView(event.pos())
        self._line.append((here.x(), here.y()))
        if event.isFinish():
            line, self._line = self._line, []
            self._plot.take_lasso(np.array(line), add=_adds(event))
        else:
            self._plot.draw_lasso(np.array(self._line))

    def wheelEvent(self, event: Any, axis: Any = None) -> None:
        event.ignore()  # the page scrolls


class MotionPlot(Plot):
    """Clusters by how far and by how much a domain moves. `picked(list)` when the user picks."""

    picked = Signal(list)

    def __init__(self) -> None:
        super().__init__(_HEIGHT, viewBox=_LassoBox(self))
        self.discs: tuple[Disc, ...] = ()
        self.chosen: frozenset[int] = frozenset()
        self.showGrid(x=True, y=True, alpha=0.12)
        for side in ("left", "bottom"):
            self.getPlotItem().getAxis(side).enableAutoSIPrefix(False)
        self._errors = pg.ErrorBarItem(x=np.zeros(0), y=np.zeros(0))
        self._points = pg.ScatterPlotItem(hoverable=True, tip=self._tip)
        self._points.setZValue(5)
        self._lasso = pg.PlotCurveItem(pen=pg.mkPen(_PICKED, width=2))
        self._lasso.setZValue(20)
        for item in (self._errors, self._points, self._lasso):
            self.addItem(item, ignoreBounds=True)
        self._names: list[pg.TextItem] = []
        self.scene().sigMouseClicked.connect(self._clicked)
        self.getViewBox().sigResized.connect(self._write_names)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    # -- what is shown ----------------------------------------------------------------------------

    def show_discs(self, discs: list[Disc], labels: tuple[str, str]) -> None:
        """Other clusters, and what the axes are; the picks that are still there stay."""
        self.discs = tuple(discs)
        self.chosen &= {disc.cluster for disc in discs}
        self.setLabel("bottom", labels[0])
        self.setLabel("left", labels[1])
        self._draw_errors()
        self._draw_points()
        self._fit()
        self._write_names()

    def choose(self, clusters: frozenset[int]) -> None:
        """Mark clusters, without a signal."""
        self.chosen = clusters
        self._draw_points()

    def _draw_errors(self) -> None:
        spread = np.array([(d.x, d.y, d.x_error, d.y_error) for d in self.discs]).reshape(-1, 4)
        x, y, dx, dy = np.nan_to_num(spread).T
        self._errors.setData(
            x=x, y=y, left=dx, right=dx, top=dy, bottom=dy, beam=0.0,
            pen=pg.mkPen(text_colour(self), width=1.2),
        )  # fmt: skip

    def _draw_points(self) -> None:
        spots = []
        drawn = zip(self.discs, self._sizes(), strict=True)
        for disc, size in sorted(drawn, key=lambda one: -one[1]):  # no small one is hidden
            ring = disc.cluster in self.chosen
            spots.append(
                {
                    "pos": (disc.x, disc.y),
                    "size": size,
                    "brush": pg.mkBrush([round(255 * c) for c in disc.colour]),
                    "pen": pg.mkPen(_PICKED, width=3) if ring else pg.mkPen("#20242b", width=1),
                    "data": disc.cluster,
                }
            )
        self._points.setData(spots)

    def _tip(self, x: float, y: float, data: int) -> str:
        return next((disc.tip for disc in self.discs if disc.cluster == data), "")

    def _sizes(self) -> np.ndarray:
        """Diameters in pixels; areas follow the number of particles."""
        counts = np.array([disc.particles for disc in self.discs], float)
        if not len(counts):
            return counts
        return np.maximum(_SMALLEST, _LARGEST * np.sqrt(counts / counts.max()))

    def _write_names(self, *_: Any) -> None:
        """Numbers in the discs; of discs that lie on one another next to them, together."""
        for name in self._names:
            self.removeItem(name)
        self._names = []
        sizes = self._sizes()
        across = self.getViewBox().viewPixelSize()[0]
        for together in self._heaps():
            disc = self.discs[together[0]]
            text = ", ".join(str(self.discs[place].cluster + 1) for place in sorted(together))
            dark = np.dot(disc.colour, (0.299, 0.587, 0.114)) < 0.5
            colour, anchor, aside = "#ffffff" if dark else "#000000", (0.5, 0.5), 0.0
            if len(together) > 1:
                colour, anchor = text_colour(self), (0.0, 0.5)
                aside = max(sizes[place] for place in together) / 2 * across
            name = pg.TextItem(text, color=colour, anchor=anchor)
            name.setPos(disc.x + aside, disc.y)
            name.setZValue(10)
            self.addItem(name, ignoreBounds=True)
            self._names.append(name)

    def _heaps(self) -> list[list[int]]:
        """Places in `discs` that lie on one another, as they are drawn now."""
        pixel = self.getViewBox().viewPixelSize()
        heaps: list[list[int]] = []
        for place, disc in enumerate(self.discs):
            for heap in heaps:
                first = self.discs[heap[0]]
                away = np.hypot((disc.x - first.x) / pixel[0], (disc.y - first.y) / pixel[1])
                if away < _APART_PIXELS:
                    heap.append(place)
                    break
            else:
                heaps.append([place])
        return heaps

    def _fit(self) -> None:
        """All discs with their errors, and 0."""
        if not self.discs:
            return
        spread = np.nan_to_num([(d.x, d.y, d.x_error, d.y_error) for d in self.discs])
        low = np.minimum((spread[:, :2] - spread[:, 2:]).min(axis=0), 0)
        high = np.maximum((spread[:, :2] + spread[:, 2:]).max(axis=0), 0)
        room = 0.12 * np.where(high > low, high - low, 1.0)
        self.setXRange(low[0] - room[0], high[0] + room[0], padding=0)
        self.setYRange(low[1] - room[1], high[1] + room[1], padding=0)

    def _colour(self) -> None:
        super()._colour()
        if hasattr(self, "_errors"):  # called first while the plot is being made
            self._draw_errors()

    # -- picking ----------------------------------------------------------------------------------

    def cluster_at(self, x: float, y: float) -> int | None:
        """The cluster whose disc is at a place of the plot, in its units."""
        pixel = self.getViewBox().viewPixelSize()
        best, nearest = None, np.inf
        for disc, size in zip(self.discs, self._sizes(), strict=True):
            away = float(np.hypot((disc.x - x) / pixel[0], (disc.y - y) / pixel[1]))
            if away <= size / 2 + 2 and away < nearest:
                best, nearest = disc.cluster, away
        return best

    def draw_lasso(self, line: np.ndarray) -> None:
        """The line (n, 2) that is being drawn."""
        self._lasso.setData(*np.concatenate([line, line[:1]]).T)

    def take_lasso(self, line: np.ndarray, *, add: bool) -> None:
        """Pick the clusters within a finished line (n, 2)."""
        from napari_conformix.analysis.selections import points_in_polygon

        self._lasso.setData([], [])
        if len(line) < 3 or not self.discs:
            return
        places = np.array([(disc.x, disc.y) for disc in self.discs])
        inside = points_in_polygon(places, line)
        within = frozenset(d.cluster for d, one in zip(self.discs, inside, strict=True) if one)
        self._pick(self.chosen | within if add else within)

    def _clicked(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        place = self.getViewBox().mapSceneToView(event.scenePos())
        cluster = self.cluster_at(place.x(), place.y())
        if cluster is None:
            self._pick(self.chosen if _adds(event) else frozenset())
        elif _adds(event):
            self._pick(self.chosen ^ {cluster})
        else:
            self._pick(frozenset({cluster}))

    def _pick(self, clusters: frozenset[int]) -> None:
        if clusters != self.chosen:
            self.choose(clusters)
            self.picked.emit(sorted(clusters))


def _adds(event: Any) -> bool:
    """Shift or Ctrl adds to what is picked."""
    keys = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
    return bool(event.modifiers() & keys)
