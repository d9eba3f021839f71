"""Rigid bodies on the Deformation page: an arm that swings, and the body at rest."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from deformation_fakes import SwingingJob
from explore_fakes import BOX, PIXEL_SIZE
from explore_window import Window
from qt_waiting import handle_events
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QMessageBox
from scipy.spatial.transform import Rotation

from napari_conformix.analysis.motion import body_masks, find_domains, with_caution
from napari_conformix.errors import UserError
from napari_conformix.export.multibody import RefinedBody, write_multibody
from napari_conformix.training import events
from napari_conformix.widgets.colours import palette
from napari_conformix.widgets.motion import DeformationPage
from napari_conformix.widgets.session import axes

CENTRE = np.array([0.0, 26.0, 0.0])
LAYER = "Rigid bodies"


class BodiesJob(SwingingJob):
    """90 Gaussians of a body at rest below, 60 of an arm above that turns by 12 degrees RMS."""

    caution: str | None = None

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        rng = np.random.default_rng(3)
        below = rng.uniform(-12, 12, (90, 3)) - np.array([0, 16, 0])
        self.arm = np.arange(150) >= 90
        self.place = np.vstack([below, rng.uniform(-9, 9, (60, 3)) + CENTRE])
        turns = Rotation.from_rotvec(np.radians(rng.normal(0, 12, (40, 1))) * [[0, 0, 1.0]])
        self.moves_by = np.zeros((40, 150, 3))
        for move, turn in zip(self.moves_by, turns, strict=True):
            move[self.arm] = turn.apply(self.place[self.arm] - CENTRE) + CENTRE
            move[self.arm] -= self.place[self.arm]
        self.bodies_asked: list[int] = []

    def domains(self, bodies: int, half: int = 1, seed: int = 0):
        self.bodies_asked.append(bodies)
        found = find_domains(self.moves_by, self.place, bodies, seed, pieces="beads")
        return found if self.caution is None else with_caution(found, self.caution)

    def write_body_masks(self, domains, folder, *, overwrite=False) -> list[Path]:
        masks = body_masks(domains.labels, domains.positions, BOX, PIXEL_SIZE)
        bodies = [RefinedBody(mask, 0, 10.0, 5.0) for mask in masks]
        return write_multibody(bodies, PIXEL_SIZE, folder, overwrite=overwrite)


class BodiesWindow(Window):
    def __init__(self) -> None:
        super().__init__()
        self.deformation = DeformationPage(self.page.space)
        self.group = self.deformation.bodies
        self.viewer.window.add_dock_widget(self.deformation, name="Deformation", area="left")
        handle_events()

    def click(self, button) -> None:
        assert button.isVisible()
        assert button.isEnabled()
        place = QPoint(min(12, button.width() // 2), button.height() // 2)
        QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=place)

    def type_count(self, count: int) -> None:
        self.group.count.lineEdit().selectAll()
        QTest.keyClicks(self.group.count.lineEdit(), str(count))
        QTest.keyClick(self.group.count.lineEdit(), Qt.Key.Key_Return)

    def find(self, count: int) -> None:
        self.type_count(count)
        self.click(self.group.find)
        self.settle()

    @property
    def layer(self):
        return next((layer for layer in self.viewer.layers if layer.name == LAYER), None)

    @property
    def in_scene(self) -> bool:
        return self.layer is not None and self.layer.visible


WINDOW = BodiesWindow


@pytest.fixture
def window(shared, tmp_path):
    shared.open(BodiesJob(tmp_path))
    shared.deformation.set_active(True)
    shared.settle()
    yield shared
    shared.deformation.set_active(False)
    shared.leave()


# -- what is shown --------------------------------------------------------------------------------


def test_each_gaussian_has_the_colour_of_its_body_where_it_is(window) -> None:
    window.find(2)
    layer, job = window.layer, window.job
    assert window.in_scene
    np.testing.assert_allclose(layer.data, axes.to_napari(job.place), atol=1e-4)
    np.testing.assert_allclose(layer.face_color[~job.arm][:, :3], [palette(0)] * 90, atol=1e-3)
    np.testing.assert_allclose(layer.face_color[job.arm][:, :3], [palette(1)] * 60, atol=1e-3)


def test_the_bodies_are_seen_one_above_the_other(window) -> None:
    window.find(2)
    picture = window.scene_picture()
    blue = picture[..., 2] > picture[..., 0] + 60
    orange = picture[..., 0] > picture[..., 2] + 60
    assert min(blue.sum(), orange.sum()) > 300
    # the arm is above the body, and y points up
    assert np.argwhere(orange)[:, 0].mean() < np.argwhere(blue)[:, 0].mean() - 20


def test_the_legend_has_a_line_a_body_and_the_sentence_below(window) -> None:
    window.find(2)
    text = window.group.table.text()
    turned = window.group.found.domains.bodies[1]
    assert text.count("⬤") == 2
    assert ">&nbsp;&nbsp;Beads<" in text  # what the method says its pieces are
    assert ">&nbsp;&nbsp;90<" in text
    assert ">&nbsp;&nbsp;60<" in text
    assert turned.rotation_degrees == pytest.approx(12, abs=3)
    assert f"{turned.rotation_degrees:.1f}°" in text
    assert "two bodies explain 100%" in window.group.verdict.text()
    assert "⚠" not in window.group.verdict.text()
    assert window.group.doubt.isHidden()
    # nothing is wider than the page
    assert window.group.minimumSizeHint().width() < 440


def test_bodies_that_are_not_to_be_believed_are_shown_with_a_warning(window) -> None:
    window.job.caution = "No motion beyond its error: 0.8 A against 2 A."
    window.find(2)
    text = window.group.verdict.text()
    assert window.group.verdict.isVisible()
    assert window.group.doubt.isVisible()
    assert "⚠" in text
    assert "do not take these bodies for domains. No motion beyond its error: 0.8 Å" in text


def test_one_body_is_no_reason_to_write_masks(window) -> None:
    window.find(1)
    assert window.group.table.text().count("⬤") == 1
    assert "two bodies explain" in window.group.verdict.text()
    assert not window.group.write.isEnabled()
    assert " -o " not in window.group.command.toPlainText()


def test_more_bodies_than_the_gaussians_allow_are_refused_in_words(window) -> None:
    window.find(2)
    window.find(12)
    assert "150 beads are too few for 12 bodies" in window.group.said.text()
    assert not window.in_scene
    assert not window.group.table.isVisible()
    assert window.group.busy_bar.isHidden()


def test_more_bodies_than_there_are_end_as_those_that_can_be_distinguished(window) -> None:
    window.find(4)
    count = len(window.group.found.domains.bodies)
    assert window.group.table.text().count("⬤") == count
    words = window.group.verdict.text()
    assert "could be told apart" in words or "Two would do" in words


# -- what else the scene shows --------------------------------------------------------------------


def test_arrows_and_bodies_take_turns(window) -> None:
    page = window.deformation

    def arrows() -> bool:
        return any(x.name == "Displacement arrows" and x.visible for x in window.viewer.layers)

    page.motion.pick(5)
    window.settle()
    assert arrows()
    window.find(2)
    assert window.in_scene
    assert not arrows()
    assert "2 rigid bodies" in window.page.scene.label
    window.click(window.group.show_box)
    window.settle()
    assert not window.in_scene
    assert arrows()
    window.click(window.group.show_box)
    page.motion.pick(6)
    window.settle()
    assert not window.in_scene
    assert arrows()
    assert "Particle 6 " in window.page.scene.label


def test_leaving_the_page_takes_the_bodies_away_until_it_is_back(window) -> None:
    window.find(2)
    window.deformation.set_active(False)
    window.settle()
    assert not window.in_scene
    window.deformation.set_active(True)
    window.settle()
    assert window.in_scene


def test_bodies_go_with_their_job(window, tmp_path) -> None:
    window.find(2)
    window.session.close()
    window.settle()
    assert not window.in_scene
    assert window.group.found is None
    assert not window.group.isEnabled()
    assert not window.group.table.isVisible()
    folder = tmp_path / "next"
    folder.mkdir()
    window.open(BodiesJob(folder))
    assert not window.in_scene
    assert window.group.isEnabled()
    assert str(folder) in window.group.command.toPlainText()


def test_bodies_of_an_earlier_epoch_say_so(window) -> None:
    window.find(2)
    assert not window.group.age.isVisible()
    window.job.epoch = 13
    window.job.tell(events.Latents(epoch=13))
    window.wait(lambda: window.group.age.isVisible())
    assert "epoch 12" in window.group.age.text()
    window.settle()
    assert window.in_scene
    window.click(window.group.find)
    window.settle()
    assert not window.group.age.isVisible()


def test_the_newest_number_of_bodies_wins(window) -> None:
    for count in (1, 3, 4, 2):
        window.type_count(count)
        window.click(window.group.find)
    assert window.group.busy_bar.isVisible()
    assert "Finding 2 rigid bodies" in window.group.said.text()
    window.settle()
    assert window.group.found.asked == 2
    assert window.job.bodies_asked == [1, 2]
    assert window.group.busy_bar.isHidden()
    assert window.group.said.isHidden()


# -- masks ----------------------------------------------------------------------------------------


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """The folder that the dialog gives."""
    folder = tmp_path / "masks"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    return folder


def test_masks_hold_their_bodies_and_the_commands_name_them(window, chosen) -> None:
    window.find(2)
    window.click(window.group.write)
    window.settle()
    for number, part in ((1, ~window.job.arm), (2, window.job.arm)):
        mask = mrcfile.read(chosen / f"body_{number:03d}_mask.mrc")
        own = np.round(window.job.place[part] / PIXEL_SIZE).astype(int) + BOX // 2
        other = np.round(window.job.place[~part] / PIXEL_SIZE).astype(int) + BOX // 2
        assert mask[tuple(own.T[::-1])].min() == 1
        assert mask[tuple(other.T[::-1])].mean() < 0.5
    command = window.group.command.toPlainText()
    assert f"conformix domains {window.job.folder} --bodies 2 -o {chosen}" in command
    assert f"--multibody_masks {chosen / 'bodies.star'}" in command
    assert "Wrote 2 masks" in window.group.saved.text()


def test_masks_that_are_there_are_replaced_only_after_a_yes(window, chosen, monkeypatch) -> None:
    chosen.mkdir()
    old = chosen / "body_001_mask.mrc"
    old.write_bytes(b"precious")
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    questions = []

    def question(parent, title, text, *_):
        questions.append(text)
        return answers[len(questions) - 1]

    monkeypatch.setattr(QMessageBox, "question", question)
    window.find(2)
    window.click(window.group.write)
    window.settle()
    assert old.read_bytes() == b"precious"
    assert not (chosen / "bodies.star").exists()
    assert str(chosen) in questions[0]
    window.click(window.group.write)
    window.settle()
    assert mrcfile.read(old).shape == (BOX,) * 3


def test_a_folder_that_relion_cannot_read_is_refused_in_words(window, tmp_path) -> None:
    window.find(2)
    window.group.write_masks(tmp_path / "with space")
    window.settle()
    assert "RELION cannot read names with spaces" in window.group.saved.text()
    assert not (tmp_path / "with space").exists()


def test_without_a_model_the_job_says_why(window, monkeypatch) -> None:
    def refuse(bodies: int):
        raise UserError("Train the job first.")

    monkeypatch.setattr(window.job, "domains", refuse)
    window.find(2)
    assert "Train the job first." in window.group.said.text()
    assert "Train the job first." in window.messages
    assert window.group.find.isEnabled()
