"""Reconstruct from the window: start, pause, stop, resume, find again, look at, and be refused."""

import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication
from shell_window import ShellWindow

from napari_conformix.analysis.selections import Selection
from napari_conformix.cli.app import main as conformix
from napari_conformix.jobs import Job
from napari_conformix.particles import read_map
from napari_conformix.widgets.reconstruction.result import DEFORMED, PLAIN

SMALL = {
    "epochs": 2,
    "gaussians": 60,
    "warmup_epochs": 1,
    "batch_size": 32,
    "latent_dim": 2,
    "decoder_layers": 3,
    "encoder_width": 32,
    "noise_particles": 16,
}


def _make_job(star: Path, folder: Path, **settings) -> Job:
    return Job.create(
        folder,
        method="dynamight",
        particles=star,
        consensus=star.parent / "consensus.mrc",
        mask=star.parent / "mask.mrc",
        settings={**SMALL, **settings},
        check=False,
    )


@pytest.fixture(scope="module")
def trained(star: Path, tmp_path_factory) -> Path:
    """A job of two epochs, with a selection of both halves and one of half 1 alone."""
    job = _make_job(star, tmp_path_factory.mktemp("trained") / "job")
    assert [*job.train()][-1].kind == "finished"
    half = job.split.half
    job.save_selection(Selection("open", np.arange(0, 300, 2), 300))
    job.save_selection(Selection("one sided", np.flatnonzero(half == 1), 300))
    return job.folder


@pytest.fixture(scope="module")
def reconstructed(trained: Path, tmp_path_factory) -> Path:
    """The same with a finished reconstruction, not made in the window."""
    folder = tmp_path_factory.mktemp("reconstructed") / "job"
    shutil.copytree(trained, folder)
    Job.open(folder).reconstruct(deformed=True)
    return folder


@pytest.fixture
def job(trained: Path, tmp_path: Path) -> Job:
    """A copy in which a test may leave its traces."""
    shutil.copytree(trained, tmp_path / "job")
    return Job.open(tmp_path / "job")


def _page(window: ShellWindow):
    return window.panel.pages["reconstruct"]


def _open(window: ShellWindow, folder: Path):
    window.open(folder)
    window.panel.show_page("reconstruct")
    page = _page(window)
    window.wait(lambda: page.form.offer is not None)
    return page


def _wait_run(window: ShellWindow, *states: str) -> None:
    page = _page(window)
    window.wait(lambda: page.progress.state in states, 90)


def _visible(window: ShellWindow) -> list[str]:
    return sorted(layer.name for layer in window.viewer.layers if layer.visible)


def test_from_start_to_the_map_in_the_scene(window: ShellWindow, job: Job) -> None:
    page = _open(window, job.folder)
    assert page.form.name.text() == "all_deformed"
    words = shlex.split(page.command.toPlainText())
    assert words[:4] == ["conformix", "reconstruct", str(job.folder), "--deformed"]
    window.click(page.start_button)
    window.wait(lambda: page.view.result is not None, 120)
    (run,) = job.reconstructions()
    report = run.report()
    assert page.progress.state == "finished"
    # the list is read in a worker of its own, which may come after the map's
    window.wait(lambda: page.list.entries[0].particles == "300")
    said = page.view.said.text()
    assert "300 particles reaches" in said
    assert " Å" in said
    curves = {family.name: family for family in page.view.fsc.families}
    assert set(curves) == {DEFORMED, PLAIN}
    assert list(curves[DEFORMED].curves["corrected"]) == report.curves.corrected
    assert list(curves[PLAIN].curves["masked"]) == report.plain.masked
    assert all(path.is_file() for path in page.view.result.files())
    assert page.form.name.text() == "all_deformed_2"  # the first name is taken now
    assert not window.errors()


def test_the_map_takes_the_scene_only_while_the_page_is_in_front(
    window: ShellWindow, reconstructed: Path
) -> None:
    page = _open(window, reconstructed)
    view = page.view
    window.panel.show_page("explore")
    window.wait(lambda: {"Consensus", "Conformation"} <= {*_visible(window)})
    before = _visible(window)
    window.panel.show_page("reconstruct")
    window.wait(lambda: view.layers.shown, 60)
    assert _visible(window) == ["Reconstruction"]
    layer = window.viewer.layers["Reconstruction"]
    vertices, _, values = layer.data
    local, pixel_size = read_map(
        Path(view.result.run.folder) / view.result.report.local_resolution.path
    )
    index = np.round(np.stack([vertices[:, 0], -vertices[:, 1], vertices[:, 2]]) / pixel_size)
    nearest = local[tuple(index.astype(int) + len(local) // 2)]
    known = nearest > 0
    assert np.corrcoef(values[known], nearest[known])[0, 1] > 0.9
    assert view.legend.isVisible()
    assert (view.legend.legend.unit, view.legend.legend.low) == ("Å", layer.contrast_limits[0])

    view.which.setCurrentIndex(view.which.count() - 1)  # side by side
    assert _visible(window) == ["Plain reconstruction", "Reconstruction"]
    plain = window.viewer.layers["Plain reconstruction"]
    assert plain.translate[-1] < 0 < layer.translate[-1]
    assert plain.contrast_limits == layer.contrast_limits  # colours compare
    view.colour.setCurrentIndex(1)
    assert not view.legend.isVisible()

    few = len(layer.data[0])
    view.contour.setValue(view.contour.value() * 1.5)
    window.wait(lambda: len(layer.data[0]) != few)
    window.panel.show_page("explore")
    window.wait(lambda: _visible(window) == before)
    window.panel.show_page("reconstruct")
    window.wait(lambda: _visible(window) == ["Plain reconstruction", "Reconstruction"])
    view.in_scene.setChecked(False)
    assert _visible(window) == before
    view.in_scene.setChecked(True)
    assert not window.errors()


def test_pause_stop_and_resume(window: ShellWindow, job: Job) -> None:
    page = _open(window, job.folder)
    page.form.choose("open")
    assert page.form.name.text() == "open_deformed"
    window.click(page.start_button)
    _wait_run(window, "running")
    window.click(page.buttons["pause"])
    _wait_run(window, "paused")
    (run,) = job.reconstructions()
    window.wait(lambda: any(event.kind == "paused" for event in run.events()), 60)
    assert "Resume goes on" in page.progress.outcome.text()
    assert not page.buttons["pause"].isEnabled()
    window.click(page.buttons["stop"])
    _wait_run(window, "stopped")
    assert "Resume goes on there" in page.progress.outcome.text()
    window.click(page.buttons["resume"])
    window.wait(lambda: page.view.result is not None, 120)
    assert sum(page.view.result.report.particles) == 150
    assert page.view.result.report.selection == "open"
    assert not window.errors()


def test_what_others_started_is_found_and_followed(window: ShellWindow, job: Job) -> None:
    run = job.launch_reconstruction(deformed=False)
    page = _open(window, job.folder)  # as after a restart of the window
    window.wait(lambda: page.list.current is not None)
    assert page.list.current.name == "all"
    window.wait(lambda: page.view.result is not None, 120)
    assert [family.name for family in page.view.fsc.families] == [PLAIN]
    second = job.launch_reconstruction("open", deformed=False)
    window.wait(lambda: len(page.list.entries) == 2)
    second.kill()
    page.list.choose("open")
    _wait_run(window, "interrupted")
    assert "sums saved last" in page.progress.outcome.text()
    assert page.view.result is None
    page.list.choose("all")
    window.wait(lambda: page.view.result is not None)
    assert run.state == "finished"


def test_what_cannot_be_reconstructed_is_one_sentence(window: ShellWindow, job: Job) -> None:
    page = _open(window, job.folder)
    form = page.form

    def problem() -> str:
        assert form.problem.isVisible() != page.start_button.isEnabled()
        return form.problem.text() if form.problem.isVisible() else ""

    assert problem() == ""
    form.choose("one sided")
    assert "no particles of half 2" in problem()
    form.choose(None)
    (job.folder / "reconstruction" / "mine").mkdir(parents=True)
    form.name.setText("a/b")
    form.name.textEdited.emit("a/b")
    assert "no “/”" in problem()
    form.name.setText("")
    form.name.textEdited.emit("")
    assert "Give the reconstruction a name" in problem()


def test_a_taken_name_and_missing_stacks_are_reported(
    window: ShellWindow, reconstructed: Path, star: Path, tmp_path: Path
) -> None:
    page = _open(window, reconstructed)
    page.form.name.setText("all_deformed")
    page.form.name.textEdited.emit("all_deformed")
    assert "already" in page.form.problem.text()
    window.begin()

    shutil.copytree(star.parent, tmp_path / "data")
    lost = _make_job(tmp_path / "data" / star.name, tmp_path / "lost")
    (tmp_path / "data" / "particles.mrcs").unlink()
    page = _open(window, lost.folder)
    assert "not where the particle file says" in page.form.problem.text()
    assert "particles.mrcs" in page.form.problem.text()
    assert not page.start_button.isEnabled()


def test_an_untrained_job_can_only_be_reconstructed_plainly(
    window: ShellWindow, star: Path, tmp_path: Path
) -> None:
    page = _open(window, _make_job(star, tmp_path / "new").folder)
    assert page.form.plain.isChecked()
    assert page.start_button.isEnabled()
    page.form.deformed.setChecked(True)
    assert "has not been trained yet" in page.form.problem.text()
    assert not page.start_button.isEnabled()


def test_motion_and_time_are_stated_before_the_start(
    window: ShellWindow, reconstructed: Path
) -> None:
    page = _open(window, reconstructed)
    window.wait(lambda: "300 particles on this machine" in page.form.estimate.text(), 60)
    assert "of memory" in page.form.estimate.text()
    window.wait(lambda: bool(page.advice._verdicts), 90)
    verdict = Job.open(reconstructed).verdict()
    assert not verdict.moves  # two epochs on 300 particles
    assert "Do not expect a better map" in page.form.advice.text()
    page.form.plain.setChecked(True)
    assert not page.form.advice.isVisible()


def test_the_report_is_saved_as_a_page(
    window: ShellWindow, reconstructed: Path, tmp_path: Path
) -> None:
    page = _open(window, reconstructed)
    window.wait(lambda: page.view.result is not None, 60)
    page.view.save_report(tmp_path / "report.html")
    window.wait(lambda: (tmp_path / "report.html").is_file())
    assert "all_deformed" in (tmp_path / "report.html").read_text()


def test_the_command_line_shown_makes_the_same(window: ShellWindow, job: Job) -> None:
    page = _open(window, job.folder)
    page.form.choose("open")
    page.form.plain.setChecked(True)
    page.form.name.setText("by hand")
    page.form.name.textEdited.emit("by hand")
    words = shlex.split(page.command.toPlainText())
    with pytest.raises(SystemExit) as done:
        conformix(words[1:])
    assert not done.value.code
    (run,) = job.reconstructions()
    assert (run.name, run.deformed, run.spec.selection) == ("by hand", False, "open")
    window.wait(lambda: "by hand" in [entry.name for entry in page.list.entries])


def test_scrolling_the_page_chooses_nothing(window: ShellWindow, job: Job) -> None:
    page = _open(window, job.folder)
    for box in (page.form.particles, page.form.mask):
        before = box.currentIndex()
        middle = box.rect().center()
        wheel = QWheelEvent(
            QPointF(middle), QPointF(box.mapToGlobal(middle)), QPoint(0, 0), QPoint(0, -240),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(box, wheel)
        assert box.currentIndex() == before


def test_nothing_is_cut_off_at_500_pixels(window: ShellWindow, reconstructed: Path) -> None:
    page = _open(window, reconstructed)
    window.wait(lambda: page.view.result is not None, 60)
    window.settle()
    assert page.minimumSizeHint().width() <= 500 - 30
    table = page.list
    for column in range(table.content.columnCount()):
        assert table.columnWidth(column) >= table.sizeHintForColumn(column)
