"""A domain's motion in the window: painted, measured, picked and selected with a real mouse.

The clusters' maps are those of a domain that was moved by known motions (`domain_clusters`).
"""

import threading
from html import unescape

import domain_clusters as truth
import mrcfile
import numpy as np
import pytest
from qt_waiting import handle_events
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMessageBox
from two_bodies import BOX, DOMAIN, PIXEL, REST, centre_of, mask_of

from napari_conformix.errors import UserError
from napari_conformix.particles import write_map
from napari_conformix.widgets.session import axes

_LEFT = Qt.MouseButton.LeftButton
_PLAIN, _SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
CENTRE = centre_of(DOMAIN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return truth.make_job(tmp_path_factory.mktemp("domain")).folder


class Hand:
    """The Clusters page with the job open, and what a person does with it."""

    def __init__(self, shell, folder) -> None:
        self.shell, self.folder = shell, folder
        shell.begin()
        for kept in ("masks", f"clusters/{truth.NAME}"):
            for path in [*folder.glob(f"{kept}/domain*"), *folder.glob(f"{kept}/part*")]:
                path.unlink()
        shell.open(folder)
        shell.wait(lambda: shell.session.consensus is not None and self.session.latents is not None)
        shell.panel.show_page("clusters")
        shell.wait(lambda: self.page.clusters is not None and self.group.isVisible())
        self.settle()

    @property
    def session(self):
        return self.shell.session

    @property
    def page(self):
        return self.shell.panel.pages["clusters"]

    @property
    def group(self):
        return self.page.domains

    @property
    def paint(self):
        return self.group.mask.brush.paint

    @property
    def canvas(self):
        return self.shell.viewer.window._qt_viewer.canvas.native

    def settle(self) -> None:
        self.shell.settle()

    def pixel(self, xyz) -> QPoint:
        """Where a place (A) is in the scene, seen from the front."""
        _, down, right = axes.to_napari(np.asarray(xyz, float))
        camera = self.shell.viewer.scene.camera
        _, centre_down, centre_right = camera.center
        return QPoint(
            round(self.canvas.width() / 2 + (right - centre_right) * camera.zoom),
            round(self.canvas.height() / 2 + (down - centre_down) * camera.zoom),
        )

    def click_scene(self, xyz, keys=_PLAIN) -> None:
        place = self.pixel(xyz)
        QTest.mouseMove(self.canvas, place)
        handle_events()
        QTest.mousePress(self.canvas, _LEFT, keys, place)
        handle_events()
        QTest.mouseRelease(self.canvas, _LEFT, keys, place)
        self.settle()

    def drag_scene(self, begin: QPoint, by: QPoint) -> None:
        QTest.mousePress(self.canvas, _LEFT, _PLAIN, begin)
        for share in (0.3, 0.6, 1.0):
            QTest.mouseMove(self.canvas, begin + by * share)
            handle_events()
        QTest.mouseRelease(self.canvas, _LEFT, _PLAIN, begin + by)
        self.settle()

    def click_plot(self, cluster: int, keys=_PLAIN) -> None:
        plot = self.group.plot
        self.scroll_to(plot)
        disc = next(d for d in plot.discs if d.cluster == cluster)
        place = plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(disc.x, disc.y)))
        QTest.mouseClick(plot.viewport(), _LEFT, keys, place)
        handle_events()

    def scroll_to(self, widget) -> None:
        parent = widget.parentWidget()
        while not hasattr(parent, "ensureWidgetVisible"):
            parent = parent.parentWidget()
        parent.ensureWidgetVisible(widget)
        handle_events()

    def measure(self) -> None:
        self.shell.click(self.group.measure)
        self.shell.wait(lambda: self.group.shown is not None, 60)
        self.settle()

    def load(self, path) -> None:
        self.group.mask.take_file(path)
        self.settle()


@pytest.fixture
def hand(shell, folder):
    yield Hand(shell, folder)
    shell.viewer.scene.camera.angles = (0.0, 0.0, 0.0)
    shell.session.close()


@pytest.fixture
def measured(hand, folder):
    hand.load(folder.parent / "data" / "domain.mrc")
    hand.measure()
    return hand


# -- painting -------------------------------------------------------------------------------------


def test_clicks_paint_the_domain_and_it_is_saved_as_a_soft_mask(hand, folder) -> None:
    group = hand.group
    assert not group.measure.isEnabled()
    hand.shell.click(group.mask.begin)
    group.mask.tools.radius.setValue(24.0)
    hand.click_scene(CENTRE)
    painted = hand.paint.inside
    domain, rest = mask_of(DOMAIN) > 0.5, mask_of(REST) > 0.5
    assert painted.sum() > 100
    assert (painted & domain).sum() > 0.9 * painted.sum()
    assert group.mask.brush.mask_shown
    assert "kDa" in group.mask.tools.state.text()
    hand.click_scene(centre_of(REST))
    assert (hand.paint.inside & rest & ~domain).any()
    hand.shell.click(group.mask.tools.undo)
    assert np.array_equal(hand.paint.inside, painted)
    group.mask.tools.name.setText("part")
    hand.shell.click(group.mask.tools.save)
    hand.settle()
    assert group.mask.path == folder / "masks" / "part.mrc"
    with mrcfile.open(group.mask.path) as mrc:
        assert mrc.data.shape == (BOX,) * 3
        assert mrc.voxel_size.x == pytest.approx(PIXEL)
        assert (mrc.data[painted] == 1).all()
        assert ((mrc.data > 0.05) & (mrc.data < 0.95)).any()
    assert group.measure.isEnabled()
    assert str(group.mask.path) in group.command.toPlainText()


def test_shift_takes_out_and_a_drag_turns_the_molecule(hand) -> None:
    hand.shell.click(hand.group.mask.begin)
    hand.group.mask.tools.radius.setValue(24.0)
    hand.click_scene(CENTRE)
    before = hand.paint.inside.sum()
    hand.group.mask.tools.radius.setValue(8.0)
    hand.click_scene(CENTRE, _SHIFT)
    less = hand.paint.inside.sum()
    assert less < before
    angles = hand.shell.viewer.scene.camera.angles
    hand.drag_scene(hand.pixel(CENTRE), QPoint(60, 30))
    assert hand.paint.inside.sum() == less
    assert hand.shell.viewer.scene.camera.angles != angles
    hand.shell.click(hand.group.mask.tools.cancel)
    assert hand.paint is None


def test_a_click_next_to_the_molecule_says_so(hand) -> None:
    hand.shell.click(hand.group.mask.begin)
    hand.click_scene((70.0, -70.0, 0.0))
    assert hand.paint.empty
    assert "no density there" in hand.group.mask.tools.state.text()
    hand.group.mask.end_painting()
    hand.click_scene(CENTRE)  # the mouse is the camera's again
    assert hand.paint is None


def test_painting_goes_with_the_page(hand) -> None:
    """On another page a click paints nothing, and the mask is not in the scene."""
    hand.shell.click(hand.group.mask.begin)
    hand.click_scene(CENTRE)
    painted = hand.paint.inside.sum()
    hand.shell.panel.show_page("explore")
    hand.settle()
    hand.click_scene(centre_of(REST))
    assert hand.paint.inside.sum() == painted
    assert not hand.group.mask.brush.mask_shown
    hand.shell.panel.show_page("clusters")
    hand.settle()
    assert hand.group.mask.brush.mask_shown
    hand.click_scene(centre_of(REST))
    assert hand.paint.inside.sum() > painted


def test_a_mask_is_replaced_only_when_the_user_says_so(hand, folder, monkeypatch) -> None:
    (folder / "masks").mkdir(exist_ok=True)
    there = folder / "masks" / "domain.mrc"
    write_map(there, np.ones((BOX,) * 3, np.float32), PIXEL)
    hand.group.mask.refresh()
    hand.settle()
    hand.shell.click(hand.group.mask.begin)
    assert hand.group.mask.tools.name.text() == "domain_2"  # what is free
    hand.group.mask.tools.name.setText("domain")
    hand.click_scene(CENTRE)
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    hand.shell.click(hand.group.mask.tools.save)
    hand.settle()
    assert hand.group.mask.painting
    assert mrcfile.read(there).all()
    hand.shell.click(hand.group.mask.tools.save)
    hand.settle()
    assert not mrcfile.read(there).all()
    hand.group.mask.start_painting()
    hand.click_scene(CENTRE)
    hand.group.mask.tools.name.setText("a/b")
    hand.shell.click(hand.group.mask.tools.save)
    hand.settle()
    assert "The mask name 'a/b' contains '/'" in unescape(hand.group.mask.said.text())
    hand.group.mask.end_painting()


# -- measuring ------------------------------------------------------------------------------------


def test_the_plot_shows_what_the_maps_were_made_with(measured) -> None:
    group = measured.group
    places = {d.cluster: (d.x, d.y) for d in group.plot.discs}
    assert sorted(places) == [0, 1, 2]
    for cluster, (shift, turn) in places.items():
        assert turn == pytest.approx(abs(truth.TURNS[cluster]), abs=0.4)
        assert shift == pytest.approx(truth.translation_of(cluster), abs=0.2)
    assert "cluster 4" in group.missing.text()
    assert "composition" in group.words.text()
    assert group.plot.isVisible()
    measured.shell.click(group.signs)
    signed = {d.cluster: d.y for d in group.plot.discs}
    assert signed[1] == pytest.approx(25, abs=0.4)
    assert signed[2] == pytest.approx(-15, abs=0.4)


def test_clusters_picked_in_the_plot_become_the_selection(measured) -> None:
    group, history = measured.group, measured.shell.panel.pages["explore"].history
    told = []
    group.classes_picked.connect(told.append)
    assert not group.select.isEnabled()
    measured.click_plot(1)
    measured.click_plot(2, _SHIFT)
    group.missing.linkActivated.emit("3")
    assert told == [[1], [1, 2], [1, 2, 3]]
    assert "60 particles" in group.select.text()
    measured.shell.click(group.select)
    labels = measured.page.clusters.clustering.labels
    assert np.array_equal(history.rows, np.flatnonzero(np.isin(labels, [1, 2, 3])))
    assert history.how[-1]["numbers"] == [2, 3, 4]
    assert history.how[-1]["set"] == truth.NAME
    history.undo()
    assert history.count == 0


def test_what_was_measured_is_shown_again(measured, shell, folder) -> None:
    shell.begin()
    assert measured.group.shown is None
    shell.open(folder)
    shell.wait(lambda: shell.session.latents is not None)
    shell.panel.show_page("clusters")
    shell.wait(lambda: measured.group.shown is not None)
    assert measured.group.shown.missing == [3]
    assert "domain.mrc" in measured.group.age.text()


def test_measuring_can_be_cancelled(hand, folder, monkeypatch) -> None:
    hand.load(folder.parent / "data" / "domain.mrc")
    stopped = threading.Event()

    def slow(name, mask, *, progress, stop, **_):
        progress(0.4)
        while not stop():
            stopped.wait(0.01)
        stopped.set()

    monkeypatch.setattr(hand.session.job, "domain_motion", slow)
    hand.shell.click(hand.group.measure)
    hand.shell.wait(lambda: hand.group.bar.value() == 40)
    assert not hand.group.measure.isEnabled()
    hand.shell.click(hand.group.cancel)
    assert stopped.wait(5)
    assert "Stopped" in hand.group.said.text()
    assert hand.group.shown is None
    assert hand.group.measure.isEnabled()


def test_closing_the_job_ends_the_measurement(hand, folder, monkeypatch) -> None:
    hand.load(folder.parent / "data" / "domain.mrc")
    ended = threading.Event()

    def slow(name, mask, *, progress, stop, **_):
        while not stop():
            ended.wait(0.01)
        ended.set()

    monkeypatch.setattr(hand.session.job, "domain_motion", slow)
    hand.shell.click(hand.group.measure)
    hand.session.close()
    assert ended.wait(5)
    hand.settle()
    assert hand.group.shown is None


def test_failures_are_sentences_in_the_group(hand, folder, tmp_path, monkeypatch) -> None:
    write_map(tmp_path / "small.mrc", np.ones((20,) * 3, np.float32), PIXEL)
    hand.load(tmp_path / "small.mrc")
    assert "has 20 x 20 x 20 voxels" in hand.group.mask.said.text()
    assert hand.group.mask.path is None
    hand.load(folder.parent / "data" / "domain.mrc")

    def refuse(*_, **__):
        raise UserError("Reconstruct them first.")

    monkeypatch.setattr(hand.session.job, "domain_motion", refuse)
    hand.shell.click(hand.group.measure)
    hand.settle()
    assert "Reconstruct them first." in hand.group.said.text()
    assert hand.group.measure.isEnabled()


def test_the_command_says_what_is_chosen(hand, folder) -> None:
    data, group = folder.parent / "data", hand.group
    hand.load(data / "rest.mrc")
    hand.load(data / "domain.mrc")
    group.fixed_box.setCurrentIndex(group.fixed_box.findText("rest"))
    group.maps_box.setCurrentIndex(1)
    group.reference_box.setCurrentIndex(2)
    text = group.command.toPlainText()
    assert f"--clusters {truth.NAME} --mask {data / 'domain.mrc'}" in text
    assert f"--fixed {data / 'rest.mrc'} --reconstructed --reference 2" in text
