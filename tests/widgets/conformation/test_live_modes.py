"""What the scene shows of the state at the cursor: differences in two colours, and two states."""

from pathlib import Path

import numpy as np
import pytest
from explore_fakes import PIXEL_SIZE
from explore_window import Window
from gallery_fakes import GalleryJob
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_conformix.widgets.scene import Lobes
from napari_conformix.widgets.session import axes

WINDOW = Window

#: of the motion view, where the ball of the job of numbers has swung to +-35 degrees
RIGHT, LEFT = (7.0, 0.0), (-7.0, 0.0)


@pytest.fixture
def opened(shared: Window, star: Path, tmp_path: Path):
    shared.open(GalleryJob(tmp_path, star))
    group = shared.page.conformation
    group.difference.mode_box.setCurrentIndex(0)
    group.ghost.setChecked(True)
    yield shared
    group.pair.clear()
    shared.leave()


def click(window: Window, button) -> None:
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(10, button.height() // 2))
    window.settle()


def go(window: Window, place: tuple[float, float]) -> None:
    """Drag the cursor there."""
    window.bar.tools[next(iter(window.bar.tools))].click()  # the cursor
    window.drag([(0.0, 0.0), (place[0] / 2, 0.0), place])
    window.settle()


def visible(window: Window) -> dict:
    return {layer.name: layer for layer in window.viewer.layers if layer.visible}


def middle(layer) -> np.ndarray:
    """Mean vertex of a surface as x, y, z in A."""
    return axes.from_napari(layer.data[0]).mean(axis=0)


def choose(window: Window, text: str) -> None:
    box = window.page.conformation.difference.mode_box
    box.setCurrentIndex(box.findText(text))
    window.settle()


def ball_at(window: Window, degrees: float) -> np.ndarray:
    a = np.deg2rad(degrees)
    return np.array([30 * np.sin(a), 30 * np.cos(a), 0])


def decoded_angle(window: Window) -> float:
    job, group = window.job, window.page.conformation
    return job.angle_of(job.decoded[-1], group.half)


def test_differences_have_two_colours_where_matter_came_and_went(opened: Window) -> None:
    go(opened, RIGHT)
    choose(opened, "difference to the consensus map")
    assert "grey units inside the mask" in opened.page.conformation.decoded_label.text()
    opened.page.conformation.difference.in_mask.click()  # the ball has left it
    opened.settle()
    angle = decoded_angle(opened)
    shown = visible(opened)
    assert {"More density", "Less density", "Consensus"} <= set(shown)
    assert "Conformation" not in shown
    # the ball is at the angle now and was straight up in the consensus
    np.testing.assert_allclose(middle(shown["More density"]), ball_at(opened, angle), atol=3.5)
    np.testing.assert_allclose(middle(shown["Less density"]), ball_at(opened, 0.0), atol=3.5)
    assert shown["Consensus"].opacity < 0.5
    assert "Blue: more density\nOrange: less\nthan consensus" in opened.page.scene.label
    picture = opened.scene_picture()
    blue = (picture[..., 2] > picture[..., 0] + 40).mean()
    orange = (picture[..., 0] > picture[..., 2] + 40).mean()
    assert blue > 0.002
    assert orange > 0.002
    choose(opened, "the molecule")
    assert {"Conformation", "Consensus"} == set(visible(opened))
    assert visible(opened)["Conformation"].opacity == 1.0


def test_lobes_are_where_the_difference_is_that_large_and_never_rescaled(opened: Window) -> None:
    go(opened, RIGHT)
    choose(opened, "difference to the consensus map")
    group, job = opened.page.conformation.difference, opened.job
    group.in_mask.setChecked(False)
    change = job.volume(decoded_angle(opened)) - job.volume(0.0)
    for contour in (0.2, 0.6):
        group.contour.setValue(contour)
        opened.settle()
        expected = Lobes.of(change, PIXEL_SIZE, contour)
        for name, mesh in (("More density", expected.more), ("Less density", expected.less)):
            np.testing.assert_allclose(visible(opened)[name].data[0], mesh[0], atol=1e-3)
    go(opened, (0.4, 0.0))  # hardly any difference
    group.contour.setValue(group.contour.maximum())
    opened.settle()
    assert not {"More density", "Less density"} & set(visible(opened))
    assert "Nothing reaches" in opened.page.conformation.decoded_label.text()


def test_the_mask_takes_off_what_lies_outside(opened: Window) -> None:
    go(opened, RIGHT)
    choose(opened, "difference to the consensus map")
    group = opened.page.conformation.difference
    group.contour.setValue(0.3)
    group.in_mask.setChecked(False)
    opened.settle()
    assert {"More density", "Less density"} <= set(visible(opened))
    group.in_mask.setChecked(True)
    opened.settle()
    assert "More density" not in visible(opened)  # the ball has left the consensus' mask
    assert "Less density" in visible(opened)


def test_two_states_are_seen_in_two_colours_and_compared(opened: Window) -> None:
    pair = opened.page.conformation.pair
    assert not pair.swap_button.isEnabled()
    go(opened, RIGHT)
    a = decoded_angle(opened)
    click(opened, pair.keep_button)
    go(opened, LEFT)
    b = decoded_angle(opened)
    shown = visible(opened)
    assert set(shown) == {"Conformation", "Conformation A"}
    np.testing.assert_allclose(
        shown["Conformation A"].data[0],
        opened.page.scene.prepare(
            opened.job.volume(a), PIXEL_SIZE, opened.page.scene.threshold
        ).mesh[0],
        atol=1e-3,
    )
    assert middle(shown["Conformation A"])[0] > 0 > middle(shown["Conformation"])[0]
    assert shown["Conformation A"].opacity < 0.6
    (mark,) = opened.overlay.decorations.marks
    assert mark.text == "state A"
    np.testing.assert_allclose(mark.xy, RIGHT, atol=0.2)
    said = pair.said.text()
    assert "Correlation of the two maps" in said
    assert f"Swings by {abs(a - b):.0f} Å" in said
    assert "Orange: A" in opened.page.scene.label


def test_swapping_puts_the_cursor_where_a_was_with_the_very_state(opened: Window) -> None:
    pair, job = opened.page.conformation.pair, opened.job
    go(opened, RIGHT)
    click(opened, pair.keep_button)
    first = job.decoded[-1]
    go(opened, LEFT)
    second = job.decoded[-1]
    click(opened, pair.swap_button)
    np.testing.assert_array_equal(job.decoded[-1], first)
    np.testing.assert_array_equal(pair.kept.decoded.spot.latent, second)
    np.testing.assert_allclose(opened.overlay.cursor_xy, RIGHT, atol=0.2)
    (mark,) = opened.overlay.decorations.marks
    np.testing.assert_allclose(mark.xy, LEFT, atol=0.2)
    choose(opened, "difference to A")
    opened.page.conformation.difference.in_mask.setChecked(False)
    opened.settle()
    shown = visible(opened)
    assert middle(shown["More density"])[0] > 10
    assert middle(shown["Less density"])[0] < -10
    click(opened, pair.clear_button)
    assert opened.page.conformation.difference.mode == "molecule"
    assert set(visible(opened)) == {"Conformation", "Consensus"}
    assert not opened.overlay.decorations.marks


def test_a_keeps_the_contour_that_all_maps_have(opened: Window) -> None:
    pair, group = opened.page.conformation.pair, opened.page.conformation
    go(opened, RIGHT)
    click(opened, pair.keep_button)
    go(opened, LEFT)
    before = len(visible(opened)["Conformation A"].data[0])
    choose(opened, "difference to the consensus map")  # A is not in the scene now
    group.contour.setValue(0.8)
    opened.settle()
    choose(opened, "the molecule")
    layer = visible(opened)["Conformation A"]
    expected = opened.page.scene.prepare(pair.kept.decoded.prepared.array, PIXEL_SIZE, 0.8)
    np.testing.assert_allclose(layer.data[0], expected.mesh[0], atol=1e-3)
    assert len(layer.data[0]) < before


def test_another_page_finds_the_scene_without_lobes_and_a(opened: Window) -> None:
    conformation = opened.page.conformation
    go(opened, RIGHT)
    click(opened, conformation.pair.keep_button)
    go(opened, LEFT)
    choose(opened, "difference to A")
    conformation.set_active(False)
    opened.page.scene.hide_conformation()
    assert set(visible(opened)) == {"Consensus"}
    assert visible(opened)["Consensus"].opacity == 1.0
    conformation.set_active(True)
    opened.settle()
    assert {"More density", "Less density", "Conformation A"} <= set(visible(opened))


def test_a_drag_queues_up_nothing_in_any_mode(opened: Window) -> None:
    opened.job.decode_seconds = 0.2
    go(opened, RIGHT)
    click(opened, opened.page.conformation.pair.keep_button)
    for text in ("the molecule", "difference to the average state", "difference to A"):
        choose(opened, text)
        opened.drag([(x, 0.0) for x in np.linspace(-7, 7, 12)])
        let_go = len(opened.job.decoded)
        opened.settle()
        assert len(opened.job.decoded) - let_go <= 2  # the one that ran, and the newest
        assert decoded_angle(opened) == pytest.approx(35, abs=6)
    assert opened.job.most_at_once == 1
    assert not opened.messages
