"""Two jobs side by side in a real window: one selection, one particle at both cursors."""

from types import SimpleNamespace

import numpy as np
import pytest
from compare_fakes import GREY, OneModel, TwoModels, Untrained
from explore_window import Window
from qt_waiting import handle_events, pause, settle
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_conformix.analysis.selections import points_in_polygon
from napari_conformix.errors import UserError
from napari_conformix.training import events
from napari_conformix.widgets.latent_view.lasso import Mode, Tool
from napari_conformix.widgets.second_view.scene import OtherScene

WINDOW = Window

_BUTTON = Qt.MouseButton.LeftButton
_PLAIN = Qt.KeyboardModifier.NoModifier


class Pair:
    """A window with two jobs, and a hand on the second view."""

    def __init__(self, window: Window, first: TwoModels, second: OneModel) -> None:
        self.window, self.first, self.second = window, first, second
        self.page, self.group = window.page, window.page.compare

    def open(self, second: OneModel | None = None) -> None:
        self.group.beside.other.open_job(second or self.second)
        self.wait(lambda: self.group.beside.matching is not None)
        self.wait(lambda: self.group.views.latent_view is not None)
        self.wait(lambda: self.group.conformation.scene.threshold is not None)
        self.settle()

    def wait(self, condition) -> None:
        self.window.wait(condition)

    def settle(self) -> None:
        self.window.settle()

    @property
    def canvas(self):
        return self.group.panel.canvas

    def drag(self, places: list[tuple[float, float]], modifier=_PLAIN, seconds: float = 0) -> None:
        """Press, move through places of the second view and let go."""
        pixels = self.canvas.overlay.transform.to_pixels(np.array(places))
        native = self.canvas.native
        pixels = np.clip(pixels, 2, [native.width() - 3, native.height() - 3])
        points = [QPoint(*map(round, pixel)) for pixel in pixels]
        widget = native.childAt(points[0]) or native
        QTest.mousePress(widget, _BUTTON, modifier, points[0])
        for point in points[1:]:
            QTest.mouseMove(widget, point)
            pause(seconds) if seconds else QApplication.processEvents()
        QTest.mouseRelease(widget, _BUTTON, modifier, points[-1])
        QApplication.processEvents()

    def lasso(self, low: float, high: float, modifier=_PLAIN) -> np.ndarray:
        """Around the particles of the second view between two x; returns its rows inside."""
        self.group.panel.bar.tools[Tool.LASSO].click()
        bottom, top = (limit[1] for limit in self.group.views.latent_view.extent)
        before = len(self.page.history.steps)
        self.drag([(low, bottom), (high, bottom), (high, top), (low, top)], modifier)
        self.wait(lambda: len(self.page.history.steps) > before)
        self.settle()
        view = self.group.views.latent_view
        polygon = np.array(self.page.history.steps[-1]["polygon"])
        return view.rows[points_in_polygon(view.xy, polygon)]

    def highlighted(self) -> np.ndarray:
        """Rows of the second job that its view shows as selected."""
        return np.flatnonzero(self.canvas._selection)


@pytest.fixture
def pair(shared, tmp_path):
    first = TwoModels(tmp_path / "run1")
    shared.open(first)
    # Two thirds of the particles in another order, and some that the first job lacks.
    images = np.random.default_rng(0).permutation(1800)[:1200]
    made = Pair(shared, first, OneModel(tmp_path / "run2", first, images))
    made.images = images
    made.open()
    yield made
    shared.leave()
    handle_events()


# -- the same particles ---------------------------------------------------------------------------


def test_the_two_are_named_and_counted(pair: Pair) -> None:
    both = int((pair.images < 1500).sum())
    said = pair.group.said.text()
    assert said.startswith(f"DynaMight run1 and OPUS-DSD run2: {both:,} of 1,500 particles are in")
    assert f"The other file has {1200 - both:,} more of its 1,200" in said
    titles = [panel.dock.title.title.text() for panel in (pair.page.view_panel, pair.group.panel)]
    assert titles == ["Latent space view: DynaMight run1", "Latent space view: OPUS-DSD run2"]
    assert pair.group.panel.isVisible()
    assert pair.group.views.latent_view.space.key == "pca0"
    assert pair.window.messages == []


def test_either_view_is_coloured_by_the_other_job(pair: Pair) -> None:
    box = pair.page.views.colour_box
    names = [box.itemText(i) for i in range(box.count())]
    assert {
        "OPUS-DSD run2: component 1",
        "OPUS-DSD run2: latent 2",
        "OPUS-DSD run2: clusters kmeans2",
    } <= set(names)
    assert not any("motion" in name for name in names if name.startswith("OPUS"))
    pair.window.choose(box, "OPUS-DSD run2: component 1")
    legend = pair.page.view_panel.legend.legend
    missing = 1500 - int((pair.images < 1500).sum())
    assert f"{missing:,} without a value in grey" in legend.note
    # The colours follow the angle, which is what both jobs have seen.
    rgba = pair.page.views.colours.made.rgba
    known = np.isin(np.arange(1500), pair.images)
    assert np.ptp(rgba[~known], axis=0).max() == 0
    brightness = rgba[known, 1].astype(float)
    assert abs(np.corrcoef(brightness, pair.first.angle[known])[0, 1]) > 0.9
    pair.window.choose(box, "OPUS-DSD run2: clusters kmeans2")
    counts = [c.count for c in pair.page.view_panel.legend.legend.categories]
    above = int((pair.first.angle[known] > 0).sum())
    assert counts == [int(known.sum()) - above, above]
    assert f"{missing:,} not in OPUS-DSD run2, grey" in pair.page.view_panel.legend.legend.note


def test_the_other_view_is_coloured_by_motion_and_selections(pair: Pair) -> None:
    box = pair.group.views.colour_box
    box.setCurrentIndex(box.findText("DynaMight run1: amount of motion"))
    pair.wait(lambda: "amount of motion" in pair.group.panel.legend.title)
    pair.wait(lambda: pair.group.panel.legend.legend.gradient is not None)
    assert pair.group.panel.legend.legend.unit == "Å RMS"
    pair.lasso(0.0, 10.0)
    pair.page.selections.save("open")
    pair.wait(lambda: pair.first.selections() == ["open"])
    pair.group.offers.refresh()
    pair.settle()
    box.setCurrentIndex(box.findText("DynaMight run1: saved selections"))
    pair.settle()
    counts = {c.label: c.count for c in pair.group.panel.legend.legend.categories}
    assert counts["open"] == len(pair.window.selected)
    assert counts["not in that job"] == int((pair.images >= 1500).sum())


def test_a_lasso_in_either_view_selects_in_both(pair: Pair) -> None:
    inside = pair.lasso(0.0, 10.0)
    expected = np.sort(pair.images[inside][pair.images[inside] < 1500])
    assert len(expected) > 300
    assert np.array_equal(pair.window.selected, expected)
    assert np.array_equal(np.sort(pair.images[pair.highlighted()]), expected)
    step = pair.page.history.steps[-1]
    assert step["job"] == str(pair.second.folder)
    assert step["embedding"] == "pca0"
    assert pair.window.overlay.tool is Tool.LASSO, "the tools are the same in both views"

    pair.window.lasso([(-9, -3), (-4, -3), (-4, 3), (-9, 3)])
    selected = pair.window.selected
    there = selected[np.isin(selected, pair.images)]
    assert 0 < len(there) < len(selected)
    assert np.array_equal(np.sort(pair.images[pair.highlighted()]), there)
    text = f"{len(selected):,} selected in DynaMight run1, {len(there):,} of them in OPUS-DSD run2."
    assert pair.group.panel.bar.count.text() == text
    assert pair.group.selected.text() == text


def test_add_remove_undo_redo_invert_and_clear_from_the_other_view(pair: Pair) -> None:
    history, bar = pair.page.history, pair.group.panel.bar
    first = pair.lasso(0.5, 10.0)
    one = pair.window.selected
    bar.modes[Mode.ADD].click()
    assert pair.window.overlay.mode is Mode.ADD
    second = pair.lasso(-10.0, -0.5)
    both = np.union1d(first, second)
    expected = np.sort(pair.images[both][pair.images[both] < 1500])
    assert np.array_equal(pair.window.selected, expected)
    pair.lasso(-10.0, 0.0, Qt.KeyboardModifier.AltModifier)
    assert np.array_equal(pair.window.selected, one)
    for button, count in (
        (bar.undo, len(expected)),
        (bar.undo, len(one)),
        (bar.redo, len(expected)),
    ):
        button.click()
        assert history.count == count
    bar.invert.click()
    shown = np.intersect1d(pair.images, np.arange(1500))
    assert np.array_equal(pair.window.selected, np.setdiff1d(shown, expected))
    bar.clear.click()
    assert len(pair.highlighted()) == 0
    assert not bar.clear.isEnabled()
    bar.modes[Mode.NEW].click()


# -- the same particle ----------------------------------------------------------------------------


def test_a_drag_in_either_view_marks_the_same_particle_in_the_other(pair: Pair) -> None:
    bar = pair.group.panel.bar
    bar.tools[Tool.CURSOR].click()
    pair.window.drag([(3.0, 0.0), (4.0, 0.2)])
    pair.settle()
    view, other = pair.page.latent_view, pair.group.views.latent_view
    shared = np.isin(view.rows, pair.images)
    at = np.array(pair.window.overlay.cursor_xy)
    row = view.rows[shared][np.square(view.xy[shared] - at).sum(axis=1).argmin()]
    (there,) = np.flatnonzero(pair.images == row)
    assert pair.canvas.overlay.cursor_xy == pytest.approx(other.place_of(int(there)))
    assert f"Particle {row:,} of this job is {there:,} of the other." in (
        pair.group.conformation.said.text()
    )
    # Both conformations show the particle's angle, each decoded by its own model.
    angle = pair.second.angle[there]
    assert pair.second.angle_of(pair.second.decoded[-1], None) == pytest.approx(angle, abs=0.1)
    assert pair.first.angle_of(pair.first.decoded[-1], 1) == pytest.approx(angle, abs=4)

    pair.drag([(0.0, 0.0), (-1.0, 0.3)])
    pair.settle()
    at = np.array(pair.canvas.overlay.cursor_xy)
    shared = pair.images[other.rows] < 1500
    there = other.rows[shared][np.square(other.xy[shared] - at).sum(axis=1).argmin()]
    place = view.place_of(int(pair.images[there]))
    assert pair.window.overlay.cursor_xy == pytest.approx(place)
    assert pair.second.decoded[-1] == pytest.approx(other.spot(tuple(at), 0).latent, abs=1e-4)
    assert pair.first.angle_of(pair.first.decoded[-1], 1) == pytest.approx(
        pair.second.angle[there], abs=4
    )


def test_a_drag_never_queues_up_decodes_of_the_other_job(pair: Pair) -> None:
    pair.group.panel.bar.tools[Tool.CURSOR].click()
    pair.second.decode_seconds = pair.first.decode_seconds = 0.15
    pair.drag([(-2 + 0.1 * i, 0.0) for i in range(30)], seconds=0.01)
    released = len(pair.second.decoded)
    pair.settle()
    assert pair.second.most_at_once == 1
    assert 1 < released < 30
    assert len(pair.second.decoded) - released <= 2, "the one that ran, and the newest"
    last = pair.group.views.latent_view.spot(pair.canvas.overlay.cursor_xy, 0).latent
    assert pair.second.decoded[-1] == pytest.approx(last, abs=1e-4)


def test_two_colours_with_a_contour_each(pair: Pair) -> None:
    scene: OtherScene = pair.group.conformation.scene
    assert scene.threshold == pytest.approx(GREY * pair.page.scene.threshold, rel=0.05)
    pair.group.panel.bar.tools[Tool.CURSOR].click()
    pair.drag([(0.0, 0.0), (2.0, 0.0)])
    pair.settle()
    pair.page.scene.set_ghost(False)

    def colours() -> tuple[int, int]:
        picture = pair.window.scene_picture()
        orange = (picture[..., 0] > picture[..., 2] + 30).sum()
        blue = (picture[..., 2] > picture[..., 0] + 30).sum()
        return int(orange), int(blue)

    box = pair.group.conformation.place_box
    box.setCurrentIndex(box.findData("next to"))
    orange, blue = colours()
    assert orange > 200
    assert blue > 200
    mine = pair.page.scene.threshold
    pair.group.conformation.contour.setValue(1.8 * scene.threshold)
    pair.settle()
    fewer, same = colours()
    assert fewer < 0.9 * orange
    assert same == pytest.approx(blue, rel=0.02)
    assert pair.page.scene.threshold == mine
    box.setCurrentIndex(box.findData("hidden"))
    assert colours()[0] == 0
    box.setCurrentIndex(box.findData("over"))
    pair.group.conformation.contour.setValue(0.5 * scene.threshold)  # around the other
    pair.settle()
    pair.page.conformation.set_active(False)  # another page shows its own conformation
    assert colours()[0] == 0
    pair.page.conformation.set_active(True)
    pair.settle()
    assert colours()[0] > 0
    pair.page.scene.set_ghost(True)


def test_newer_latents_of_the_other_job_keep_selection_and_particle(pair: Pair) -> None:
    pair.lasso(0.0, 10.0)
    pair.group.panel.bar.tools[Tool.CURSOR].click()
    pair.drag([(0.0, 0.0), (1.0, 0.0)])
    pair.settle()
    before, seen = pair.highlighted(), len(pair.second.decoded)
    pair.second.epoch = 13
    pair.second.tell(events.Latents(epoch=13))
    pair.wait(lambda: pair.group.views.latent_view.space.epoch == 13)
    pair.settle()
    assert np.array_equal(pair.highlighted(), before)
    assert len(pair.second.decoded) > seen, "the model is newer too"


# -- while the mouse is down or rests -------------------------------------------------------------


def begin_lasso(canvas, bar, low: float, high: float) -> np.ndarray:
    """Draw around what lies between two x and keep the button down; the polygon."""
    bar.tools[Tool.LASSO].click()
    bottom, top = (limit[1] for limit in canvas.latent_view.extent)
    corners = [(low, bottom), (high, bottom), (high, top), (low, top)]
    native, transform = canvas.native, canvas.overlay.transform
    pixels = transform.to_pixels(np.array(corners))
    pixels = np.clip(pixels, 2, [native.width() - 3, native.height() - 3]).round()
    points = [QPoint(*map(int, pixel)) for pixel in pixels]
    QTest.mousePress(native, _BUTTON, _PLAIN, points[0])
    for point in points[1:]:
        QTest.mouseMove(native, point)
        QApplication.processEvents()
    return transform.to_view(pixels)


def test_a_lasso_in_the_other_map_is_counted_while_it_is_drawn(pair: Pair) -> None:
    pair.window.lasso([(-9, -3), (-4, -3), (-4, 3), (-9, 3)])
    before = pair.window.selected
    bars = pair.window.bar, pair.group.panel.bar
    said = [bar.count.text() for bar in bars]
    bars[1].modes[Mode.ADD].click()
    polygon = begin_lasso(pair.canvas, bars[1], 0.5, 10.0)
    view = pair.group.views.latent_view
    inside = pair.images[view.rows[points_in_polygon(view.xy, polygon)]]
    mine = inside[inside < 1500]
    assert 0 < len(mine) < len(inside), "some are not in the first job"
    then = len(np.union1d(mine, before))
    # Rows of the opened job, which are what will be selected.
    expected = f"Inside {len(mine):,} of 1,500 "
    pair.wait(lambda: bars[1].count.text().startswith(expected))
    for bar in bars:
        first, second = bar.count.text().splitlines()
        assert first.startswith(expected)
        assert second == f"Let go to add them: {then:,} selected."
    assert np.array_equal(pair.window.selected, before), "nothing is selected yet"
    bars[1].cancelled.emit()
    settle()
    assert not pair.canvas.overlay.drawing
    assert [bar.count.text() for bar in bars] == said
    QTest.mouseRelease(pair.canvas.native, _BUTTON)
    settle()
    assert np.array_equal(pair.window.selected, before)
    bars[1].modes[Mode.NEW].click()


def test_a_lasso_in_the_first_map_is_counted_above_both(pair: Pair) -> None:
    bars = pair.window.bar, pair.group.panel.bar
    begin_lasso(pair.page.canvas, bars[0], 2.0, 10.0)
    pair.wait(lambda: bars[0].count.text().startswith("Inside "))
    assert bars[1].count.text() == bars[0].count.text()
    QTest.mouseRelease(pair.page.canvas.native, _BUTTON)
    pair.wait(lambda: pair.page.history.count > 0)
    settle()
    assert bars[1].count.text().startswith(f"{pair.page.history.count:,} selected in DynaMight")


def rest_on(canvas, row: int) -> int:
    """Let the mouse rest on a particle; the row of the one that is nearest to that pixel."""
    places = canvas.overlay.transform.to_pixels(canvas.latent_view.xy)
    pixel = places[np.flatnonzero(canvas.latent_view.rows == row)[0]].round()
    QTest.mouseMove(canvas.native, QPoint(*map(int, pixel)))
    return int(canvas.latent_view.rows[np.square(places - pixel).sum(axis=1).argmin()])


def test_the_particle_under_the_mouse_has_a_ring_in_the_other_map(pair: Pair) -> None:
    first, second = pair.page.canvas, pair.canvas
    for image in (900, 40):
        row = rest_on(second, int(np.flatnonzero(pair.images == pair.images[image])[0]))
        expected = first.latent_view.place_of(int(pair.images[row]))
        pair.wait(lambda: second.overlay.hovered_xy is not None)
        pair.wait(lambda at=expected: first.overlay.hovered_xy == at)
    QTest.mouseMove(second.native, QPoint(2, 2))
    pair.wait(lambda: second.overlay.hovered_xy is None)
    assert first.overlay.hovered_xy is None
    shared = np.flatnonzero(np.isin(first.latent_view.rows, pair.images))
    asked = int(first.latent_view.rows[shared[50]])
    row = rest_on(first, asked)
    pair.wait(lambda: first.overlay.hovered_xy == first.latent_view.place_of(row))
    there = np.flatnonzero(pair.images == row)
    expected = second.latent_view.place_of(int(there[0])) if len(there) else None
    settle()
    assert second.overlay.hovered_xy == expected
    QTest.mouseMove(first.native, QPoint(2, 2))
    pair.wait(lambda: first.overlay.hovered_xy is None)
    assert second.overlay.hovered_xy is None


def test_the_cursor_is_handed_over_when_the_other_job_opens(pair: Pair) -> None:
    pair.group.close_button.click()
    pair.window.bar.choose_tool(Tool.CURSOR)
    pair.window.drag([(3.0, 0.0), (4.0, 0.2)])
    pair.window.settle()
    decoded = len(pair.second.decoded)
    pair.open()
    pair.wait(lambda: pair.canvas.overlay.cursor_xy is not None)
    pair.wait(lambda: len(pair.second.decoded) > decoded)
    view = pair.page.latent_view
    shared = np.isin(view.rows, pair.images)
    at = np.array(pair.window.overlay.cursor_xy)
    row = view.rows[shared][np.square(view.xy[shared] - at).sum(axis=1).argmin()]
    (there,) = np.flatnonzero(pair.images == row)
    place = pair.group.views.latent_view.place_of(int(there))
    assert pair.canvas.overlay.cursor_xy == pytest.approx(place)
    last = pair.page.cursor.last
    assert (last.view, last.by) == ("first", "mouse")
    assert pair.page.cursor.place("beside").by == "link"
    assert pair.page.cursor.place("beside").job == str(pair.second.folder)


# -- opening and closing --------------------------------------------------------------------------


def test_closing_either_job_is_said(pair: Pair) -> None:
    pair.group.close_button.click()
    pair.settle()
    assert not pair.group.beside.is_open
    assert not pair.group.panel.isVisible()
    assert pair.page.view_panel.dock.title.title.text() == "Latent space view"
    box = pair.page.views.colour_box
    assert not any("OPUS" in box.itemText(i) for i in range(box.count()))
    pair.open()
    assert "OPUS-DSD run2" in pair.group.said.text()
    pair.window.session.close_job()
    pair.settle()
    assert not pair.group.beside.is_open
    sentence = "DynaMight run1 was closed, and OPUS-DSD run2, which stood next to it, with it."
    assert pair.window.messages == [sentence]
    assert pair.group.said.text().startswith(sentence)


def test_there_is_room_for_one_view_next_to_the_first(pair: Pair) -> None:
    first, linked = pair.page.view_panel, pair.page.linked
    for _ in range(2):
        QTest.mouseClick(linked.button, _BUTTON)
        pair.wait(lambda: linked.views.latent_view is not None)
        settle()
        assert not pair.group.beside.is_open
        assert not pair.group.panel.isVisible()
        assert linked.panel.isVisible()
        assert first.dock.title.title.text() == "Latent space view"
        alone = first.canvas.minimumSize()
        pair.open()
        assert not linked.is_open
        assert not linked.panel.isVisible()
        assert pair.group.panel.isVisible()
        assert first.dock.title.title.text() == "Latent space view: DynaMight run1"
        assert first.canvas.minimumSize() == alone, "both times it shares its room"


def test_another_opened_job_is_not_compared_with_the_old_one(pair: Pair, tmp_path) -> None:
    pair.window.open(TwoModels(tmp_path / "run3", count=400))
    assert not pair.group.beside.is_open
    assert pair.page.history.total == 400
    pair.open(OneModel(tmp_path / "run4", pair.window.job, np.arange(300)))
    assert "300 of 400 particles are in both." in pair.group.said.text()
    inside = pair.lasso(0.0, 10.0)
    assert np.array_equal(pair.window.selected, inside)


def test_other_particles_are_refused_in_a_sentence(pair: Pair, tmp_path) -> None:
    pair.group.beside.other.open_job(OneModel(tmp_path / "run5", pair.first, np.arange(5000, 5300)))
    pair.wait(lambda: bool(pair.window.messages))
    assert "No particle of" in pair.window.messages[0]
    assert not pair.group.beside.is_open
    assert pair.group.said.text().startswith("No particle of")
    assert not pair.group.panel.isVisible()
    assert pair.page.latent_view is not None, "the first job stays"


def test_what_is_no_second_job_is_refused_in_a_sentence(pair: Pair, tmp_path) -> None:
    (pair.first.folder / "job.toml").touch()
    for path, sentence in (
        (tmp_path / "nothing", "is not a job folder"),
        (pair.first.folder / "job.toml", "is the job that is open"),
    ):
        pair.window.messages.clear()
        pair.group.beside.open(path)
        assert sentence in pair.window.messages[0]
    assert pair.group.beside.is_open, "the one before stays"
    pair.window.session.close_job()
    pair.window.messages.clear()
    pair.group.beside.open(tmp_path)
    assert pair.window.messages == ["Open a job first; then another one can be put next to it."]


def test_a_job_without_latents_says_so(pair: Pair, tmp_path) -> None:
    pair.group.close_button.click()
    job = Untrained(tmp_path / "run6", pair.first, np.arange(100))
    pair.group.beside.other.open_job(job)
    pair.wait(lambda: pair.group.beside.matching is not None)
    pair.settle()
    assert "OPUS-DSD run6 has no latents yet" in pair.group.said.text()
    assert pair.window.messages == []
    pair.window.drag([(3.0, 0.0), (4.0, 0.2)])  # the first view works as ever
    pair.window.settle()
    assert pair.window.messages == []


def test_a_folder_dropped_on_the_group_is_opened_next_to_it_and_not_instead(
    pair: Pair, tmp_path, monkeypatch
) -> None:
    asked = []
    monkeypatch.setattr(pair.group.beside.other, "open_job", asked.append)
    folder = tmp_path / "run7"
    folder.mkdir()
    (folder / "job.toml").touch()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    for widget in (pair.group.choose, pair.group.panel):
        place = QPointF(5, 5)
        for kind in (QDragEnterEvent, QDropEvent):
            where = place.toPoint() if kind is QDragEnterEvent else place
            action = Qt.DropAction.CopyAction
            event = kind(where, action, data, _BUTTON, _PLAIN)
            target = widget
            while target is not None and not target.acceptDrops():
                target = target.parentWidget()  # as Qt finds who takes it
            QApplication.sendEvent(target, event)
    assert asked == [folder, folder]
    assert pair.window.session.job is pair.first


def test_agreement_is_reported_on_request_and_forgotten_with_newer_latents(pair: Pair) -> None:
    asked = []
    box = pair.group.agreement

    def compare(other: OneModel) -> SimpleNamespace:
        asked.append(other)
        return SimpleNamespace(lines=lambda: ["matched", "It gives 63 % of it.", "Groups differ."])

    pair.first.compare = compare
    box.ask.click()
    assert not box.ask.isEnabled(), "one at a time"
    pair.wait(box.ask.isEnabled)
    assert asked == [pair.second]
    assert box.said.text().replace("\N{NO-BREAK SPACE}", " ").startswith("It gives 63 % of it.")
    assert f"conformix compare {pair.first.folder} {pair.second.folder}" in box.command.text()
    pair.second.epoch = 13
    pair.second.tell(events.Latents(epoch=13))
    pair.wait(lambda: not box.said.isVisibleTo(box))

    def refuse(other: OneModel) -> None:
        raise UserError("There is nothing to compare.")

    pair.first.compare = refuse
    box.ask.click()
    pair.wait(box.ask.isEnabled)
    assert pair.window.messages == ["There is nothing to compare."]


def test_copies_of_an_image_are_selected_together(pair: Pair, tmp_path) -> None:
    pair.group.close_button.click()
    images = np.repeat(np.arange(100, 400), 3)
    pair.open(OneModel(tmp_path / "run8", pair.first, images))
    assert "up to 3 rows in the other file" in pair.group.said.text()
    pair.images = images
    inside = pair.lasso(0.0, 10.0)
    selected = np.unique(images[inside])
    assert np.array_equal(pair.window.selected, selected)
    assert np.array_equal(pair.highlighted(), np.flatnonzero(np.isin(images, selected)))
    count = len(selected)
    assert pair.group.panel.bar.count.text() == (
        f"{count} selected in DynaMight run1, {count} of them in OPUS-DSD run8 "
        f"({3 * count:,} rows there)."
    )


def test_a_cursor_without_a_shared_particle_says_so(pair: Pair) -> None:
    pair.group.close_button.click()
    job = OneModel(pair.second.folder.parent / "run9", pair.first, np.arange(3))
    half = 1 if pair.first.half[0] != 1 else 2
    pair.first.half[:3] = 3 - half  # the view of the other half shows none of the three
    pair.window.session._set_latents(pair.first, pair.first.latents())
    pair.settle()
    pair.open(job)
    pair.window.choose(pair.page.views.show_box, f"half {half} only")
    pair.wait(lambda: not pair.window.session.workers.busy("job:next to pairs"))
    pair.group.panel.bar.tools[Tool.CURSOR].click()
    pair.window.drag([(3.0, 0.0), (4.0, 0.2)])
    pair.settle()
    assert pair.window.messages == []
    assert pair.canvas.overlay.cursor_xy is None
    said = pair.group.conformation.said
    assert "No particle is in both views as they are shown" in said.text()
    pair.drag([(0.0, 0.0), (0.1, 0.0)])
    pair.settle()
    assert "Epoch 12: no particles here: extrapolated. No particle is in both" in said.text()
    assert pair.window.overlay.cursor_xy is None
