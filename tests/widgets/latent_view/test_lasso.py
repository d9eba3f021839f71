"""The lasso with real mouse events: what is inside the drawn line is selected, nothing else."""

import numpy as np
import pytest
from explore_window import LEFT, RIGHT, Window
from qt_waiting import handle_events
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget
from skimage.measure import points_in_poly

from napari_conformix.widgets.latent_view import SelectionBar
from napari_conformix.widgets.latent_view.lasso import Mode, Tool
from napari_conformix.widgets.latent_view.painting import ticks

WINDOW = Window


def inside(window: Window, polygon: np.ndarray) -> set[int]:
    """Rows inside a polygon, by an independent library, on the latents as they are."""
    motion = window.job.latents().motion[:, :2]
    return set(np.flatnonzero(points_in_poly(motion, polygon)))


def test_a_lasso_takes_exactly_the_particles_inside(window: Window) -> None:
    polygon = window.lasso(RIGHT)
    expected = inside(window, polygon)
    assert 300 < len(expected) < 1500
    assert set(window.selected) == expected
    assert window.job.angle[window.selected].min() > 18


def test_an_odd_shape_is_followed(window: Window) -> None:
    star = [
        (3.0 * r * np.cos(a), 0.8 * r * np.sin(a))
        for a, r in zip(np.linspace(0, 2 * np.pi, 10, endpoint=False), [2, 0.7] * 5, strict=True)
    ]
    polygon = window.lasso(star)
    assert set(window.selected) == inside(window, polygon)


def test_add_remove_undo_redo_invert_clear(window: Window) -> None:
    first = inside(window, window.lasso(RIGHT))
    window.bar.modes[Mode.ADD].click()
    second = inside(window, window.lasso(LEFT))
    assert set(window.selected) == first | second
    window.bar.modes[Mode.REMOVE].click()
    third = inside(window, window.lasso([(5.0, -1.0), (9.0, -1.0), (9.0, 1.0), (5.0, 1.0)]))
    assert set(window.selected) == (first | second) - third
    window.bar.undo.click()
    assert set(window.selected) == first | second
    window.bar.undo.click()
    assert set(window.selected) == first
    window.bar.redo.click()
    assert set(window.selected) == first | second
    window.bar.invert.click()
    assert set(window.selected) == set(range(2000)) - first - second
    window.bar.clear.click()
    assert len(window.selected) == 0
    window.overlay.window().activateWindow()
    window.overlay.setFocus()
    window.wait(window.overlay.hasFocus)
    QTest.keyClick(window.overlay, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert set(window.selected) == set(range(2000)) - first - second


def test_shift_adds_and_alt_removes(window: Window) -> None:
    first = inside(window, window.lasso(RIGHT))
    second = inside(window, window.lasso(LEFT, Qt.KeyboardModifier.ShiftModifier))
    third = inside(window, window.lasso(LEFT, Qt.KeyboardModifier.AltModifier))
    assert set(window.selected) == (first | second) - third


def test_the_count_is_said_in_all_and_by_half(window: Window) -> None:
    window.lasso(RIGHT)
    rows = window.selected
    text = window.bar.count.text()
    assert text.startswith(f"Selected {len(rows):,} of 2,000 ({len(rows) / 20:.1f} %)")
    for half in (1, 2):
        assert f"half {half}: {(window.job.half[rows] == half).sum():,}" in text


def test_a_view_of_one_half_selects_in_that_half_only_and_says_so(window: Window) -> None:
    window.choose(window.page.views.show_box, "half 2 only")
    assert "half 2 only" in window.bar.note.text()
    polygon = window.lasso(RIGHT)
    of_half = {row for row in inside(window, polygon) if window.job.half[row] == 2}
    assert set(window.selected) == of_half
    window.bar.invert.click()
    assert set(window.selected) == set(np.flatnonzero(window.job.half == 2)) - of_half


def test_selected_points_are_highlighted(window: Window) -> None:
    window.lasso(RIGHT)
    picture = window.map_picture()
    pink = (picture[..., 0] > 200) & (picture[..., 1] < 120) & (picture[..., 2] > 120)
    scale = picture.shape[1] / window.overlay.width()
    edge = window.place(4.0, 0.0).x() * scale
    columns = np.flatnonzero(pink.any(axis=0))
    assert pink.mean() > 0.002
    assert columns.min() >= edge - 6
    window.bar.clear.click()
    picture = window.map_picture()
    assert not ((picture[..., 0] > 200) & (picture[..., 1] < 120)).any()


def test_escape_drops_an_unfinished_lasso(window: Window) -> None:
    window.bar.tools[Tool.LASSO].click()
    start = window.place(4, -2)
    QTest.mousePress(window.overlay, Qt.MouseButton.LeftButton, pos=start)
    for place in [(8, -2), (8, 2)]:
        QTest.mouseMove(window.overlay, window.place(*place))
    assert window.overlay.drawing
    window.bar.cancelled.emit()
    assert not window.overlay.drawing
    QTest.mouseRelease(window.overlay, Qt.MouseButton.LeftButton, pos=start)
    assert len(window.selected) == 0


def test_the_wheel_zooms_about_the_mouse_and_the_pan_tool_drags_the_view(window: Window) -> None:
    camera = window.overlay.transform
    window.bar.tools[Tool.PAN].click()
    centre = camera.centre
    window.drag([(0, 0), (2, 1)])
    assert camera.centre == pytest.approx((centre[0] - 2, centre[1] - 1), abs=0.1)
    assert len(window.job.decoded) == 0
    place, zoom = window.place(3.0, 1.0), camera.zoom
    at = camera.to_view(np.array([[place.x(), place.y()]]))
    for _ in range(3):
        turn_wheel(window.overlay, place, 120)
    assert camera.zoom == pytest.approx(zoom * 1.2**3)
    np.testing.assert_allclose(camera.to_view(np.array([[place.x(), place.y()]])), at, atol=1e-9)


def turn_wheel(widget: QWidget, place: QPoint, angle: int) -> None:
    """As a hand does: an angle of 120 is a notch away from it."""
    at = QPointF(place)
    event = QWheelEvent(
        at,
        widget.mapToGlobal(at),
        QPoint(),
        QPoint(0, angle),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0.0, 10.0, 5, [0, 2, 4, 6, 8, 10]),
        (-0.3, 0.3, 3, [-0.2, 0, 0.2]),
        (1.0, 1.0, 5, []),
        (0.0, float("inf"), 5, []),
    ],
)
def test_ticks_are_round(low: float, high: float, count: int, expected: list[float]) -> None:
    assert ticks(low, high, count) == pytest.approx(expected)


def test_the_bar_takes_signs_where_words_do_not_fit(window: Window) -> None:
    parent = QWidget()
    bar = SelectionBar(parent)
    parent.show()
    bar.resize(bar.minimumSizeHint())
    handle_events()
    assert bar.width() < 330
    assert (bar.undo.text(), bar.undo.accessibleName()) == ("↶", "Undo")
    bar.resize(700, 80)
    handle_events()
    assert bar.undo.text() == "Undo"
    assert bar.modes[Mode.NEW].text() == "New"
    parent.close()
