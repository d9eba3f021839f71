"""The translation-rotation plot, clicked and lassoed with a real mouse."""

import itertools

import numpy as np
import pytest
from qt_waiting import handle_events, pause, settle, wait
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_conformix.widgets.rigid.plot import Disc, MotionPlot

_LEFT = Qt.MouseButton.LeftButton
PLACES = {0: (0.0, 0.0), 1: (10.0, 25.0), 2: (6.0, 15.0), 4: (6.5, 14.0)}


def disc(cluster: int, particles: int = 100) -> Disc:
    x, y = PLACES[cluster]
    return Disc(cluster, x, y, 0.5, np.nan, particles, (0.3, 0.7, 0.9), f"cluster {cluster + 1}")


@pytest.fixture
def plot(qtbot):
    plot = MotionPlot()
    qtbot.addWidget(plot)
    plot.resize(420, 320)
    plot.show()
    plot.show_discs([disc(k, 1000 // (k + 1)) for k in PLACES], ("shift (Å)", "turn (degrees)"))
    settle()
    plot.told = []
    plot.picked.connect(plot.told.append)
    return plot


def pixel(plot, x: float, y: float) -> QPoint:
    return plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y)))


def click(plot, x: float, y: float, keys=Qt.KeyboardModifier.NoModifier) -> None:
    QTest.mouseClick(plot.viewport(), _LEFT, keys, pixel(plot, x, y))
    handle_events()


def drag(plot, corners, keys=Qt.KeyboardModifier.NoModifier) -> None:
    """QTest's own moves have no button pressed, which a drag needs."""
    points = [pixel(plot, *corner) for corner in corners]
    QTest.mousePress(plot.viewport(), _LEFT, keys, points[0])
    for begin, end in itertools.pairwise(points):
        for share in np.linspace(0.1, 1, 8):
            here = QPointF(begin + (end - begin) * float(share))
            there = QPointF(plot.viewport().mapToGlobal(here.toPoint()))
            none = Qt.MouseButton.NoButton
            move = QMouseEvent(QEvent.Type.MouseMove, here, there, none, _LEFT, keys)
            QApplication.sendEvent(plot.viewport(), move)
            pause(0.012)  # the plot leaves out moves that follow too quickly
    QTest.mouseRelease(plot.viewport(), _LEFT, keys, points[-1])
    handle_events()


def test_a_click_picks_one_and_shift_adds(plot) -> None:
    click(plot, *PLACES[1])
    click(plot, *PLACES[0], Qt.KeyboardModifier.ShiftModifier)
    click(plot, *PLACES[1], Qt.KeyboardModifier.ShiftModifier)
    click(plot, 3.0, 22.0)
    assert plot.told == [[1], [0, 1], [0], []]


def test_of_discs_that_overlap_the_nearer_is_picked(plot) -> None:
    click(plot, *PLACES[4])
    click(plot, *PLACES[2])
    assert plot.told == [[4], [2]]


def test_a_line_around_discs_picks_them(plot) -> None:
    drag(plot, [(3, 18), (8.5, 18), (8.5, 11), (3, 11), (3, 17)])
    assert plot.told == [[2, 4]]
    drag(plot, [(9, 28), (11, 28), (11, 22), (9, 22)], Qt.KeyboardModifier.ShiftModifier)
    assert plot.told[-1] == [1, 2, 4]
    drag(plot, [(1, 26), (2, 26), (2, 22), (1, 22)])
    assert plot.told[-1] == []


def test_all_discs_and_their_errors_are_within_the_axes(plot) -> None:
    (left, right), (bottom, top) = plot.getViewBox().viewRange()
    assert left < -0.5
    assert right > 10.5
    assert bottom < 0
    assert top > 25


def test_areas_follow_the_particles_down_to_what_can_be_clicked(plot) -> None:
    plot.show_discs([disc(0, 4000), disc(1, 2000), disc(2, 1)], ("", ""))
    largest, half, smallest = plot._sizes()
    assert half / largest == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert smallest >= 16


def test_other_discs_keep_the_picks_that_are_still_there(plot) -> None:
    drag(plot, [(3, 18), (8.5, 18), (8.5, 11), (3, 11), (3, 17)])
    plot.show_discs([disc(2), disc(0)], ("", ""))
    assert plot.chosen == {2}
    plot.show_discs([], ("", ""))
    assert plot.cluster_at(0, 0) is None


def test_discs_that_lie_on_one_another_are_named_together(plot) -> None:
    names = sorted(name.toPlainText() for name in plot._names)
    assert names == ["1", "2", "3", "5"]
    close = Disc(7, 10.02, 25.1, 0.1, 0.1, 10, (0.9, 0.2, 0.2), "")
    plot.show_discs([disc(0), disc(1), close], ("", ""))
    assert sorted(name.toPlainText() for name in plot._names) == ["1", "2, 8"]


def test_a_disc_under_the_mouse_says_its_figures(plot) -> None:
    here = pixel(plot, *PLACES[1])
    QTest.mouseMove(plot.viewport(), here - QPoint(40, 0))

    def says_something() -> str:
        # pyqtgraph drops what comes within 10 ms of another movement: a hand goes on moving.
        for x in (1, 0):
            QTest.mouseMove(plot.viewport(), here + QPoint(x, 0))
        return plot._points.getViewBox().toolTip()

    wait(says_something)
    assert "cluster 2" in plot._points.getViewBox().toolTip()
