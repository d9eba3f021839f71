"""The FSC plot: what is drawn, what it says at a frequency, and its axis in A."""

import numpy as np
import pytest
from qtpy.QtCore import QPointF
from qtpy.QtWidgets import QApplication

from napari_conformix.widgets.parts import FscFamily, FscPlot, ResolutionAxis

FREQUENCY = np.arange(33) / (64 * 2.0)  # box 64, 2 A


def _family(name: str, slope: float, resolution: float | None, *kinds: str) -> FscFamily:
    curves = {kind: 1 - (slope + 0.1 * i) * FREQUENCY for i, kind in enumerate(kinds)}
    return FscFamily(name, "#e69f00", FREQUENCY, curves, resolution)


@pytest.fixture
def plot(screen):
    made = FscPlot()
    made.resize(480, 360)
    made.show()
    QApplication.processEvents()
    yield made
    made.close()


def test_the_corrected_curves_of_both_are_drawn_first(plot: FscPlot) -> None:
    both = ("corrected", "masked", "unmasked", "phase-randomised")
    plot.show_families([_family("undone", 2.0, 5.0, *both), _family("plain", 3.0, None, *both)])
    assert [plot.shown(family) for family in plot.families] == [["corrected"], ["corrected"]]
    assert "undone&nbsp;5.00&nbsp;Å" in plot.legend.text()
    assert plot.at(0.1) == "At 10 Å: undone 0.800 corrected; plain 0.700 corrected"
    plot.boxes["masked"].setChecked(True)
    assert plot.at(0.1).count("masked") == 2


def test_without_a_mask_the_unmasked_curve_is_shown(plot: FscPlot) -> None:
    plot.show_families([_family("plain", 2.0, 6.0, "unmasked")])
    assert plot.shown(plot.families[0]) == ["unmasked"]
    assert not plot.boxes["corrected"].isVisible()


def test_pointing_at_the_curves_reads_them(plot: FscPlot) -> None:
    plot.show_families([_family("plain", 2.0, 6.0, "corrected")])
    QApplication.processEvents()
    box = plot.plot.getViewBox()
    plot.plot.scene().sigMouseMoved.emit(box.mapViewToScene(QPointF(0.125, 0.5)))
    assert plot.readout.text().startswith("At 8 Å: plain 0.750")
    assert plot._cursor.isVisible()
    plot.plot.scene().sigMouseMoved.emit(QPointF(-50, -50))
    assert not plot._cursor.isVisible()


def test_the_upper_axis_has_round_resolutions_that_do_not_overlap(qapp) -> None:
    axis = ResolutionAxis("top")
    ((_, places),) = axis.tickValues(0.0, 0.25, 400)
    words = axis.tickStrings(places, 1.0, None)
    assert np.all(np.diff(places) / 0.25 * 400 >= 33.9)
    assert words[-1] == "4"
    for word, place in zip(words, places, strict=True):
        assert float(word) == pytest.approx(1 / place)
