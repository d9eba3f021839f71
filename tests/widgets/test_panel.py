"""The panel in a real window: opening files, good and bad, and the Data page."""

import shutil
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from qt_waiting import handle_events
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from shell_window import ShellWindow

from napari_conformix.particles import read_map, read_particles
from napari_conformix.widgets.session import Session


@pytest.fixture
def copied(star: Path, tmp_path: Path) -> Path:
    """A copy of the data set that may be damaged."""
    shutil.copytree(star.parent, tmp_path / "data")
    return tmp_path / "data" / star.name


def _drop(widget, path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    action = Qt.DropAction.CopyAction
    entered = QDragEnterEvent(QPoint(5, 5), action, mime, buttons, keys)
    QApplication.sendEvent(widget, entered)
    assert entered.isAccepted()
    QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), action, mime, buttons, keys))


def test_a_star_opened_with_napari_is_shown_with_its_maps(window: ShellWindow, star: Path) -> None:
    layers_before = len(window.viewer.layers)
    window.open_and_check(star)
    fields = {name: field.path for name, field in window.data.form.fields.items()}
    assert fields["particles"] == star
    assert fields["consensus"] == star.parent / "consensus.mrc"
    assert fields["mask"] == star.parent / "mask.mrc"
    assert "ready to train" in window.data.problems.title.text()
    window.wait(lambda: window.data.samples.isVisible())
    window.wait(lambda: window.data.summary.isVisible())
    window.wait(lambda: len(window.viewer.layers) > layers_before or layers_before > 0)
    assert window.panel.title.text() == "particles.star: 300 particles"
    assert not window.errors()


def test_the_contour_says_what_it_encloses_and_reaches_the_training(
    window: ShellWindow, star: Path
) -> None:
    window.open_and_check(star)
    window.wait(lambda: window.data.contour.isVisible())
    contour = window.data.contour
    array, pixel_size = read_map(star.parent / "consensus.mrc")
    threshold = float(np.round(array.max() / 2, 4))
    contour.slider.setValue(threshold)
    volume = np.sum(array > contour.slider.value()) * pixel_size**3
    assert f"Encloses {volume:,.0f} Å³" in contour.text.text()
    window.wait(lambda: contour.scene.threshold == pytest.approx(contour.slider.value()))
    window.click(contour.use_button)
    chosen = window.train.form.settings.settings().threshold
    assert chosen == pytest.approx(contour.slider.value(), rel=1e-6)
    window.train.form._threshold = None


def test_problems_are_listed_together_and_checked_again(window: ShellWindow, copied: Path) -> None:
    stack = copied.parent / "particles.mrcs"
    whole = stack.read_bytes()
    stack.write_bytes(whole[: len(whole) // 2])
    mask = copied.parent / "mask.mrc"
    mask.write_bytes(b"this is no map")
    window.open_and_check(copied)
    problems = window.data.problems
    assert "to fix before training" in problems.title.text()
    assert "particles.mrcs" in problems.text.text()
    assert "mask.mrc" in problems.text.text()
    stack.write_bytes(whole)
    shutil.copy(copied.parent / "consensus.mrc", mask)
    window.click(window.data.check_button)
    window.wait(lambda: not window.session.workers.busy("data check"), 90)
    assert "particles.mrcs" not in problems.text.text()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda text: text.replace("_rlnImageName", "_rlnImagename"), "rlnImageName"),
        (lambda text: "nothing of a STAR file\n", "particles.star"),
    ],
    ids=["a column is missing", "not a STAR file"],
)
def test_a_bad_star_is_a_sentence_and_the_window_lives(
    window: ShellWindow, copied: Path, damage, expected: str
) -> None:
    copied.write_text(damage(copied.read_text()))
    window.open(copied)
    window.wait(lambda: bool(window.errors()))
    assert expected in window.errors()[0]
    assert expected in window.panel.messages.text.text()
    assert window.panel.messages.frame.isVisible()
    assert window.session.particles is None
    window.click(window.panel.messages.close_button)
    assert not window.panel.messages.frame.isVisible()


def test_dropping_on_the_panel_opens(window: ShellWindow, star: Path) -> None:
    _drop(window.panel, star)
    window.wait(lambda: window.session.particles is not None)
    assert len(window.session.particles) == 300


def test_dropping_on_a_field_fills_it(window: ShellWindow, star: Path) -> None:
    _drop(window.data.form.fields["particles"].edit, star)
    window.wait(lambda: window.session.particles is not None)
    assert window.data.form.fields["particles"].path == star


def test_a_typed_consensus_is_read_and_a_wrong_one_is_reported(
    window: ShellWindow, star: Path, tmp_path: Path
) -> None:
    window.open_and_check(star)
    edit = window.data.form.fields["consensus"].edit
    edit.selectAll()
    QTest.keyClicks(edit, str(tmp_path / "absent.mrc"))
    QTest.keyClick(edit, Qt.Key.Key_Return)
    window.wait(lambda: any("absent.mrc" in text for text in window.errors()))
    assert window.session.consensus is None
    window.wait(lambda: not window.session.workers.busy("data check"), 90)
    assert "to fix" in window.data.problems.title.text()
    edit.selectAll()
    QTest.keyClicks(edit, str(star.parent / "consensus.mrc"))
    QTest.keyClick(edit, Qt.Key.Key_Return)
    window.wait(lambda: window.session.consensus is not None)
    assert not window.panel.messages.frame.isVisible()  # what was said holds no longer
    window.wait(lambda: not window.session.workers.busy("data check"), 90)
    assert "ready to train" in window.data.problems.title.text()


def test_the_checks_heed_the_settings_of_the_train_page(
    window: ShellWindow, star: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_conformix.training import preflight

    seen = []
    real = preflight.preflight
    monkeypatch.setattr(
        preflight, "preflight", lambda *a: seen.append(a[3].invert_contrast) or real(*a)
    )
    window.open_and_check(star)
    window.train.form.settings.set_values({"invert_contrast": True})
    window.click(window.data.check_button)
    window.wait(lambda: len(seen) == 2 and not window.session.workers.busy("data check"), 90)
    window.train.form.settings.set_values({"invert_contrast": False})
    assert seen == [False, True]
    assert "contrast" in window.data.problems.text.text()


def test_files_dropped_on_the_latent_space_view_are_opened(window: ShellWindow, star: Path) -> None:
    _drop(window.panel.pages["explore"].view_panel, star)
    window.wait(lambda: window.session.particles is not None)
    assert window.session.inputs.particles == star


def test_what_is_neither_job_nor_particles_is_reported(window: ShellWindow, tmp_path: Path) -> None:
    window.session.open_path(tmp_path)
    assert "neither a job folder" in window.errors()[0]
    (tmp_path / "job.toml").write_text("format_version = 99\n")
    window.open(tmp_path)
    window.wait(lambda: len(window.errors()) == 2)
    assert "format_version 99" in window.errors()[1]


def test_opening_another_file_forgets_the_first(
    window: ShellWindow, star: Path, copied: Path
) -> None:
    window.open_and_check(star)
    (copied.parent / "consensus.mrc").unlink()
    window.open(copied)
    window.wait(lambda: window.session.inputs.particles == copied)
    assert window.session.inputs.consensus is None
    window.wait(lambda: window.session.consensus is None)
    assert not window.train.buttons["train"].isEnabled()
    assert "Data page" in window.train.hint.text()


def test_sample_data_is_made_and_opened(
    window: ShellWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_data_path", lambda *_: tmp_path)
    monkeypatch.setattr("napari_conformix.simulation.samples._PARTICLES", 60)
    monkeypatch.setattr("napari_conformix.simulation.samples._BOX", 32)
    layers = window.viewer.open_sample("napari-conformix", "adk-motion")
    assert layers[0].ndim == 3
    window.wait(lambda: window.session.particles is not None, 60)
    star = window.session.inputs.particles
    assert len(read_particles(star)) == 60
    assert tmp_path in star.parents


def test_each_viewer_has_its_own_session(window: ShellWindow) -> None:
    class Other:
        pass

    other = Other()
    assert Session.of(window.viewer) is window.session
    assert Session.of(other) is Session.of(other)
    assert Session.of(other) is not window.session
    handle_events()
