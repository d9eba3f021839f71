"""The landscape on the Paths page: what is drawn, listed, selected, led through and saved."""

from dataclasses import replace

import numpy as np
import pytest
from path_fakes import PathJob
from paths_window import PathsWindow
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage
from qtpy.QtTest import QTest

from napari_conformix.analysis.landscape import landscape
from napari_conformix.analysis.landscape.landscape import HalvesAgreement
from napari_conformix.widgets.landscape.group import short_cautions
from napari_conformix.widgets.landscape.picture import colours, ground, lines, top_of

WINDOW = PathsWindow

_SHARE = 0.3


class TwoStateJob(PathJob):
    """Most particles are at -20 degrees, three of ten at +20."""

    def __init__(self, folder, **arguments) -> None:
        super().__init__(folder, **arguments)
        rng = np.random.default_rng(5)
        self.second = rng.random(len(self.angle)) < _SHARE
        self.angle[:] = np.where(self.second, 20, -20) + rng.normal(0, 5, len(self.angle))


@pytest.fixture
def window(shared, tmp_path):
    shared.open(TwoStateJob(tmp_path, count=6000))
    shared.paths.set_active(True)
    shared.paths.folds["landscape"].button.setChecked(True)
    shared.press(shared.paths.landscape.show_button)
    shared.wait(lambda: shared.paths.landscape.drawn is not None)
    shared.settle()
    yield shared
    shared.paths.set_active(False)
    shared.leave()


def click_row(window, row: int, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    table = window.paths.landscape.table
    window.area.ensureWidgetVisible(table)
    window.settle()
    place = table.visualRect(table.content.index(row, 1)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, place)


# -- in the window --------------------------------------------------------------------------------


def test_both_states_are_listed_and_marked_where_they_are(window) -> None:
    group = window.paths.landscape
    assert group.table.content.rowCount() == 2
    assert [mark.text for mark in window.decorations.marks] == ["1", "2"]
    x = [mark.xy[0] for mark in window.decorations.marks]
    np.testing.assert_allclose(x, [-4, 4], atol=0.6)  # of the motion: the angle over 5
    share = float(group.table.text(1, 2).split(" %")[0])
    assert share == pytest.approx(100 * window.job.second.mean(), abs=2)
    energy = group.found.minima[1]
    expected = np.log((1 - _SHARE) / _SHARE)
    assert abs(energy.energy - expected) < 4 * energy.error
    assert "2 minima" in group.finding.text()
    assert "not an equilibrium" in group.caution.text()
    assert window.decorations.backdrop is not None
    assert len(window.decorations.contours) > 2


def test_the_particles_of_a_state_are_selected_through_the_one_door(window) -> None:
    click_row(window, 1)
    window.press(window.paths.landscape.select_button)
    window.wait(lambda: len(window.selected) > 0)
    selected = np.zeros(len(window.job.angle), dtype=bool)
    selected[window.selected] = True
    assert (selected == window.job.second).mean() > 0.99
    assert window.page.history.steps[-1]["kind"] == "state"
    window.bar.undo.click()
    assert len(window.selected) == 0


def test_two_states_make_a_path_that_plays(window) -> None:
    group = window.paths.landscape
    assert not group.path_button.isEnabled()
    click_row(window, 0)
    click_row(window, 1, Qt.KeyboardModifier.ControlModifier)
    assert group.table.chosen == [1, 2]
    window.press(group.path_button)
    window.ready()
    path = window.paths.path
    assert path.kind == "least energy"
    np.testing.assert_allclose(path.xy[[0, -1]], [m.xy for m in group.found.minima], atol=0.3)
    angles = [window.job.angle_of(path.latents[k], path.half) for k in (0, -1)]
    np.testing.assert_allclose(angles, [-20, 20], atol=4)
    assert "kT" in window.paths.form.said.text()
    assert "--path 1 2" in window.paths.list.command.toPlainText()
    assert window.decorations.path is not None


def test_the_figure_is_saved_as_drawing_and_picture(window, tmp_path) -> None:
    group = window.paths.landscape
    for name in ("figure.svg", "figure.png"):
        group.save_figure(tmp_path / name)
    window.wait(lambda: all((tmp_path / f"figure.{s}").exists() for s in ("svg", "png")))
    assert "<svg" in (tmp_path / "figure.svg").read_text()
    picture = QImage(str(tmp_path / "figure.png"))
    assert picture.width() > 600
    colour = {picture.pixel(x, picture.height() // 4) for x in range(0, picture.width(), 7)}
    assert len(colour) > 10
    assert "conformix landscape" in group.command.toPlainText()
    assert "--view motion --axes 1,2" in group.command.toPlainText()


def test_it_leaves_the_view_with_the_page_and_comes_back(window) -> None:
    window.paths.set_active(False)
    assert window.decorations.backdrop is None
    assert window.decorations.contours == ()
    assert window.decorations.marks == ()
    window.paths.set_active(True)
    window.settle()
    assert window.decorations.backdrop is not None
    window.press(window.paths.landscape.show_button)
    assert window.decorations.backdrop is None
    assert window.decorations.marks == ()


def test_another_view_has_another_landscape(window) -> None:
    before = window.paths.landscape.found
    window.choose(window.page.views.space_box, "Principal components of half 1")
    window.settle()
    after = window.paths.landscape.found
    assert after is not before
    assert after.key == "pca1"
    assert after.total == np.count_nonzero(window.job.half == 1)


# -- pictures -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(2)
    xy = rng.normal(size=(8000, 2)) * 0.4
    xy[:3000] += [4, 1]
    return landscape(xy)


def test_the_ground_is_upright_and_grey_where_nothing_is_known(found) -> None:
    picture = ground(found)
    (x0, y0), (x1, y1) = found.extent
    height, width = picture.shape[:2]

    def at(x: float, y: float) -> np.ndarray:
        row = int((y1 - y) / (y1 - y0) * height)  # the first row is at the top
        return picture[row, int((x - x0) / (x1 - x0) * width)]

    # the middles of both states are dark, the place between them unknown
    assert at(0, 0)[3] == at(4, 1)[3] == 255
    assert at(2, 0.5)[3] < 255
    assert at(4, 0.0)[:3].sum() > at(4, 1.0)[:3].sum()


def test_colours_grow_lighter_with_energy_up_to_the_top() -> None:
    rgba = colours(np.array([0.0, 1.0, 2.0, 3.0, 9.0]), 3.0).astype(int)
    light = rgba[:, :3] @ [0.3, 0.6, 0.1]
    assert np.all(np.diff(light)[:3] > 0)
    assert np.array_equal(rgba[3], rgba[4])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["equilibrium"]),
        ({"key": "umap motion"}, ["mean nothing as energies"]),
        ({"halves": HalvesAgreement(0.5, 0.2)}, ["equilibrium", "0.50 kT where"]),
        ({"halves": HalvesAgreement(0.21, 0.2)}, ["equilibrium"]),
        ({"blur": 0.6}, ["equilibrium", "barriers lower"]),
        ({"doubt": "Nothing moves."}, ["Nothing moves.", "equilibrium"]),
    ],
)
def test_what_must_be_seen_is_said_in_short(found, changes, words) -> None:
    said = short_cautions(replace(found, **changes))
    assert len(said) == len(words)
    for line, word in zip(said, words, strict=True):
        assert word in line


def test_the_bar_ends_above_every_energy(found) -> None:
    assert np.nanmax(found.energy) <= top_of(found) < np.nanmax(found.energy) + 0.5


def test_contours_lie_at_their_energy(found) -> None:
    drawn = lines(found)
    assert drawn
    for line, _ in drawn:
        energies = found.energy_at(line)
        known = energies[np.isfinite(energies)]
        assert np.ptp(known) < 0.8  # within a cell of the grid
