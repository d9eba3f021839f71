"""The inverse network undoes a known field, and says by how much it does not."""

import numpy as np
import pytest
import torch

from napari_conformix.reconstruction import InverseNetwork, inverse_residual, train_inverse

EXTENT, PIXEL = 100.0, 4.0


def swing(latent: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """A turn of the upper half about x by up to 25 degrees, smooth at z = 0."""
    angle = torch.deg2rad(25 * latent[:, :1]) * torch.sigmoid(positions[:, 2] / 4)  # (b, q)
    y, z = positions[:, 1], positions[:, 2]
    turned = torch.stack(
        [0 * angle, y * angle.cos() - z * angle.sin() - y, y * angle.sin() + z * angle.cos() - z],
        dim=-1,
    )
    return turned  # (b, q, 3)


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(0)
    latents = torch.as_tensor(rng.uniform(-1, 1, (200, 2))).float()
    places = torch.as_tensor(rng.uniform(-25, 25, (2000, 3))).float()
    *_, network = train_inverse(swing, latents, places, EXTENT, PIXEL, steps=300)
    others = torch.as_tensor(rng.uniform(-0.9, 0.9, (20, 2))).float()
    elsewhere = torch.as_tensor(rng.uniform(-22, 22, (300, 3))).float()
    return network, latents, others, elsewhere


def test_the_inverse_leads_back(trained):
    network, _, others, elsewhere = trained
    moved = swing(others, elsewhere).norm(dim=-1)
    assert moved.mean() > 1.2
    off = inverse_residual(network, swing, others, elsewhere)
    assert off.mean_angstrom < 0.3 * float(moved.mean())
    assert off.mean_angstrom <= off.worst_angstrom


def test_the_residual_of_no_inverse_is_the_displacement(trained):
    _, latents, others, elsewhere = trained
    untrained = InverseNetwork(latents, EXTENT, PIXEL, 1.0)
    torch.nn.init.zeros_(untrained.out.weight)
    off = inverse_residual(untrained, swing, others, elsewhere)
    moved = swing(others, elsewhere).norm(dim=-1)
    assert off.mean_angstrom == pytest.approx(float(moved.mean()), rel=1e-5)
    assert off.worst_angstrom == pytest.approx(float(moved.max()), rel=1e-5)


def test_training_is_the_same_every_time(trained):
    """A resumed reconstruction trains its inverse again and must get the same one."""
    _, latents, _, elsewhere = trained
    torch.manual_seed(5)
    *_, first = train_inverse(swing, latents, elsewhere, EXTENT, PIXEL, steps=3)
    torch.manual_seed(6)
    *_, second = train_inverse(swing, latents, elsewhere, EXTENT, PIXEL, steps=3)
    assert torch.equal(first.out.weight, second.out.weight)
