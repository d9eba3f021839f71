"""Movies made in the window: it goes on being used, and nothing half done is left."""

import shlex
from dataclasses import replace
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pytest
from explore_fakes import FakeJob
from explore_window import Window
from qtpy.QtCore import QTimer
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog

from napari_conformix.analysis.paths import making
from napari_conformix.cli.app import app
from napari_conformix.cli.conformations.movie import movie as movie_command_line
from napari_conformix.cli.conformations.movie_options import WhichOptions
from napari_conformix.errors import UserError
from napari_conformix.widgets.movies import MovieGroup
from napari_conformix.widgets.movies.studio import Studio, view_of


@pytest.fixture(scope="module")
def opened(screen):
    """One window with the Explore page and the group."""
    window = Window()
    group = MovieGroup(window.session, window.page.canvas)
    window.viewer.window.add_dock_widget(group, name="Movie", area="right")
    yield window, group
    window.close()
    assert Studio._kept is None  # the window takes its studio along


@pytest.fixture
def used(opened, tmp_path):
    """The window with a job, and a path of four steps in the form."""
    window, group = opened
    job = FakeJob(tmp_path)
    window.open(job)
    group.forget()
    group.form.size_box.setCurrentText("Other")
    group.form.width_box.setValue(200)
    group.form.height_box.setValue(160)
    group.form.turn.setValue(0)
    group.set_path(making.along_motion(job.latents(), 1, 4, half=1))
    yield window, group, job
    window.wait(lambda: not group.running)
    window.session.close()


def wait(window: Window, group: MovieGroup) -> None:
    window.wait(lambda: not group.running, 60)
    window.settle()


def test_a_movie_is_made_while_the_window_is_used(used) -> None:
    window, group, job = used
    assert group.file == job.folder / "movies" / "motion_1_half1.mp4"
    assert group.form.length.text() == "7 frames, 0.6 s"
    camera = window.viewer.scene.camera
    ticks, moved, shown = [], [], []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(group.bar.value()))
    timer.start(1)

    def use(done: int, total: int) -> None:
        if done == 3:  # the user turns the scene and moves the cursor meanwhile
            camera.angles = (5.0, 60.0, 0.0)
            moved.append(view_of(window.viewer))
            window.page.conformation.decode.shown.connect(shown.append)
            window.page.canvas.cursor_moved.emit(2.0, 0.0)

    group.recorder.progressed.connect(use)
    group.make.click()
    assert group.running
    assert not group.make.isEnabled()
    assert group.stop.isVisibleTo(group)
    window.wait(lambda: not group.running, 60)
    timer.stop()  # a window that is looked at every millisecond is never at rest
    window.wait(lambda: bool(shown))
    window.settle()
    group.recorder.progressed.disconnect(use)
    assert len(set(ticks)) >= 6  # between any two frames the window had its turn
    assert view_of(window.viewer) == moved[0]
    made = imageio.get_reader(job.folder / "movies" / "motion_1_half1.mp4")
    frames = [frame for frame in made]  # noqa: C416 - its length is not known
    assert len(frames) == 7
    assert frames[0].shape == (160, 200, 3)
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() < 1  # the camera of the beginning
    assert "Saved" in group.said.text()
    assert group.open_folder.isVisibleTo(group)
    assert group.file.name == "motion_1_half1_2.mp4"  # the next one does not replace it


def test_the_movie_shows_what_the_scene_shows(used, tmp_path) -> None:
    window, group, _ = used
    scene = window.page.scene
    window.page.conformation.contour.setValue(0.6)
    scene.set_ghost(False)
    scene.tint_conformation((0.9, 0.2, 0.2))
    window.settle()
    group.file_edit.setText(str(tmp_path / "red.gif"))
    group.form.inset.setChecked(False)
    group.make_movie()
    film = group.recorder._film
    assert film.contour == pytest.approx(0.6, abs=0.01)
    wait(window, group)
    scene.tint_conformation(None)
    scene.set_ghost(True)
    group.form.inset.setChecked(True)
    frame = imageio.get_reader(tmp_path / "red.gif").get_data(2)[30:, ..., :3].astype(int)
    assert (frame[..., 0] > frame[..., 2] + 25).sum() > 500
    assert (frame[..., 2] > frame[..., 0] + 25).sum() == 0


@pytest.mark.parametrize("how", ["stop", "close the job", "error"])
def test_what_ends_early_leaves_nothing(used, tmp_path, monkeypatch, how: str) -> None:
    window, group, job = used
    job.decode_seconds = 0.05
    file = tmp_path / "film.mp4"
    file.write_bytes(b"before")
    group.file_edit.setText(str(file))
    group.make_movie()
    assert "exists" in group.said.text()
    if how == "error":
        first = job.decode

        def fails(latent, half=None, epoch=None):
            if len(job.decoded) > 2:
                raise UserError("The model is gone.")
            return first(latent, half, epoch)

        monkeypatch.setattr(job, "decode", fails)
    group.make_movie(overwrite=True)
    if how != "error":
        window.wait(lambda: group.bar.value() >= 2)
        (group.stop.click if how == "stop" else window.session.close)()
    wait(window, group)
    assert file.read_bytes() == b"before"
    assert [path.name for path in tmp_path.glob(".*")] == []
    said = "The model is gone." if how == "error" else "Stopped; no file was written."
    assert said in group.said.text()
    assert group.stop.isEnabled()
    assert not any(layer.visible for layer in Studio.open().viewer.layers)


def test_another_movie_follows_one_that_failed(used, tmp_path, monkeypatch) -> None:
    window, group, job = used
    monkeypatch.setattr(job, "decode", lambda *_, **__: 1 / 0)
    group.file_edit.setText(str(tmp_path / "film.gif"))
    group.make_movie()
    wait(window, group)
    assert "No movie was made" in group.said.text()
    monkeypatch.undo()
    group.make_movie()
    wait(window, group)
    assert (tmp_path / "film.gif").exists()


def test_maps_and_a_script_are_written_in_a_worker(used, tmp_path) -> None:
    window, group, _ = used
    group.write_maps(tmp_path / "maps")
    assert group.running
    wait(window, group)
    assert len(list((tmp_path / "maps").glob("map_*.mrc"))) == 4
    script = (tmp_path / "maps" / "play.cxc").read_text()
    assert f"level {window.page.scene.threshold:.8g} " in script
    assert "color #5c9ef2" in script  # the conformation's colour in the scene
    assert f"open {tmp_path / 'maps' / 'play.cxc'}" in group.said.text()
    group.write_maps(tmp_path / "maps")
    assert "--overwrite" in group.said.text()


def test_maps_can_be_stopped(used, tmp_path) -> None:
    window, group, job = used
    job.decode_seconds = 0.2
    group.write_maps(tmp_path / "maps")
    window.wait(lambda: bool(job.decoded))
    group.stop_now()
    wait(window, group)
    assert "Stopped" in group.said.text()
    assert not (tmp_path / "maps").exists()


def test_the_command_line_asks_for_the_same_movie(used, monkeypatch) -> None:
    window, group, job = used
    form = group.form
    form.turn.setValue(-90)
    form.back.setChecked(False)
    form.label.setChecked(False)
    form.title.setText("It's a swing")
    form.corner.setCurrentText("top left")
    form.seconds.setValue(2.5)
    window.viewer.scene.camera.angles = (20.0, -35.0, 10.0)
    window.viewer.scene.camera.center = (4.0, -3.0, 2.0)
    group.fold.button.setChecked(True)
    made = []
    monkeypatch.setattr(
        "napari_conformix.cli.conformations.movie._make",
        lambda *given: made.append(given),
    )
    for line in group.command.toPlainText().splitlines():
        words = shlex.split(line)
        assert words[0] == "conformix"
        command, bound, _ = app.parse_args(words[1:], exit_on_error=False, print_error=False)
        assert command is movie_command_line
        command(*bound.args, **bound.kwargs)
    (folder, which, to, options), (_, _, maps_to, _) = made
    assert (folder, which) == (job.folder, WhichOptions(motion=1, steps=4, half=1))
    assert (to.output, to.maps) == (group.file, None)
    assert (maps_to.output, maps_to.maps) == (None, Path("maps"))
    wanted = group._options(window.session)
    same = {"view", "contour", "consensus"}
    assert options.model_dump(exclude=same) == wanted.model_dump(exclude=same)
    assert options.contour == pytest.approx(wanted.contour, rel=1e-5)
    for name, value in wanted.view.model_dump().items():
        assert getattr(options.view, name) == pytest.approx(value, rel=1e-3, abs=1e-3), name
    form.back.setChecked(True)
    form.label.setChecked(True)
    form.seconds.setValue(0)
    form.title.clear()
    form.corner.setCurrentIndex(0)


def test_a_path_without_a_name_is_to_be_saved_first(used) -> None:
    _, group, _ = used
    group.fold.button.setChecked(True)
    drawn = replace(group.path, kind="drawn", how={"map": "motion", "axes": [0, 1]})
    group.set_path(drawn)
    assert "Save the path" in group.command.toPlainText()
    group.set_name("swing 2")
    assert "--path 'swing 2'" in group.command.toPlainText()
    assert group.file.name == "swing_2.mp4"


def test_files_are_chosen_and_shown(used, tmp_path, monkeypatch) -> None:
    window, group, _ = used
    answers = [(str(tmp_path / "a"), "Animated picture (*.gif)"), (str(tmp_path / "b.mp4"), "")]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: answers.pop(0))
    group.choose.click()
    assert group.file == tmp_path / "a.gif"
    assert group.form.length.text().endswith("then again")
    (tmp_path / "b.mp4").touch()
    group.choose.click()  # Qt has asked whether it may be replaced
    group.make.click()
    wait(window, group)
    assert (tmp_path / "b.mp4").stat().st_size > 1000
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    group.open_folder.click()
    assert opened == [str(tmp_path)]


def test_nothing_can_be_made_without_a_path(used) -> None:
    _, group, _ = used
    group.set_path(None)
    assert not group.make.isEnabled()
    assert not group.save_maps.isEnabled()
    assert "path first" in group.form.length.text()
