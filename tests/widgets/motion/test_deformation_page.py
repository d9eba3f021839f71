"""The Deformation page in a real window: its arrows and spheres against where the density is."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from deformation_fakes import ARM, ERROR, SwingingJob, swing
from explore_window import Window
from qt_waiting import handle_events
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_conformix.training import events
from napari_conformix.widgets.colours import motion
from napari_conformix.widgets.motion import DeformationPage
from napari_conformix.widgets.motion.particle_picker import SELECTED
from napari_conformix.widgets.motion.source_group import AXIS, PARTICLE, PARTICLES, POINTS
from napari_conformix.widgets.scene import Arrows
from napari_conformix.widgets.session import axes


class DeformationWindow(Window):
    """With the Deformation page next to the Explore page."""

    def __init__(self) -> None:
        super().__init__()
        self.deformation = DeformationPage(self.page.space)
        self.viewer.window.add_dock_widget(self.deformation, name="Deformation", area="left")
        handle_events()

    def pick(self, row: int) -> None:
        """Type the number of a particle."""
        number = self.deformation.motion.picker.number
        number.lineEdit().selectAll()
        QTest.keyClicks(number.lineEdit(), str(row))
        QTest.keyClick(number.lineEdit(), Qt.Key.Key_Return)
        self.settle()

    def mode(self, name: str) -> None:
        box = self.deformation.motion.mode_box
        box.setCurrentIndex(box.findData(name))
        self.settle()

    def layer(self, name: str):
        return next(layer for layer in self.viewer.layers if layer.name == name)

    def shows(self, name: str) -> bool:
        return any(layer.name == name and layer.visible for layer in self.viewer.layers)

    def arm(self) -> int:
        """Which of the drawn arrows begins at the arm."""
        starts = self.layer("Displacement arrows").data[:, 0]
        return int(np.linalg.norm(starts - axes.to_napari(ARM), axis=1).argmin())


WINDOW = DeformationWindow


@pytest.fixture
def window(shared, tmp_path):
    shared.open(SwingingJob(tmp_path))
    shared.mode(PARTICLE)
    shared.deformation.set_active(True)
    shared.settle()
    yield shared
    shared.deformation.set_active(False)
    shared.leave()


def held_out(window: DeformationWindow, angle: float) -> int:
    """The held-out particle of half 1 whose angle is nearest."""
    job = window.job
    rows = np.flatnonzero(job.validation & (job.half == 1))
    return int(rows[np.abs(job.angle[rows] - angle).argmin()])


# -- what is drawn --------------------------------------------------------------------------------


def test_an_arrow_ends_where_the_density_of_the_displaced_map_is(window) -> None:
    row = held_out(window, 35.0)
    window.pick(row)
    arrow = window.layer("Displacement arrows").data[window.arm()]
    end = arrow[0] + arrow[1]
    blob, _ = window.layer("Conformation").data[:2]
    moved = blob[-blob[:, 1] > 0]  # the scene's second axis is -y; the body is below
    # both halves' mean: half of the error of half 2 along x, which is the last axis
    centre = (moved.max(axis=0) + moved.min(axis=0)) / 2 + np.array([0, 0, ERROR / 2])
    assert np.linalg.norm(arrow[1]) > 15
    np.testing.assert_allclose(end, centre, atol=1.0)


def test_the_radius_of_a_sphere_is_the_half_set_difference_at_the_end_of_its_arrow(window) -> None:
    window.pick(held_out(window, -30.0))
    arm, spheres = window.arm(), window.layer("Error spheres")
    arrow = window.layer("Displacement arrows").data[arm]
    assert spheres.size[arm] / 2 == pytest.approx(ERROR, rel=1e-3)
    np.testing.assert_allclose(spheres.data[arm], arrow[0] + arrow[1], atol=1e-4)
    others = np.delete(spheres.size, arm)
    assert np.all(others == 0)  # both halves agree that the body rests


@pytest.mark.parametrize("zoom", [3.0, 7.0])
def test_spheres_are_as_large_on_the_screen_as_their_radius_in_angstrom(window, zoom) -> None:
    radius = 6.0
    positions = np.array([[0.0, 20, 0], [0, -20, 0]], dtype=np.float32)
    deformation = SimpleNamespace(
        positions=positions,
        begins=positions,
        displacement=np.array([[5.0, 0, 0], [0, 5, 0]], dtype=np.float32),
        error=np.array([radius, 0.5], dtype=np.float32),
    )
    arrows = Arrows.of(deformation)
    window.deformation.arrows.show_arrows(arrows)
    for layer in window.viewer.layers:
        layer.visible = layer.name == "Error spheres"
    window.layer("Error spheres").opacity = 1.0
    camera = window.viewer.scene.camera
    camera.angles = (0, 0, 0)
    camera.center, camera.zoom = axes.to_napari(np.array([5.0, 20, 0])), zoom
    window.settle()
    picture = window.scene_picture()
    middle = picture.shape[0] // 2
    lit = picture[middle - 5 : middle + 5].sum(axis=2).max(axis=0) > 40
    assert lit.sum() == pytest.approx(2 * radius * zoom, abs=4)
    window.layer("Error spheres").opacity = 0.75
    legend = window.deformation.arrows.legend
    length, ball = legend.scale()
    assert length * zoom <= 130 < 2.6 * length * zoom  # a round length that fits the legend
    assert ball * zoom <= 16 < 2.6 * ball * zoom


def test_arrows_exaggerated_keep_their_error_in_proportion_and_say_so(window) -> None:
    window.pick(held_out(window, 20.0))
    arm, page = window.arm(), window.deformation
    before = window.layer("Displacement arrows").data[arm].copy()
    page.arrows.length_box.setCurrentIndex(page.arrows.length_box.findData(5.0))
    vectors, spheres = window.layer("Displacement arrows"), window.layer("Error spheres")
    assert vectors.length == 5.0
    np.testing.assert_allclose(vectors.data[arm], before)
    np.testing.assert_allclose(spheres.data[arm], before[0] + 5 * before[1], atol=1e-3)
    assert spheres.size[arm] == pytest.approx(2 * 5 * ERROR, rel=1e-3)
    assert "5 times too large" in page.arrows.legend.titles[-1]
    page.arrows.length_box.setCurrentIndex(0)
    assert "to scale" in page.arrows.legend.titles[-1]


def test_fewer_arrows_are_some_of_those_before(window) -> None:
    window.pick(held_out(window, 20.0))
    slider = window.deformation.arrows.count_slider
    assert slider.maximum() == 28
    slider.setValue(28)
    window.settle()
    everything = {tuple(start) for start in window.layer("Displacement arrows").data[:, 0]}
    slider.setValue(7)
    window.settle()
    fewer = {tuple(start) for start in window.layer("Displacement arrows").data[:, 0]}
    assert len(fewer) == 7
    assert fewer < everything
    assert len(window.layer("Error spheres").data) == 7
    slider.setValue(28)


def test_colours_by_amount_direction_and_error(window) -> None:
    window.pick(held_out(window, 30.0))
    arm, group = window.arm(), window.deformation.arrows
    seen = {}
    for name in ("amount", "direction", "error"):
        group.colour_box.setCurrentIndex(group.colour_box.findData(name))
        seen[name] = window.layer("Displacement arrows").edge_color[arm].copy()
        assert group.legend.isVisible()
    vector = swing(30.0)[None]
    expected = motion.direction_colours(vector)[0]
    np.testing.assert_allclose(seen["direction"], expected, atol=0.1)
    assert not np.allclose(seen["amount"], seen["error"], atol=0.1)
    group.colour_box.setCurrentIndex(0)


# -- picking --------------------------------------------------------------------------------------


def test_a_particle_is_picked_in_the_latent_space_view_and_marked_there(window) -> None:
    window.drag([(0, 0), (5, 0)])
    window.settle()
    row = window.deformation.motion.row
    assert row == window.page.latent_view.row_near((5.0, 0.0))
    assert window.overlay.cursor_xy == window.page.latent_view.place_of(row)
    assert window.deformation.motion.picker.number.value() == row
    assert f"Particle {row} " in window.viewer.canvas.overlays.text.text
    assert not any("nearby" in text for text in window.messages)


def test_a_point_of_the_plot_is_clicked_and_its_particle_shown(window) -> None:
    window.pick(held_out(window, 0.0))
    plot = window.deformation.belief.plot
    assert plot.counts[0] == np.count_nonzero(window.job.validation)
    row = held_out(window, 38.0)
    table = window.deformation.motions.table
    place = plot.getViewBox().mapViewToScene(
        _point(table.rms_displacement[row], table.rms_error[row])
    )
    pixel = plot.mapFromScene(place)
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(pixel.x(), pixel.y()))
    window.settle()
    picked = window.deformation.motion.row
    assert picked is not None
    assert table.rms_displacement[picked] == pytest.approx(table.rms_displacement[row], abs=0.3)
    mark = plot._mark.points()[0].pos()
    assert mark.x() == pytest.approx(table.rms_displacement[picked])


def _point(x: float, y: float):
    from qtpy.QtCore import QPointF

    return QPointF(float(x), float(y))


def test_a_row_of_the_selection_is_picked(window) -> None:
    window.lasso([(4, -3), (9, -3), (9, 3), (4, 3)])
    picker = window.deformation.motion.picker
    picker.list_box.setCurrentIndex(picker.list_box.findData(SELECTED))
    window.settle()
    assert sorted(picker.model.rows) == sorted(window.selected)
    cell = picker.table.visualRect(picker.model.index(1, 0)).center()
    QTest.mouseClick(picker.table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    window.settle()
    assert window.deformation.motion.row == picker.model.rows[1]
    motions = window.deformation.motions.table.rms_displacement[picker.model.rows]
    assert np.all(np.diff(motions) <= 0)  # the one that moves most comes first
    window.bar.clear.click()
    assert "Nothing is selected" in picker.note.text()
    picker.list_box.setCurrentIndex(0)


def test_two_particles_are_compared_from_where_the_first_one_is(window) -> None:
    first, last = held_out(window, -30.0), held_out(window, 30.0)
    window.pick(first)
    window.mode(PARTICLES)
    window.pick(last)
    assert window.shows("Conformation A")
    assert not window.shows("Consensus")
    vectors = window.layer("Displacement arrows").data
    arm = int(np.linalg.norm(vectors[:, 1], axis=1).argmax())
    start, vector = vectors[arm]
    angles = window.job.angle[[first, last]]
    begin = ARM + swing(angles[0]) + [ERROR / 2, 0, 0]  # as the mean of both halves has it
    np.testing.assert_allclose(start, axes.to_napari(begin), atol=0.1)
    expected = swing(angles[1]) - swing(angles[0])
    np.testing.assert_allclose(vector, axes.to_napari(expected), atol=0.1)
    sentence = window.deformation.belief.sentence.text()
    assert f"From particle {first} to particle {last}" in sentence
    assert f"--between {first},{last}" in window.deformation.save.command.toPlainText()
    window.mode(PARTICLE)
    assert not window.shows("Conformation A")
    assert window.shows("Consensus")


def test_particles_of_different_halves_are_compared_each_by_its_own_half(window) -> None:
    job = window.job
    first, last = (
        int(np.flatnonzero(~job.validation & (job.half == h) & (job.angle > 25))[0]) for h in (1, 2)
    )
    window.pick(first)
    window.mode(PARTICLES)
    window.pick(last)
    found = window.deformation.shown.found
    assert (found.start.half, found.end.half) == (1, 2)
    assert window.shows("Conformation A")
    assert window.messages == []


def test_two_points_of_the_latent_space_view_are_compared(window) -> None:
    window.mode(POINTS)
    window.drag([(0, 0), (-6, 0)])
    window.deformation.motion.set_a.click()
    window.drag([(-6, 0), (6, 0)])
    window.settle()
    vectors = window.layer("Displacement arrows").data
    arm = int(np.linalg.norm(vectors[:, 1], axis=1).argmax())
    expected = swing(30.0) - swing(-30.0)
    np.testing.assert_allclose(vectors[arm, 1], axes.to_napari(expected), atol=4.0)
    assert "ends.txt" in window.deformation.save.command.toPlainText()


def test_the_mean_motion_along_an_axis_has_the_error_of_particles_at_its_ends(window) -> None:
    window.mode(AXIS)
    box = window.deformation.motion.axis_box
    assert box.itemText(0) == "Motion 1"
    assert any("half 2" in box.itemText(i) for i in range(box.count()))
    deformation = window.deformation.shown.found.deformation
    assert deformation.error_source == "held-out neighbours"
    low, high = np.percentile(window.job.angle, (2, 98))
    expected = swing(high) - swing(low)
    arm = int(deformation.amount.argmax())
    sign = np.sign(deformation.displacement[arm] @ expected)
    np.testing.assert_allclose(sign * deformation.displacement[arm], expected, atol=4.0)


# -- what is said ---------------------------------------------------------------------------------


def test_the_verdict_stands_at_the_top(window) -> None:
    banner = window.deformation.verdict
    assert banner.isVisible()
    assert banner.level == "good"
    assert "6 Å against 2 Å" in banner.text()


def test_no_motion_cannot_be_overlooked(window, tmp_path) -> None:
    folder = tmp_path / "rigid"
    folder.mkdir()
    job = SwingingJob(folder)
    job.moves = False
    job.model_biased = "The Gaussians were placed by an atomic model."
    window.open(job)
    window.wait(lambda: window.deformation.verdict.level == "bad")
    page = window.deformation
    assert "<b>✖&nbsp; No motion beyond its error</b>" in page.verdict.text()
    assert page.verdict.height() >= 2 * page.verdict.fontMetrics().height()
    assert str(folder) in page.advice.text()
    assert "Few." in page.warnings.text()
    assert "atomic model" in page.bias.text()
    assert page.bias.isVisible()


def test_without_held_out_pairs_the_page_says_that_the_error_is_not_known(window, tmp_path) -> None:
    folder = tmp_path / "unpaired"
    folder.mkdir()
    window.open(SwingingJob(folder, paired=False))
    window.pick(5)
    page = window.deformation
    assert "error is not known" in page.belief.sentence.text()
    assert "cannot give the error" in page.belief.note.text()
    assert not page.belief.plot.isVisible()
    assert window.shows("Displacement arrows")
    assert not window.shows("Error spheres")


def test_numbers_that_are_none_are_left_out(window) -> None:
    count = 40
    rng = np.random.default_rng(0)
    displacement = rng.normal(size=(count, 3)).astype(np.float32)
    displacement[:5] = np.nan
    error = np.full(count, 1e-6, dtype=np.float32)
    error[5:9] = np.nan
    positions = rng.normal(0, 20, (count, 3)).astype(np.float32)
    deformation = SimpleNamespace(
        positions=positions, begins=positions, displacement=displacement, error=error
    )
    arrows = Arrows.of(deformation)
    window.deformation.arrows.show_arrows(arrows)
    window.deformation.arrows.count_slider.setValue(count)
    window.settle()
    assert len(window.layer("Displacement arrows").data) == count - 5
    assert len(window.layer("Error spheres").data) == count - 9
    window.scene_picture()
    assert window.messages == []


# -- the life of a job ----------------------------------------------------------------------------


def test_a_new_epoch_asks_for_the_particle_again(window) -> None:
    row = held_out(window, 25.0)
    window.pick(row)
    asked = len(window.job.asked)
    window.job.epoch = 13
    window.job.tell(events.Latents(epoch=13))
    window.wait(lambda: window.deformation.shown.epoch == 13)
    window.wait(lambda: window.deformation.motions.table.epoch == 13)
    assert window.job.asked[asked:] == [row]
    assert "epoch 13" in window.page.scene.label


def test_a_new_epoch_keeps_the_axis_that_is_shown(window) -> None:
    window.mode(AXIS)
    box = window.deformation.motion.axis_box
    box.setCurrentIndex(1)
    window.settle()
    window.job.epoch = 14
    window.job.tell(events.Latents(epoch=14))
    window.wait(lambda: window.deformation.shown and window.deformation.shown.epoch == 14)
    assert box.currentText() == "Motion 2"
    assert window.deformation.shown.source.name == "Motion 2"


def test_the_newest_particle_wins(window) -> None:
    rows = np.flatnonzero(window.job.validation)[:12]
    before = len(window.job.asked)
    window.job.decode_seconds = 0.05
    for row in rows:
        window.deformation.motion.pick(int(row))
    window.settle()
    assert window.deformation.shown.source.row == rows[-1]
    assert len(window.job.asked) - before <= 3
    window.job.decode_seconds = 0.0


def test_leaving_the_page_takes_its_arrows_away(window) -> None:
    window.pick(held_out(window, 25.0))
    assert window.shows("Displacement arrows")
    window.deformation.set_active(False)
    window.settle()
    assert not window.shows("Displacement arrows")
    assert not window.shows("Error spheres")
    assert window.layer("Consensus").visible
    window.drag([(0, 0), (3, 0)])
    window.settle()
    assert "nearby" in window.page.scene.label
    window.deformation.set_active(True)
    window.settle()
    assert window.shows("Displacement arrows")
    assert "Particle" in window.page.scene.label


def test_closing_the_job_leaves_nothing(window) -> None:
    window.pick(held_out(window, 25.0))
    window.session.close()
    window.settle()
    page = window.deformation
    assert page.shown is None
    assert page.motions.table is None
    assert not page.verdict.isVisible()
    assert page.hint.isVisible()
    assert not any(group.isEnabled() for group in page.groups)
    assert not any(layer.visible for layer in window.viewer.layers)
    assert window.messages == []


def test_an_untrained_job_says_what_to_do(window, tmp_path) -> None:
    folder = tmp_path / "untrained"
    folder.mkdir()
    job = SwingingJob(folder)
    (folder / "events.jsonl").unlink()
    window.session.open_job(job)
    window.wait(lambda: window.session.state == "finished")
    window.settle()
    page = window.deformation
    assert "after the first epoch" in page.hint.text()
    assert not any(group.isEnabled() for group in page.groups)
    assert window.messages == []


# -- saving ---------------------------------------------------------------------------------------


def test_arrows_are_saved_for_chimerax_and_as_a_table(window, tmp_path) -> None:
    row = held_out(window, 25.0)
    window.pick(row)
    save = window.deformation.save
    window.deformation.arrows.count_slider.setValue(9)
    assert f"--particle {row} --at 1 --count 9" in save.command.toPlainText()
    save.save(tmp_path / "arrows.bild")
    window.wait(lambda: save.said.text().startswith("Saved"))
    lines = (tmp_path / "arrows.bild").read_text().splitlines()
    assert sum(line.startswith(".arrow") for line in lines) == 1  # only the arm moves
    save.save(tmp_path / "arrows.csv")
    window.wait(lambda: "arrows.csv" in save.said.text() and "Saved" in save.said.text())
    table = np.genfromtxt(tmp_path / "arrows.csv", delimiter=",", skip_header=3)
    assert len(table) == 28
    save.save(tmp_path / "arrows.csv")
    window.wait(lambda: save.said.text().startswith("Not saved"))
    assert "exists" in save.said.text()
    window.deformation.arrows.count_slider.setValue(28)


def test_nothing_is_cut_off_in_a_narrow_panel(window) -> None:
    window.pick(held_out(window, 25.0))
    page = window.deformation
    assert page.minimumSizeHint().width() <= 480
    QApplication.processEvents()


def test_the_tab_in_front_decides_whose_the_scene_is(shell) -> None:
    shell.begin()
    page, explore = shell.panel.pages["deformation"], shell.panel.pages["explore"]
    shell.panel.show_page("deformation")
    assert page.active
    assert not explore.conformation.decode.enabled
    assert page.hint.isVisible()
    for name in ("explore", "reconstruct", "data"):
        shell.panel.show_page(name)
        assert not page.active
        assert explore.conformation.decode.enabled
    assert shell.errors() == []


class Volumes(SwingingJob):
    """The same particles by a method with one model that makes maps."""

    def latents(self):
        found = super().latents()
        return replace(found, half=np.zeros_like(found.half), motion_unit="")


def test_without_displacements_it_says_where_to_go(window: DeformationWindow, tmp_path) -> None:
    (tmp_path / "volumes").mkdir()
    window.open(Volumes(tmp_path / "volumes"))
    page = window.deformation
    window.wait(lambda: "Clusters page" in page.hint.text())
    assert page.hint.isVisible()
    assert not any(group.isVisible() for group in page.groups)
    assert not page.verdict.isVisible()
    assert not window.shows("Displacement arrows")
    (tmp_path / "swings").mkdir()
    window.open(SwingingJob(tmp_path / "swings"))
    window.wait(lambda: page.motion.isEnabled() and page.motion.isVisible())
    assert not page.hint.isVisible()
