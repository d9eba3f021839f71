"""Coordinates of motion on methods whose features are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_conformix.training.results import motion
from napari_conformix.training.results.motion import motion_coordinates


def method(transform):
    """Features are a known function of the latent and the half; distances are in A."""
    return SimpleNamespace(device=torch.device("cpu"), features_unit="A", features=transform)


def random(count=400, d=3, seed=0):
    generator = np.random.default_rng(seed)
    scale = np.array([5.0, 2.0, 0.5])[:d]
    latent = (generator.normal(size=(count, d)) * scale).astype(np.float32)
    return latent, (np.arange(count) % 2 + 1).astype(np.int8)


def test_distances_are_those_of_the_features():
    latent, half = random()
    turn = torch.from_numpy(np.linalg.qr(np.random.default_rng(1).normal(size=(9, 3)))[0]).float()
    result = motion_coordinates(method(lambda z, h: z @ turn.T), latent, half, seed=0)
    assert result.coordinates.shape == (400, 6)
    assert result.coordinates.dtype == np.float32
    assert result.unit == "A"
    ours = np.linalg.norm(result.coordinates[:50, None] - result.coordinates[None, :50], axis=-1)
    truth = np.linalg.norm(latent[:50, None] - latent[None, :50], axis=-1)
    np.testing.assert_allclose(ours, truth, atol=1e-3)
    assert result.variance.sum() == pytest.approx(1.0, abs=1e-4)
    assert list(result.variance) == sorted(result.variance, reverse=True)


def test_halves_with_unrelated_latent_axes_share_coordinates():
    truth = np.random.default_rng(0).uniform(-1, 1, 300).astype(np.float32)
    half = (np.arange(300) % 2 + 1).astype(np.int8)
    latent = np.where(half[:, None] == 1, [[3.0, 0.0]], [[0.0, -0.5]]) * truth[:, None]

    def transform(z, h):
        angle = z[:, :1] / 3 if h == 1 else z[:, 1:] / -0.5
        return angle * torch.linspace(1, 2, 12)

    result = motion_coordinates(method(transform), latent.astype(np.float32), half, seed=0)
    assert abs(np.corrcoef(result.coordinates[:, 0], truth)[0, 1]) > 0.999


@pytest.mark.parametrize("flip", [(1, 1, 1), (-1, 1, -1)])
def test_axes_keep_their_signs_through_a_refresh(flip):
    latent, half = random()
    sign = torch.tensor(flip, dtype=torch.float32)
    first = motion_coordinates(method(lambda z, h: z * sign), latent, half, seed=0)
    noisy = latent + 0.01 * random(seed=5)[0]
    again = motion_coordinates(
        method(lambda z, h: z * sign), noisy, half, seed=3, previous=-first.coordinates
    )
    for k in range(3):
        assert np.corrcoef(again.coordinates[:, k], -first.coordinates[:, k])[0, 1] > 0.99


def test_order_is_kept_between_close_variances_and_changed_between_clear_ones():
    generator = np.random.default_rng(0)
    latent = np.linalg.qr(generator.normal(size=(2000, 2)))[0].astype(np.float32)  # uncorrelated
    half = np.zeros(2000, np.int8)

    def refresh(scale, previous=None):
        weights = torch.tensor(scale, dtype=torch.float32)
        return motion_coordinates(
            method(lambda z, h: z * weights), latent, half, seed=0, previous=previous
        ).coordinates

    first = refresh([1.1, 1.0])
    close = refresh([1.0, 1.05], first)
    clear = refresh([1.0, 3.0], close)
    assert abs(np.corrcoef(first[:, 0], latent[:, 0])[0, 1]) > 0.95
    assert abs(np.corrcoef(close[:, 0], latent[:, 0])[0, 1]) > 0.95
    assert abs(np.corrcoef(clear[:, 0], latent[:, 1])[0, 1]) > 0.95


def test_no_motion_at_all_is_zero_and_not_nan():
    latent, half = random(50)
    result = motion_coordinates(method(lambda z, h: torch.zeros(len(z), 5)), latent, half, seed=0)
    assert np.all(result.coordinates == 0)
    assert np.isfinite(result.variance).all()


def test_large_sets_are_fitted_on_a_part_and_projected_in_pieces(monkeypatch):
    monkeypatch.setattr(motion, "MOST_FITTED", 100)
    monkeypatch.setattr(motion, "CHUNK", 64)
    latent, half = random(1000)
    result = motion_coordinates(method(lambda z, h: z), latent, half, seed=0)
    assert abs(np.corrcoef(result.coordinates[:, 0], latent[:, 0])[0, 1]) > 0.95


def test_it_can_be_stopped():
    latent, half = random()
    stopped = motion_coordinates(method(lambda z, h: z), latent, half, seed=0, stop=lambda: True)
    assert stopped is None
