"""The Paths page in a real window, with a mouse: what is made, decoded, shown, kept."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from explore_fakes import PIXEL_SIZE
from path_fakes import PathJob, UndecodableJob
from path_timing import scrub
from paths_window import PathsWindow
from qt_waiting import handle_events
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMessageBox

from napari_conformix.analysis import spaces
from napari_conformix.analysis.checks import Heterogeneity
from napari_conformix.jobs import checks, clusters
from napari_conformix.training import events
from napari_conformix.widgets.latent_view import Mark, Tool
from napari_conformix.widgets.scene import EXTRAPOLATED, surface_of

WINDOW = PathsWindow


@pytest.fixture
def window(shared, tmp_path):
    yield from opened(shared, PathJob(tmp_path))


@pytest.fixture
def undecodable(shared, tmp_path):
    yield from opened(shared, UndecodableJob(tmp_path))


def opened(shared, job):
    shared.open(job)
    shared.kind("axis")
    shared.paths.form.half_box.setCurrentIndex(0)
    shared.paths.form.steps.setValue(7)
    shared.player.frames.cache.most_bytes = 1_000_000_000
    shared.paths.set_active(True)
    shared.settle()
    yield shared
    shared.paths.set_active(False)
    shared.leave()
    handle_events()


def shown_angle(window) -> float:
    """Where the ball is in the surface that the scene shows, in degrees: the best of many."""
    vertices = window.layer("Conformation").data[0]
    angles = np.linspace(-45, 45, 91)
    threshold = window.page.scene.threshold
    meshes = [surface_of(window.job.volume(a), PIXEL_SIZE, threshold)[0] for a in angles]
    spans = np.array([np.concatenate([m.min(axis=0), m.max(axis=0)]) for m in meshes])
    span = np.concatenate([vertices.min(axis=0), vertices.max(axis=0)])
    return float(angles[np.abs(spans - span).sum(axis=1).argmin()])


# -- playing --------------------------------------------------------------------------------------


def test_every_step_shows_the_molecule_of_its_latent(window) -> None:
    window.make()
    path = window.paths.path
    for step in (0, 3, 6):
        window.player.go_to(step)
        window.settle()
        truth = window.job.angle_of(path.latents[step], path.half)
        assert shown_angle(window) == pytest.approx(truth, abs=3)
        assert f"Step {step + 1} of 7" in window.page.scene.label
    ends = [window.job.angle_of(path.latents[step], path.half) for step in (0, 6)]
    assert abs(ends[1] - ends[0]) > 60  # of the 80 degrees that the particles span


def test_the_caption_states_position_half_epoch_and_support(window) -> None:
    window.make()
    path = window.paths.path
    lines = window.page.scene.label.splitlines()
    assert lines[0] == "Step 1 of 7"
    assert lines[1] == f"Motion 1: {path.positions[0]:+.2f} Å RMS"
    assert lines[2] == "Half 1, epoch 12"
    assert lines[3] == f"{path.support[0]} particles near"


def test_a_step_without_particles_is_grey_and_other_pages_get_the_colour_back(window) -> None:
    window.make()
    made = window.paths.path
    support = np.where(np.arange(len(made)) == 3, 0, 5)
    window.paths.show_path(replace(made, support=support))
    window.ready()
    colour = {}
    for step in (2, 3, 4, 3):
        window.player.go_to(step)
        window.settle()
        colour[step] = window.layer("Conformation").colormap.colors[0, :3]
    assert colour[3] == pytest.approx(EXTRAPOLATED)
    assert colour[2] == pytest.approx(colour[4])
    assert colour[2][2] > colour[2][0] + 0.2  # blue
    window.paths.set_active(False)
    assert window.layer("Conformation").colormap.colors[0, :3] == pytest.approx(colour[2])


def test_dragging_the_slider_scrubs_and_the_ring_goes_along(window) -> None:
    window.make()
    window.drag_slider(5)
    assert window.player.step == window.player.shown_step == 5
    line = window.decorations.path
    np.testing.assert_allclose(line.place, line.xy[5])
    assert np.array_equal(line.support, window.paths.path.support)


def test_a_click_on_a_bar_picks_its_step(window) -> None:
    window.make()
    strip = window.player.strip
    window.area.ensureWidgetVisible(strip)
    window.settle()
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(strip.centre(4)), 20))
    assert window.player.step == 4


def test_bars_and_the_slider_are_of_one_length(window) -> None:
    window.make()
    slider, strip = window.player.slider, window.player.strip
    for step in (0, 3, 6):
        handle = slider.mapToGlobal(window._handle(step)).x()
        bar = strip.mapToGlobal(QPoint(round(strip.centre(step)), 0)).x()
        assert abs(handle - bar) <= 3


@pytest.mark.parametrize(
    ("mode", "steps"),
    [("bounce", [1, 2, 3, 2, 1, 0, 1]), ("loop", [1, 2, 3, 0, 1, 2, 3]), ("once", [1, 2, 3])],
)
def test_playing_shows_every_step_in_order(window, mode, steps) -> None:
    window.paths.form.steps.setValue(4)
    window.make()
    player, seen = window.player, []
    player.mode_box.setCurrentIndex(player.mode_box.findData(mode))
    player.speed.setValue(30)
    listening = player.shown.connect(seen.append)
    window.press(player.play)
    if mode == "once":
        window.wait(lambda: not player.play.isChecked())
    else:
        window.wait(lambda: len(seen) >= len(steps))
        window.press(player.play)
    player.shown.disconnect(listening)
    assert seen[: len(steps)] == steps
    assert not player.play.isChecked()


def test_playing_waits_for_what_is_not_decoded(window) -> None:
    window.job.decode_seconds = 0.15
    window.press(window.paths.form.make)
    window.wait(lambda: window.player.shown_step == 0)
    window.player.speed.setValue(30)
    seen = []
    listening = window.player.shown.connect(seen.append)
    window.press(window.player.play)
    window.wait(lambda: len(seen) >= 5)
    window.player.shown.disconnect(listening)
    assert seen[:5] == [1, 2, 3, 4, 5]
    window.settle()


# -- decoding ahead -------------------------------------------------------------------------------


def test_each_map_is_decoded_once_and_never_two_at_a_time(window) -> None:
    before = len(window.job.decoded)
    window.make()
    for step in (6, 0, 3):
        window.player.go_to(step)
        window.settle()
    decoded = np.array(window.job.decoded[before:])
    assert len(decoded) == 7
    assert np.array_equal(np.sort(decoded, axis=0), np.sort(window.paths.path.latents, axis=0))
    assert window.job.most_at_once == 1
    assert window.player.strip.ready == set(range(7))


def test_another_contour_makes_surfaces_again_but_decodes_nothing(window) -> None:
    window.make()
    before, scene = len(window.job.decoded), window.page.scene
    contour = window.page.conformation.contour
    contour.setValue(0.7 * contour.value())
    window.ready()
    assert len(window.job.decoded) == before
    window.player.go_to(4)
    window.settle()
    volume = window.player.frames.cache.peek(4).array
    expected = surface_of(volume, PIXEL_SIZE, scene.threshold)[0]
    np.testing.assert_allclose(window.layer("Conformation").data[0], expected, atol=1e-3)
    assert window.player.contour.value() == contour.value()


def test_memory_is_bounded_and_what_left_it_is_decoded_again(window) -> None:
    window.make()
    each = window.player.frames.cache.bytes // 7
    cache = window.player.frames.cache
    cache.most_bytes = 3 * each + 1000
    window.press(window.paths.form.make)
    window.settle()
    assert cache.steps == {0, 1, 2}
    assert cache.bytes <= cache.most_bytes
    window.player.go_to(6)
    window.wait(lambda: window.player.shown_step == 6)
    window.settle()
    assert cache.steps == {4, 5, 6}
    assert f"at most {cache.most_bytes / 1e6:.0f} MB" in window.player.progress.text()


def test_while_scrubbing_the_newest_place_is_decoded_next(window) -> None:
    window.paths.form.steps.setValue(40)
    window.job.decode_seconds = 0.05
    window.press(window.paths.form.make)
    window.wait(lambda: window.player.shown_step == 0)
    before = len(window.job.decoded)
    window.player.go_to(39)
    window.wait(lambda: window.player.shown_step == 39)
    assert len(window.job.decoded) - before <= 3  # the one that ran, and perhaps the one after
    window.job.decode_seconds = 0.0
    window.settle()


def test_scrubbing_can_be_timed(window) -> None:
    window.make()
    figures = scrub(window.player, rounds=1)
    assert figures.frames >= 10
    assert figures.frames_per_second > 0  # how many, the benchmark says; others may be at work
    assert figures.longest_stall_ms > 0


# -- making ---------------------------------------------------------------------------------------


def picked(window) -> list[tuple[float, float]]:
    """Three places of the view where particles are, from left to right."""
    xy = window.page.latent_view.xy
    order = np.argsort(xy[:, 0])
    return [tuple(xy[order[int(share * (len(xy) - 1))]]) for share in (0.1, 0.5, 0.9)]


def test_points_are_clicked_marked_moved_and_taken_back(window) -> None:
    window.kind("points")
    form, places = window.paths.form.by_points, picked(window)
    window.press(form.pick)
    for place in places:
        window.click_map(*place)
    window.ready()
    assert [mark.text for mark in window.decorations.marks] == ["1", "2", "3"]
    marked = np.array([mark.xy for mark in window.decorations.marks])
    np.testing.assert_allclose(marked, places, atol=0.1)
    xy = window.paths.path.xy
    stops = [int(np.linalg.norm(xy - place, axis=1).argmin()) for place in marked]
    assert stops[0] == 0
    assert stops[2] == 6
    np.testing.assert_allclose(xy[stops], marked, atol=1e-4)

    window.drag([tuple(marked[1]), (marked[1][0], marked[1][1] + 1.0)])
    assert form.points[1][1] == pytest.approx(marked[1][1] + 1.0, abs=0.1)
    assert len(form.points) == 3
    window.press(form.undo)
    assert len(window.decorations.marks) == 2
    window.press(form.clear)
    assert window.decorations.marks == ()
    window.settle()


def test_choosing_a_tool_of_the_view_ends_picking(window) -> None:
    window.kind("points")
    button = window.paths.form.by_points.pick
    window.press(button)
    assert window.overlay.tool is Tool.POINTS
    assert not any(b.isChecked() for b in window.bar.tools.values())
    window.bar.tools[Tool.LASSO].click()
    assert window.overlay.tool is Tool.LASSO
    assert not button.isChecked()
    window.press(button)
    window.press(button)
    assert window.overlay.tool is Tool.LASSO  # as before


def test_a_line_is_drawn_by_hand(window) -> None:
    window.kind("drawn")
    window.press(window.paths.form.by_hand.draw)
    (x0, y0), (x1, y1), (x2, y2) = picked(window)
    corners = [(x0, y0), (x1, y1), (x2, y2)]
    places = [
        tuple(np.array(a) + t * (np.array(b) - a))
        for a, b in itertools.pairwise(corners)
        for t in np.linspace(0, 1, 8)
    ]
    window.drag(places)
    window.ready()
    path = window.paths.path
    assert path.kind == "drawn"
    np.testing.assert_allclose(path.xy[[0, -1]], [corners[0], corners[2]], atol=0.3)


def test_a_path_between_two_particles_begins_and_ends_with_them(window) -> None:
    window.kind("data")
    form = window.paths.form.particles
    window.press(form.pick)
    first, _, last = picked(window)
    window.click_map(*first)
    window.click_map(*last)
    window.ready()
    rows = form.rows
    latents = window.session.latents
    assert all(latents.half[list(rows)] == 1)
    assert [mark.text for mark in window.decorations.marks] == ["A", "B"]
    np.testing.assert_allclose(window.paths.path.latents[[0, -1]], latents.mean[list(rows)])
    near = np.array([window.page.latent_view.place_of(row) for row in rows])
    assert np.linalg.norm(near - [first, last], axis=1).max() < 1.0


def test_through_clusters_in_the_order_of_the_arm(window, monkeypatch) -> None:
    monkeypatch.setattr(clusters, "ClusterSet", PathJob.cluster_set)
    bands = np.digitize(window.job.angle, [-20, 0, 20])
    window.job.sets["arm"] = np.array([2, 0, 3, 1])[bands]  # numbered in another order
    window.paths.refresh()
    window.kind("clusters")
    window.settle()
    window.make()
    path = window.paths.path
    angles = [window.job.angle_of(z, path.half) for z in path.latents]
    turned = np.diff(angles)
    assert np.all(turned > 0) or np.all(turned < 0)


def test_each_half_has_paths_of_its_own(window) -> None:
    form = window.paths.form
    form.half_box.setCurrentIndex(1)
    window.make()
    assert window.paths.path.half == 2
    assert "Half 2" in window.page.scene.label
    window.choose(window.page.views.space_box, "Principal components of half 1")
    window.settle()
    assert window.decorations.path is None  # a view of the other half has no place for it
    window.kind("points")
    assert form.half == 1
    assert not form.half_box.isEnabled()


def test_what_is_missing_is_said(window) -> None:
    window.kind("points")
    window.press(window.paths.form.make)
    assert "two points" in window.paths.form.said.text()
    window.kind("data")
    window.press(window.paths.form.make)
    assert "different particles" in window.paths.form.said.text()


# -- keeping --------------------------------------------------------------------------------------


def test_a_path_is_saved_opened_exported_and_deleted(window, tmp_path, monkeypatch) -> None:
    window.make()
    saved, listed = window.paths.path, window.paths.list
    window.paths.folds["list"].button.setChecked(True)
    window.settle()
    listed.name.setText("arm")
    decoded = len(window.job.decoded)
    window.press(listed.save_button)
    window.wait(lambda: listed.names.count() == 1)
    window.settle()
    assert window.paths.path.name == "arm"
    assert len(window.player.frames.ready_steps) == 7
    assert len(window.job.decoded) == decoded  # its maps stayed
    np.testing.assert_array_equal(window.job.path("arm").latents, saved.latents)

    listed.export(tmp_path / "arm.txt")
    listed.export(tmp_path / "arm.npy")
    window.wait(lambda: (tmp_path / "arm.npy").exists() and (tmp_path / "arm.txt").exists())
    np.testing.assert_allclose(np.loadtxt(tmp_path / "arm.txt"), saved.latents, rtol=1e-5)
    np.testing.assert_array_equal(np.load(tmp_path / "arm.npy"), saved.latents)

    window.paths.form.steps.setValue(5)
    window.make()
    assert len(window.paths.path) == 5
    item = listed.names.item(0)
    place = listed.names.visualItemRect(item).center()
    QTest.mouseClick(listed.names.viewport(), Qt.MouseButton.LeftButton, pos=place)
    window.wait(lambda: len(window.paths.path) == 7)
    window.ready()

    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *arguments: yes)
    window.press(listed.delete_button)
    window.wait(lambda: window.job.paths() == [])
    window.settle()
    assert listed.names.count() == 0


def test_a_path_is_replaced_only_when_asked(window, monkeypatch) -> None:
    window.make()
    listed = window.paths.list
    listed.save("arm")
    window.wait(lambda: listed.names.count() == 1)
    window.paths.form.steps.setValue(5)
    window.make()
    no = QMessageBox.StandardButton.No
    monkeypatch.setattr(QMessageBox, "question", lambda *arguments: no)
    listed.save("arm")
    window.settle()
    assert len(window.job.path("arm")) == 7


# -- what changes meanwhile -----------------------------------------------------------------------


def test_newer_latents_leave_the_path_and_offer_to_make_it_again(window) -> None:
    window.make()
    old = window.paths.path
    window.job.models = [12]
    window.job.epoch = 13
    window.job.tell(events.Latents(epoch=13))
    window.wait(lambda: window.session.latents.epoch == 13)
    window.settle()
    assert "epoch 12" in window.player.old.text()
    assert "epoch 13" in window.player.old.text()
    assert window.paths.path is old
    window.press(window.player.again)
    window.wait(lambda: window.paths.path is not old)
    window.ready()
    assert window.paths.path.epoch == 13
    assert not window.player.old.isVisible()


def test_maps_of_an_older_epoch_are_of_its_own_model(window) -> None:
    window.make()
    window.job.epoch = 13
    window.job.tell(events.Latents(epoch=13))
    window.wait(lambda: window.session.latents.epoch == 13)
    window.settle()
    before = len(window.job.decoded_by)
    window.paths.show_path(window.paths.path)
    window.ready()
    assert window.job.decoded_by[before:] == [12] * 7


def test_leaving_gives_scene_and_view_back(window) -> None:
    window.kind("points")
    window.press(window.paths.form.by_points.pick)
    for place in picked(window):
        window.click_map(*place)
    window.ready()
    window.paths.set_active(False)
    window.settle()
    assert window.decorations.path is None
    assert window.decorations.marks == ()
    assert window.overlay.tool is Tool.CURSOR
    assert not window.layer("Conformation").visible
    assert window.page.scene.label == ""
    window.click_map(*picked(window)[0])
    window.settle()
    assert window.layer("Conformation").visible  # the Explore page decodes again
    assert "Step" not in window.page.scene.label
    window.paths.set_active(True)
    window.settle()
    assert "Step 1" in window.page.scene.label
    assert len(window.decorations.marks) == 3


def test_the_cursor_takes_steps_here_and_is_where_it_was_on_the_explore_page(window) -> None:
    window.make()
    window.paths.set_active(False)
    place = picked(window)[2]
    window.click_map(*place)
    window.settle()
    before = window.overlay.cursor_xy
    window.paths.set_active(True)
    window.settle()
    assert window.overlay.cursor_xy is None
    xy = window.decorations.path.xy
    window.drag([tuple(xy[1]), tuple(xy[4])])
    assert window.player.step == 4
    assert window.overlay.cursor_xy is None
    window.paths.set_active(False)
    assert window.overlay.cursor_xy == before
    window.settle()
    assert window.layer("Conformation").visible


def test_another_job_begins_with_nothing(window, tmp_path) -> None:
    window.make()
    folder = tmp_path / "other"
    folder.mkdir()
    window.open(PathJob(folder))
    assert window.paths.path is None
    assert window.decorations.path is None
    assert len(window.player.frames.cache) == 0
    assert "No path yet" in window.player.title_label.text()


def test_without_a_decoder_paths_can_be_made_but_not_seen(undecodable) -> None:
    window = undecodable
    window.make()
    assert window.decorations.path is not None
    assert "no decoder" in window.player.problem.text()
    window.drag_slider(4)
    line = window.decorations.path
    np.testing.assert_allclose(line.place, line.xy[4])
    assert not window.player.progress.isVisible()


def test_a_model_that_cannot_be_read_is_said_and_tried_again_for_the_next_path(
    window, monkeypatch
) -> None:
    def broken(*arguments, **named):
        raise RuntimeError("checkpoint 12 is gone")

    with monkeypatch.context() as patch:
        patch.setattr(window.job, "decode", broken)
        window.press(window.paths.form.make)
        window.wait(lambda: "checkpoint 12 is gone" in window.player.problem.text())
        window.settle()
    window.make()
    assert window.player.problem.text() == ""
    assert "Step 1 of 7" in window.page.scene.label


def test_that_held_out_images_see_no_states_stands_above_the_paths(window, monkeypatch) -> None:
    banner, told = window.paths.doubt, {"level": "none", "sentence": "Nothing moves: 3 < 4."}
    monkeypatch.setattr(spaces, "in_angstrom", lambda latents: False)
    monkeypatch.setattr(checks, "kept_heterogeneity", lambda job: Heterogeneity(**told))
    for level, shown in (("none", "bad"), ("clear", ""), ("weak", "doubt"), ("unknown", "")):
        told["level"] = level
        banner.refresh()
        window.wait(lambda shown=shown: banner.level == shown)
        assert banner.isVisible() == bool(shown)
    told["level"] = "artefact"
    banner.refresh()
    window.wait(banner.isVisible)
    assert "Nothing moves</b><br>3 &lt; 4." in banner.text()
    monkeypatch.undo()
    window.session.close()
    assert not banner.isVisible()


def test_letters_of_the_explore_page_come_back_with_it(window) -> None:
    window.kind("points")
    window.press(window.paths.form.by_points.pick)
    window.click_map(*picked(window)[0])
    assert [mark.text for mark in window.decorations.marks] == ["1"]
    window.paths.set_active(False)
    window.page.conformation._letters.put("gallery", [Mark((0.0, 0.0), "G")])
    assert [mark.text for mark in window.decorations.marks] == ["G"]
    window.paths.set_active(True)
    assert [mark.text for mark in window.decorations.marks] == ["1"]
    window.paths.set_active(False)
    assert [mark.text for mark in window.decorations.marks] == ["G"]
    window.paths.form.by_points.add(1.0, 1.0)  # what goes on here is not shown there
    assert [mark.text for mark in window.decorations.marks] == ["G"]
    window.page.conformation._letters.put("gallery", [])


def test_the_space_bar_plays_while_the_slider_has_the_focus(window) -> None:
    window.make()
    window.drag_slider(2)
    window.viewer.window.activate()
    window.player.slider.setFocus()
    window.wait(window.player.slider.hasFocus)
    QTest.keyClick(window.player.slider, Qt.Key.Key_Space)
    assert window.player.play.isChecked()
    QTest.keyClick(window.player.slider, Qt.Key.Key_Space)
    assert not window.player.play.isChecked()
