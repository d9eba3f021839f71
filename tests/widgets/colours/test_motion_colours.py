"""Colours by motion: what they mean must be seen from their legends."""

import numpy as np
import pytest
from deformation_fakes import SwingingJob
from explore_window import explore_window

from napari_conformix.analysis.motion import MotionTable
from napari_conformix.widgets.colours import motion
from napari_conformix.widgets.colours.colouring import MISSING


@pytest.fixture
def table() -> MotionTable:
    """100 particles that move by 0 to 9.9 A along x with an error of 2 A; half of them held out."""
    count = 100
    amount = np.arange(count, dtype=np.float32) / 10
    error = np.full(count, 2.0, dtype=np.float32)
    error[:3] = np.nan
    return MotionTable(
        3,
        amount,
        2 * amount,
        np.tile(np.float32([30, 0, 0]), (count, 1)),
        np.tile(np.float32([1, 0, 0]), (count, 1)),
        np.where(np.arange(count) % 2 == 0, error, np.nan).astype(np.float32),
        error,
    )


def test_directions_have_colours_of_their_own() -> None:
    axis = np.eye(3)
    rgba = motion.direction_colours(np.vstack([axis, -axis, 7 * axis[:1]]))
    colours = rgba[:6, :3]
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=2)[~np.eye(6, dtype=bool)]
    assert apart.min() > 0.3
    np.testing.assert_allclose(rgba[6], rgba[0])  # whatever the length
    assert rgba[0, 0] > rgba[0, 1:3].max() + 0.3  # x is red
    assert rgba[2, :3].min() > 0.8  # towards the viewer is light
    assert rgba[5, :3].max() < 0.4  # away is dark


def test_what_has_no_direction_is_grey() -> None:
    rgba = motion.direction_colours(np.array([[0, 0, 0], [np.nan, 0, 1], [0, 1e-9, 0]]))
    np.testing.assert_allclose(rgba[:2], np.tile(MISSING, (2, 1)))
    assert np.ptp(rgba[2, :3]) > 0.3


def test_a_direction_below_its_error_is_grey_and_the_legend_says_so(table) -> None:
    found = motion.by_direction(table)
    grey = np.all(np.isclose(found.rgba, MISSING), axis=1)
    expected = (table.rms_displacement <= table.estimated_error) | (table.rms_displacement == 0)
    np.testing.assert_array_equal(grey, expected)
    assert f"{expected.sum()} in grey" in found.legend.note
    assert found.legend.directions


def test_without_an_error_it_is_grey_and_counted(table) -> None:
    found = motion.by_error(table)
    np.testing.assert_allclose(found.rgba[:3], np.tile(MISSING, (3, 1)))
    assert "3 without a value in grey" in found.legend.note
    assert "48 held-out" in found.legend.note
    assert found.legend.unit == "Å RMS"


def test_the_ratio_is_of_motion_over_error(table) -> None:
    found = motion.by_ratio(table)
    assert found.legend.high == pytest.approx(9.9 / 2, abs=0.1)
    assert "below 1 do not believe it" in found.legend.note


def test_parts_cover_the_molecule_and_name_where_it_moves_most(table) -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[30, 0, 0], [-30, 0, 0], [0, 40, 0]], dtype=np.float32)
    positions = np.repeat(centres, 20, axis=0) + rng.normal(0, 2, (60, 3)).astype(np.float32)
    parts = motion.find_parts(positions, 3)
    assert {tuple(np.round(c, -1) + 0) for c in parts.centres} == {tuple(c) for c in centres}
    found = motion.by_place(table, parts)
    (category,) = found.legend.categories
    assert category.label.startswith("x 30, y ")
    assert category.count == 99  # the first particle does not move
    assert "1 that do not move in grey" in found.legend.note
    own = parts.colours[np.abs(positions - centres[0]).sum(axis=1).argmin()]
    np.testing.assert_allclose(found.rgba[1], own)


def test_the_ends_of_colour_bars_are_round() -> None:
    assert [motion.round_up(v) for v in (0.0, 0.011, 1.0, 1.2, 19.4, 320.0, np.nan)] == [
        pytest.approx(v) for v in (1.0, 0.015, 1.0, 1.5, 20.0, 500.0, 1.0)
    ]
    assert motion.round_up(np.inf) == 1.0


def test_particles_are_coloured_by_motion_in_the_latent_space_view(screen, tmp_path) -> None:
    with explore_window() as window:
        window.open(SwingingJob(tmp_path))
        maps, legend = window.page.views, window.page.view_panel.legend
        for name in motion.BY_MOTION:
            window.choose(maps.colour_box, name)
            window.wait(lambda: maps.colours.motions.table is not None)
            window.settle()
            assert legend.isVisible()
            assert "being computed" not in legend.title
            assert legend.height() == legend.heightForWidth(legend.width())
            shown = [layer.name for layer in window.viewer.layers if layer.visible]
            assert ("Parts of the molecule" in shown) == motion.BY_MOTION[name].needs_parts
        window.choose(maps.colour_box, "direction of motion")
        rgba = window.page.canvas.drawn_colours
        right = window.job.angle[window.page.canvas.drawn_rows] > 30
        expected = motion.direction_colours(np.array([[15.0, -4.0, 0.0]]))[0]
        np.testing.assert_allclose(rgba[right].mean(axis=0), expected, atol=0.2)
        assert window.messages == []
        window.session.close()
