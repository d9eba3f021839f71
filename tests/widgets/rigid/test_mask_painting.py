"""Balls that paint a mask on two blobs of known place; no window."""

import numpy as np
import pytest

from napari_conformix.widgets.rigid.mask_painting import Ball, MaskPaint, mask_mesh

BOX, PIXEL = 32, 2.0
#: xyz in A from the centre
LEFT, RIGHT = np.array([-14.0, 4.0, -6.0]), np.array([14.0, 4.0, -6.0])


def _blobs() -> np.ndarray:
    z, y, x = (np.indices((BOX,) * 3) - BOX // 2) * PIXEL
    return sum(
        np.exp(-((x - c[0]) ** 2 + (y - c[1]) ** 2 + (z - c[2]) ** 2) / (2 * 4.0**2))
        for c in (LEFT, RIGHT)
    ).astype(np.float32)


@pytest.fixture
def paint() -> MaskPaint:
    return MaskPaint(_blobs(), PIXEL, 0.3)


def value_at(array: np.ndarray, xyz) -> float:
    x, y, z = np.round(np.asarray(xyz) / PIXEL).astype(int) + BOX // 2
    return array[z, y, x]


@pytest.mark.parametrize("direction", [(0, 0, -1.0), (0, 0, 1.0), (0, -1.0, 0), (0.3, 0.5, -0.8)])
def test_a_ray_meets_the_middle_of_the_density(paint, direction) -> None:
    """From wherever it comes, and from whatever point of it is given."""
    direction = np.array(direction)
    for back in (-300.0, 0.0, 200.0):
        ball = paint.ball_on_ray(RIGHT + back * direction, 3 * direction, 20.0)
        assert np.linalg.norm(np.array(ball.centre) - RIGHT) < 1.5


def test_a_small_ball_stays_near_the_surface_that_is_seen(paint) -> None:
    ball = paint.ball_on_ray(RIGHT, np.array([0, 0, -1.0]), 2.0)  # from high z downwards
    assert RIGHT[2] + 1.5 < ball.centre[2] < RIGHT[2] + 6


def test_the_nearer_density_hides_the_other(paint) -> None:
    ball = paint.ball_on_ray(np.zeros(3) + LEFT, np.array([1.0, 0, 0]), 20.0)
    assert np.array(ball.centre) == pytest.approx(LEFT, abs=1.5)
    other = paint.ball_on_ray(LEFT, np.array([-1.0, 0, 0]), 20.0)
    assert np.array(other.centre) == pytest.approx(RIGHT, abs=1.5)


def test_a_ray_that_misses_places_nothing(paint) -> None:
    assert paint.ball_on_ray(np.array([0.0, 25.0, 0.0]), np.array([0, 0, 1.0]), 10.0) is None
    assert paint.ball_on_ray(np.array([900.0, 0, 0]), np.array([0, 0, 1.0]), 10.0) is None


def test_a_ball_takes_connected_density_only(paint) -> None:
    """It reaches into the other blob, which has nothing to do with the one under the mouse."""
    assert paint.add(Ball(tuple(LEFT), 30.0))
    assert value_at(paint.inside, LEFT)
    assert not value_at(paint.inside, RIGHT)
    assert (paint.density[paint.inside] >= 0.3).all()


def test_a_whole_ball_when_asked(paint) -> None:
    paint.add(Ball((0.0, 0.0, 0.0), 9.0), within_density=False)
    assert paint.volume_angstrom3 == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.05)
    assert value_at(paint.inside, (8, 0, 0))
    assert not value_at(paint.inside, (10, 0, 0))


def test_a_ball_is_limited_by_its_radius_and_the_box(paint) -> None:
    paint.add(Ball(tuple(RIGHT), 3.0))
    z, y, x = (np.argwhere(paint.inside).T - BOX // 2) * PIXEL
    assert np.linalg.norm(np.stack([x, y, z], 1) - RIGHT, axis=1).max() <= 3.0
    assert not paint.add(Ball((500.0, 0.0, 0.0), 10.0), within_density=False)
    assert paint.add(Ball((-32.0, -32.0, -32.0), 6.0), within_density=False)  # the corner


def test_steps_can_be_taken_back_and_done_again(paint) -> None:
    states = [paint.inside.copy()]
    paint.add(Ball(tuple(LEFT), 20.0))
    states.append(paint.inside.copy())
    paint.add(Ball(tuple(RIGHT), 20.0))
    states.append(paint.inside.copy())
    paint.remove(Ball(tuple(LEFT), 4.0))
    states.append(paint.inside.copy())
    paint.clear()
    assert paint.empty
    for state in reversed(states):
        paint.undo()
        assert np.array_equal(paint.inside, state)
    assert not paint.can_undo
    for state in states[1:]:
        paint.redo()
        assert np.array_equal(paint.inside, state)
    paint.undo()
    paint.add(Ball((0.0, 0.0, 0.0), 3.0), within_density=False)
    assert not paint.can_redo


def test_what_changes_nothing_is_no_step(paint) -> None:
    paint.add(Ball(tuple(LEFT), 20.0))
    assert not paint.add(Ball(tuple(LEFT), 20.0))
    assert not paint.remove(Ball(tuple(RIGHT), 5.0))
    paint.undo()
    assert not paint.can_undo


def test_the_saved_mask_is_soft_around_what_is_painted(paint) -> None:
    paint.add(Ball(tuple(LEFT), 20.0))
    soft = paint.soft()
    assert soft.dtype == np.float32
    assert (soft[paint.inside] == 1).all()
    assert value_at(soft, RIGHT) == 0
    assert 0.1 < ((soft > 0.05) & (soft < 0.95)).sum() / paint.inside.sum() < 30
    outside = np.argwhere(soft > 0.5)
    assert len(outside) > paint.inside.sum()


def test_the_surface_lies_about_the_painted_voxels_in_the_scene(paint) -> None:
    """The scene's axes are (z, -y, x)."""
    paint.add(Ball(tuple(RIGHT), 20.0))
    vertices, faces = mask_mesh(paint.inside, PIXEL)
    x, y, z = RIGHT
    assert vertices.mean(axis=0) == pytest.approx([z, -y, x], abs=1.0)
    assert faces.max() < len(vertices)
    assert mask_mesh(np.zeros((8, 8, 8), bool), PIXEL) is None
    assert mask_mesh(np.ones((8, 8, 8), bool), PIXEL) is not None  # to the edge of the box
