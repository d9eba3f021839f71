import numpy as np
import pytest

from napari_conformix.analysis.spaces.nearest import NearestLatents
from napari_conformix.errors import UserError


def sheet(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """A view of a unit square, and latents that are a linear function of the place in it."""
    rng = np.random.default_rng(0)
    xy = rng.random((n, 2))
    return xy, (xy @ rng.normal(size=(2, 5)) + 3).astype(np.float32)


def test_a_smooth_latent_is_found_between_particles() -> None:
    xy, latents = sheet()
    nearest = NearestLatents(xy, latents)
    slope = np.linalg.lstsq(np.c_[xy, np.ones(len(xy))], latents, rcond=None)[0]
    for point in ([0.5, 0.5], [0.2, 0.7], [0.91, 0.33]):
        np.testing.assert_allclose(
            nearest.query(point).latent, np.r_[point, 1.0] @ slope, atol=0.05
        )


def test_the_latent_does_not_jump_while_the_cursor_moves() -> None:
    xy, latents = sheet(300)
    nearest = NearestLatents(xy, latents, neighbours=5)
    path = np.stack([np.linspace(0.2, 0.8, 5000), np.full(5000, 0.5)], axis=1)
    decoded = np.array([nearest.query(point).latent for point in path])
    assert len({tuple(nearest.query(p).rows) for p in path[::100]}) > 10  # neighbours do change
    steps = np.linalg.norm(np.diff(decoded, axis=0), axis=1)
    assert steps.max() < 0.02 * np.ptp(latents, axis=0).max()


def test_support_is_counted_in_the_same_half() -> None:
    xy = np.concatenate([np.full((30, 2), 0.0), np.full((20, 2), 10.0)])
    xy += np.random.default_rng(0).normal(0, 0.01, xy.shape)
    half = np.array([1, 2] * 25)
    nearest = NearestLatents(xy, np.arange(50.0)[:, None], half, radius=1.0)
    assert nearest.halves == (1, 2)
    assert nearest.query([0, 0], half=1).support == 15
    assert nearest.query([10, 10], half=2).support == 10
    between = nearest.query([5, 5], half=1)
    assert between.support == 0
    assert between.distance == pytest.approx(np.hypot(5, 5), abs=0.1)
    assert set(half[between.rows]) == {1}


def test_far_outside_the_latent_stays_within_the_data() -> None:
    xy, latents = sheet()
    answer = NearestLatents(xy, latents).query([1e6, -1e6])
    assert answer.support == 0
    assert (answer.latent >= latents.min(axis=0)).all()
    assert (answer.latent <= latents.max(axis=0)).all()
    assert answer.weights.sum() == pytest.approx(1)


def test_particles_without_latent_or_place_do_not_count() -> None:
    xy, latents = sheet(100)
    xy[:50] = np.nan
    latents[50:80] = np.nan
    answer = NearestLatents(xy, latents, neighbours=40).query([0.5, 0.5])
    assert answer.rows.min() >= 80
    assert len(answer.rows) == 20
    assert np.isfinite(answer.latent).all()


def test_one_particle_and_particles_in_one_place() -> None:
    one = NearestLatents(np.zeros((1, 2)), np.ones((1, 3))).query([1, 1])
    np.testing.assert_array_equal(one.latent, 1)
    same = NearestLatents(np.zeros((50, 2)), np.arange(50.0)[:, None], neighbours=4).query([0, 0])
    np.testing.assert_allclose(same.weights, 0.25)


def test_refusals() -> None:
    xy, latents = sheet(10)
    with pytest.raises(UserError, match="train first"):
        NearestLatents(np.full((10, 2), np.nan), latents)
    with pytest.raises(UserError, match="no particles of half set 2"):
        NearestLatents(xy, latents, np.ones(10)).query([0, 0], half=2)
    with pytest.raises(ValueError, match="agree"):
        NearestLatents(xy, latents[:5])
