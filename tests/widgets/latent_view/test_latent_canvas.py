"""The latent space view's canvas by itself, with real mouse events: tools, hovering, what lies on
it."""

import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import qt_waiting
from qt_waiting import handle_events, pause, settle
from qtpy.QtCore import QCoreApplication, QEvent, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QToolTip
from superqt.utils import qimage_to_array

from napari_conformix.analysis.spaces import views
from napari_conformix.widgets.latent_view import LatentCanvas, Mark, Mode, Tool
from napari_conformix.widgets.latent_view.hover import nearest

SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
PLAIN = Qt.KeyboardModifier.NoModifier
GREEN = np.array([0.1, 0.9, 0.2, 1.0], dtype=np.float32)


def view_of(xy: np.ndarray, key: str = "latent0") -> views.LatentView:
    """A view of latents of two axes."""
    table = SimpleNamespace(
        mean=np.asarray(xy, dtype=np.float32),
        half=np.zeros(len(xy), dtype=np.int8),
        validation=np.zeros(len(xy), dtype=bool),
        epoch=1,
        motion=None,
        motion_unit="",
    )
    return views.view(views.build(key, table), (0, 1), "all", table)


def cloud(count: int = 3000) -> np.ndarray:
    return np.random.default_rng(5).normal(size=(count, 2)).astype(np.float32)


class Hand:
    """A canvas on the screen, and what comes of moving the mouse in it."""

    def __init__(self) -> None:
        self.canvas = LatentCanvas()
        self.overlay = self.canvas.overlay
        self.canvas.resize(400, 300)
        self.canvas.show()
        self.told: dict[str, list] = {}
        for name in (
            *("lasso_finished", "rectangle_finished", "lasso_moved", "path_drawn"),
            *("point_picked", "cursor_moved", "hovered", "failed"),
        ):
            heard = self.told.setdefault(name, [])
            getattr(self.canvas, name).connect(lambda *args, heard=heard: heard.append(args))

    def begin(self, xy: np.ndarray | None = None) -> None:
        """A fresh view in the middle of the canvas."""
        canvas = self.canvas
        canvas.clear()
        canvas.set_selection(np.zeros(0, dtype=bool))
        canvas.set_marks([])
        canvas.set_path(None)
        canvas.set_contours(None)
        canvas.set_backdrop(None)
        canvas.describe = None
        self.overlay.mode = Mode.NEW
        self.overlay.set_tool(Tool.CURSOR)
        view = view_of(cloud() if xy is None else xy)
        canvas.set_view(view, np.tile(GREEN, (len(view.rows), 1)))
        self.settle()
        for heard in self.told.values():
            heard.clear()

    def settle(self) -> None:
        settle()

    def wait(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        """Until something has happened."""
        qt_waiting.wait(condition, seconds)

    def pixel(self, x: float, y: float) -> QPoint:
        place = self.overlay.transform.to_pixels(np.array([[x, y]]))[0]
        return QPoint(*(round(float(value)) for value in place))

    def drag(self, places: list[tuple[float, float]], modifier=PLAIN, seconds: float = 0) -> None:
        points = [self.pixel(*place) for place in places]
        QTest.mousePress(self.overlay, Qt.MouseButton.LeftButton, modifier, points[0])
        for point in points[1:]:
            QTest.mouseMove(self.overlay, point)
            if seconds:
                pause(seconds)
        QTest.mouseRelease(self.overlay, Qt.MouseButton.LeftButton, modifier, points[-1])
        handle_events()

    def shot(self) -> np.ndarray:
        """(h, w, 3) of all that is painted."""
        return qimage_to_array(self.overlay.grab().toImage())[..., :3].astype(int)


@pytest.fixture(scope="module")
def shown(screen):
    made = Hand()
    yield made
    made.canvas.close()


@pytest.fixture
def hand(shown):
    shown.begin()
    yield shown
    assert shown.told["failed"] == []


# -- tools ----------------------------------------------------------------------------------------


def test_a_rectangle_has_two_corners_however_it_is_dragged(hand: Hand) -> None:
    hand.overlay.set_tool(Tool.RECTANGLE)
    for places in ([(-1, -0.5), (0.3, 0.2), (1, 0.8)], [(1, 0.8), (-1, -0.5)]):
        hand.drag(places)
        corners, mode = hand.told["rectangle_finished"].pop()
        pixel = 1 / hand.overlay.transform.zoom
        np.testing.assert_allclose(corners, [(-1, -0.5), (1, 0.8)], atol=pixel)
        assert mode is Mode.NEW
    assert hand.told["lasso_finished"] == []
    hand.drag([(0, 0), (1, 0)])  # no height
    assert hand.told["rectangle_finished"] == []
    assert not hand.overlay.drawing


@pytest.mark.parametrize(
    ("keys", "mode"),
    [(PLAIN, Mode.NEW), (SHIFT, Mode.ADD), (ALT, Mode.REMOVE), (SHIFT | ALT, Mode.INTERSECT)],
)
@pytest.mark.parametrize("tool", [Tool.LASSO, Tool.RECTANGLE])
def test_keys_say_what_is_done_with_an_outline(hand: Hand, tool: Tool, keys, mode: Mode) -> None:
    hand.overlay.set_tool(tool)
    hand.drag([(-1, -1), (0, -1), (1, 0), (1, 1)], keys)
    name = "lasso_finished" if tool is Tool.LASSO else "rectangle_finished"
    assert [told[1] for told in hand.told[name]] == [mode]


def test_an_outline_is_reported_while_it_is_drawn_but_not_too_often(hand: Hand) -> None:
    hand.overlay.set_tool(Tool.LASSO)
    ring = [(np.cos(a), np.sin(a)) for a in np.linspace(0, 6, 120)]
    began = time.monotonic()
    hand.drag(ring, seconds=0.003)
    moved = hand.told["lasso_moved"]
    assert 3 <= len(moved) <= (time.monotonic() - began) / 0.06 + 1
    sizes = [len(polygon) for polygon, _ in moved]
    assert sizes == sorted(sizes)
    final = hand.told["lasso_finished"][0][0]
    np.testing.assert_array_equal(final[: sizes[-1]], moved[-1][0])
    before = len(moved)
    settle()
    assert len(moved) == before, "nothing is reported after the end"


def test_a_line_is_drawn_and_points_are_picked(hand: Hand) -> None:
    hand.overlay.set_tool(Tool.DRAW)
    places = [(-1, 0), (0, 0.5), (1, 0)]
    hand.drag(places)
    pixel = 1 / hand.overlay.transform.zoom
    np.testing.assert_allclose(hand.told["path_drawn"][0][0], places, atol=pixel)
    assert hand.told["lasso_moved"] == hand.told["lasso_finished"] == []
    hand.overlay.set_tool(Tool.POINTS)
    for place in ((0.5, -0.5), (-1.0, 1.0)):
        hand.drag([place])
    np.testing.assert_allclose(hand.told["point_picked"], [(0.5, -0.5), (-1.0, 1.0)], atol=pixel)
    assert hand.told["cursor_moved"] == []


def test_another_tool_drops_what_is_half_drawn(hand: Hand) -> None:
    hand.overlay.set_tool(Tool.LASSO)
    QTest.mousePress(hand.overlay, Qt.MouseButton.LeftButton, pos=hand.pixel(0, 0))
    for place in ((1, 0), (1, 1)):
        QTest.mouseMove(hand.overlay, hand.pixel(*place))
    assert hand.overlay.drawing
    hand.overlay.set_tool(Tool.RECTANGLE)
    QTest.mouseRelease(hand.overlay, Qt.MouseButton.LeftButton, pos=hand.pixel(1, 1))
    settle()
    assert hand.told["lasso_finished"] == hand.told["rectangle_finished"] == []
    assert hand.told["lasso_moved"] == []


# -- hovering -------------------------------------------------------------------------------------


def test_the_particle_under_the_mouse_is_reported_and_described(hand: Hand, monkeypatch) -> None:
    said = []
    monkeypatch.setattr(QToolTip, "showText", lambda place, text, widget: said.append(text))
    hand.canvas.describe = "particle {}".format
    xy = hand.canvas.latent_view.xy
    spots = hand.overlay.transform.to_pixels(xy)
    for row in (3, 500, 2999):
        point = QPoint(*(round(float(value)) for value in spots[row]))
        QTest.mouseMove(hand.overlay, point)
        distance = np.linalg.norm(spots - [point.x(), point.y()], axis=1)
        expected = int(distance.argmin())
        hand.wait(lambda row=expected: hand.told["hovered"][-1:] == [(row,)])
        assert said[-1] == f"particle {expected}"
        assert hand.overlay.hovered_xy == pytest.approx(tuple(xy[expected]))
    QTest.mouseMove(hand.overlay, QPoint(2, 2))  # no particle is near
    hand.wait(lambda: hand.told["hovered"][-1] == (None,))
    assert hand.overlay.hovered_xy is None


def test_nothing_is_reported_while_the_mouse_is_on_its_way(hand: Hand) -> None:
    hand.overlay.set_tool(Tool.LASSO)
    QTest.mousePress(hand.overlay, Qt.MouseButton.LeftButton, pos=hand.pixel(0, 0))
    for x in np.linspace(0, 1, 20):
        QTest.mouseMove(hand.overlay, hand.pixel(x, 0))
        pause(0.005)
    settle()
    QTest.mouseRelease(hand.overlay, Qt.MouseButton.LeftButton, pos=hand.pixel(1, 0))
    assert not any(row for (row,) in hand.told["hovered"])


@pytest.mark.parametrize("seed", range(5))
def test_nearest_against_all_distances(seed: int) -> None:
    rng = np.random.default_rng(seed)
    xy = rng.normal(size=(400, 2)).astype(np.float32)
    xy[rng.integers(0, 400, 20)] = np.nan
    for place in rng.normal(size=(20, 2)):
        distance = [np.hypot(x - place[0], y - place[1]) for x, y in xy.astype(float)]
        best = int(np.nanargmin(distance))
        assert nearest(xy, place, 10.0) == best
        assert nearest(xy, place, 0.99 * distance[best]) is None
    assert nearest(np.full((3, 2), np.nan), np.zeros(2), 1e6) is None


# -- what is painted ------------------------------------------------------------------------------


def test_the_picture_is_where_the_particles_are_after_every_move(hand: Hand) -> None:
    lone = np.array([[-2.0, -1.0], [2.0, 1.0], [0.5, 0.75]], dtype=np.float32)
    hand.begin(lone)
    for look in ((0, 0, 40), (0.3, -0.2, 55), (0.5, 0.75, 200)):
        hand.overlay.transform.look_at(*look)
        hand.settle()
        green = hand.shot()
        green = (green[..., 1] > 150) & (green[..., 0] < 100)
        for x, y in hand.overlay.transform.to_pixels(lone):
            if 0 <= x < 400 and 0 <= y < 300:
                rows, columns = np.nonzero(green[int(y) - 5 : int(y) + 6, int(x) - 5 : int(x) + 6])
                assert rows.mean() == pytest.approx(5, abs=0.5)
                assert columns.mean() == pytest.approx(5, abs=0.5)
                green[int(y) - 5 : int(y) + 6, int(x) - 5 : int(x) + 6] = False
        assert not green.any()


def test_the_old_picture_moves_with_the_view_until_the_new_one_is_there(hand: Hand) -> None:
    hand.begin(np.array([[0.0, 0.0], [-2.0, 0.0]], dtype=np.float32))
    before = hand.overlay.picture
    x, y = hand.overlay.transform.centre
    hand.overlay.transform.look_at(x - 20 / hand.overlay.transform.zoom, y)
    assert hand.overlay.picture is before
    green = hand.shot()
    green = (green[..., 1] > 150) & (green[..., 0] < 100)
    for place in hand.overlay.transform.to_pixels(hand.canvas.latent_view.xy):
        column, row = (int(value) for value in place)
        assert green[row - 2 : row + 3, column - 2 : column + 3].mean() > 0.6


def test_the_last_state_wins_over_those_before(hand: Hand) -> None:
    """Many changes in one moment: what is shown in the end is of the last."""
    count = len(hand.canvas.latent_view.rows)
    drawn = []
    hand.canvas.shown.connect(lambda: drawn.append(1))
    for k in range(30):
        mask = np.zeros(count, dtype=bool)
        mask[: 100 * (k % 2)] = True
        hand.canvas.set_selection(mask)
        hand.canvas.set_colours(np.tile(GREEN if k < 29 else [0.1, 0.2, 0.9, 1], (count, 1)))
        hand.overlay.transform.look_at(0, 0, 50 + k)
        pause(0.002)
    hand.settle()
    assert len(drawn) < 30
    image, camera = hand.overlay.picture
    assert camera == hand.overlay.transform.camera
    rgb = qimage_to_array(image)[..., :3].astype(int)
    assert (rgb[..., 0] > 150).any(), "the selected are highlighted"
    assert not ((rgb[..., 1] > 100) & (rgb[..., 0] < 80)).any(), "no green is left"


def test_the_camera_follows_a_view_that_drifts_until_it_is_moved_by_hand(hand: Hand) -> None:
    """New latents of the same axes, elsewhere or of another size."""
    view = hand.overlay.transform
    for drift, size in ((8.0, 1.0), (0.0, 1.0), (0.0, 5.0)):
        xy = size * cloud() + np.float32(drift)
        hand.canvas.set_view(view_of(xy), np.tile(GREEN, (len(xy), 1)))
        middle = view.to_view(np.array([[200.0, 150.0]]))[0]
        np.testing.assert_allclose(middle, [drift, drift], atol=0.3 * size)
        inside = (view.to_pixels(xy) >= 0) & (view.to_pixels(xy) <= [400, 300])
        assert inside.all(axis=1).mean() > 0.99
    view.look_at(1.0, 1.0, 33.0)
    hand.canvas.set_view(view_of(cloud() + 20), np.tile(GREEN, (3000, 1)))
    assert (*view.centre, view.zoom) == (1.0, 1.0, 33.0)


def test_a_view_without_particles_is_empty(hand: Hand) -> None:
    shown = hand.canvas.latent_view
    none = replace(shown, rows=shown.rows[:0], xy=shown.xy[:0])
    hand.canvas.set_view(none, np.tile(GREEN, (3000, 1)))
    hand.canvas.set_selection(np.ones(3000, dtype=bool))
    hand.settle()
    QTest.mouseMove(hand.overlay, QPoint(200, 150))
    settle()
    assert qimage_to_array(hand.overlay.picture[0]).max() == 0
    assert not any(row for (row,) in hand.told["hovered"])


def test_clear_leaves_nothing_even_of_what_is_being_drawn(hand: Hand) -> None:
    hand.canvas.fit()
    hand.overlay.transform.look_at(0.1, 0.1, 77)
    hand.canvas.clear()
    hand.settle()
    assert hand.overlay.picture is None
    assert hand.shot().max() == 0
    assert len(hand.canvas.drawn_rows) == 0


def near(shot: np.ndarray, hand: Hand, x: float, y: float, reach: int = 3) -> np.ndarray:
    """(n, 3) colours around a place of the view."""
    at = hand.pixel(x, y)
    box = shot[at.y() - reach : at.y() + reach + 1, at.x() - reach : at.x() + reach + 1]
    return box.reshape(-1, 3)


def test_marks_path_contours_and_backdrop_are_in_their_places(hand: Hand) -> None:
    hand.begin(np.array([[-3.0, -2.0], [3.0, 2.0]], dtype=np.float32))
    canvas = hand.canvas
    canvas.set_marks([Mark((-1.0, 1.0), "A", (1.0, 0.0, 0.0))])
    path = np.array([(-2.0, 0.0), (-1.0, 0.0), (0.0, 0.0), (1.0, 0.0)])
    canvas.set_path(path, np.array([5, 5, 0, 0]), current=2.5)
    canvas.set_contours([(np.array([(-2.0, -1.0), (2.0, -1.0)]), (0.0, 0.0, 1.0, 1.0))])
    shot = hand.shot()
    assert (near(shot, hand, -1, 1) == [255, 0, 0]).all(axis=1).any()
    supported, grey = near(shot, hand, -1.5, 0, 2), near(shot, hand, -0.5, 0, 6)
    assert np.ptp(supported.max(axis=0)) > 100, "in colour where particles support it"
    spread = np.ptp(grey[grey.max(axis=1) > 100], axis=1)
    assert len(spread)
    assert spread.max() < 40, "grey where they do not"
    ring = hand.pixel(0.5, 0)  # half way between the last two steps
    assert np.ptp(shot[ring.y() - 8, ring.x()]) > 100
    assert (near(shot, hand, 0, -1, 1)[:, 2] > 150).any()
    blue = np.zeros((10, 20, 4), dtype=np.uint8)
    blue[:5] = (0, 200, 255, 255)  # the upper half
    canvas.set_backdrop(blue, ((-3.0, -2.0), (3.0, 2.0)))
    shot = hand.shot()
    assert near(shot, hand, 2.0, 1.5, 0)[0] == pytest.approx([0, 200, 255], abs=15)  # and grid
    assert near(shot, hand, 2.0, -1.5, 0)[0].max() < 60
    assert near(shot, hand, 3.0, 2.0, 1)[:, 1].max() > 210, "particles lie on the backdrop"


def test_a_path_that_does_not_fit_its_support_is_refused(hand: Hand) -> None:
    with pytest.raises(ValueError, match="3 numbers for 2 steps"):
        hand.canvas.set_path(np.zeros((2, 2)), np.ones(3))
    with pytest.raises(ValueError, match="must be"):
        hand.canvas.set_path(np.zeros((2, 3)))


def test_a_canvas_that_is_gone_hears_nothing_of_its_threads(hand: Hand, capsys) -> None:
    canvas = LatentCanvas()
    view = view_of(cloud(200_000))
    canvas.set_view(view, np.tile(GREEN, (200_000, 1)))
    hand.wait(lambda: canvas._workers.busy("picture"))  # the thread has just begun
    gone = []
    canvas.destroyed.connect(lambda: gone.append(True))
    canvas.deleteLater()
    QCoreApplication.sendPostedEvents(canvas, QEvent.Type.DeferredDelete)
    assert gone
    settle()
    assert capsys.readouterr().err == ""
