"""Replacing and aligning references, on a half whose decoder is a turn known in closed form."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from torch import nn

from napari_conformix.methods.dynamight import DynaMightSettings
from napari_conformix.methods.dynamight.half_model import HalfModel
from napari_conformix.methods.dynamight.reference_update import (
    align,
    inside,
    move_reference,
    near_mask,
    references_apart,
    take_smallest,
)
from napari_conformix.training.contract import Batch, Frame

BOX, PIXEL = 40, 4.0


class Turn(nn.Module):
    """delta(z, x) = R(z) x - x: a turn about the z axis by the latent, in radians."""

    def forward(self, latent, positions):
        c, s = latent[:, 0].cos()[:, None], latent[:, 0].sin()[:, None]
        x, y, z = positions.unbind(-1)
        turned = torch.stack([c * x - s * y, s * x + c * y, z.expand(len(latent), -1)], -1)
        return turned - positions


class Folded(Turn):
    """A turn by 2 |z| - 0.5: two latents far apart show the same conformation."""

    def forward(self, latent, positions):
        return super().forward(2 * latent.abs() - 0.5, positions)


def half(angles) -> HalfModel:
    """A bar of Gaussians along x; particle i is turned by angles[i] (radians)."""
    settings = DynaMightSettings(latent_dim=1, gaussians=200)
    model = HalfModel(settings, Frame(BOX, PIXEL, BOX, PIXEL), 200)
    model.decoder = Turn()
    latents = torch.as_tensor(angles, dtype=torch.float32)[:, None]
    model.encode = lambda batch: (latents[batch.index], torch.zeros_like(latents[batch.index]))
    generator = torch.Generator().manual_seed(1)
    bar = torch.randn(200, 3, generator=generator) * 3
    bar[:, 0] += torch.linspace(-60, 60, 200)
    with torch.no_grad():
        model.reference.positions.copy_(bar)
    return model


def batches(count, size=16):
    empty = torch.zeros(0)
    for rows in torch.arange(count).split(size):
        yield Batch(rows, empty, empty, empty, empty)


def predictions(model, angles):
    latent = torch.tensor(angles)[:, None]
    positions = model.reference.positions.detach()
    return positions + model.displacement(latent, positions)


def rms(a):
    return float(a.square().sum(-1).mean().sqrt())


def test_the_smallest_displacement_is_taken_and_its_conformation_has_none_left():
    model = half([0.4, -0.3, 0.1, 0.25, -0.2])
    expected = predictions(model, [0.1])[0]
    shift = rms(expected - model.reference.positions.detach())
    change = take_smallest(model, batches(5, size=2))
    assert change.shift_angstrom == pytest.approx(shift, rel=1e-5)
    assert torch.allclose(model.reference.positions, expected)
    anywhere = torch.randn(50, 3) * 30
    assert torch.equal(model.displacement(torch.tensor([[0.1]]), anywhere), torch.zeros(1, 50, 3))


def test_a_second_replacement_finds_the_reference_where_it_should_be():
    model = half([0.1, 0.3, -0.4])
    take_smallest(model, batches(3))
    before = model.reference.positions.detach().clone()
    assert take_smallest(model, batches(3)).shift_angstrom == pytest.approx(0.0, abs=1e-5)
    assert torch.allclose(model.reference.positions, before, atol=1e-4)


def jump(angle, z=0.3, *, positions_only=False):
    """RMS change in A of the prediction at z when the reference becomes that at `angle`."""
    model = half([angle])
    before = predictions(model, [z])
    latent = torch.tensor([angle])
    shift = model.displacement(latent[None], model.reference.positions)[0]
    move_reference(model, shift, latent)
    if positions_only:
        model.origin = model.origin[:0]
    return rms(predictions(model, [z]) - before)


def test_predictions_stay_where_they_were_to_second_order():
    """The change is (R(z) - R(a)) (R(a) - 1) x: of the order a (z - a), not a."""
    small, large = jump(0.02), jump(0.04)
    reach = rms(half([0.0]).reference.positions.detach())
    assert small == pytest.approx(0.02 * 0.28 * reach, rel=0.05)
    assert large == pytest.approx(0.04 * 0.26 * reach, rel=0.05)
    for angle in (0.02, 0.1):
        assert jump(angle, positions_only=True) == pytest.approx(angle * reach, rel=0.02)
        assert jump(angle) < 0.3 * jump(angle, positions_only=True)
    assert jump(0.3) < 1e-4  # its own conformation does not move at all


def test_offsets_do_not_pile_up():
    """Three replacements after each other leave the predictions as one does."""
    model = half([0.0])
    before = predictions(model, [0.3])
    for angle in (0.02, 0.04, 0.03):
        latent = torch.tensor([angle])
        shift = model.displacement(latent[None], model.reference.positions)[0]
        move_reference(model, shift, latent)
    reach = rms(half([0.0]).reference.positions.detach())
    assert rms(predictions(model, [0.3]) - before) < 4 * 0.02 * 0.3 * reach
    assert torch.equal(
        model.displacement(torch.tensor([[0.03]]), torch.randn(9, 3)), torch.zeros(1, 9, 3)
    )


def test_alignment_brings_half_2_into_the_conformation_of_half_1():
    angles = np.linspace(-0.6, 0.6, 241)
    other = predictions(half([0.0]), [0.35])[0]
    model = half(angles)
    before = references_apart(model.reference.positions, other)
    change = align(model, other, batches(len(angles)), 6.0, 100)
    after = references_apart(model.reference.positions, other)
    assert before > 10.0
    assert after < 1.0
    assert change.inside > 0.95
    assert change.shift_angstrom == pytest.approx(before, rel=0.05)
    assert float(model.origin) == pytest.approx(0.35, abs=0.03)


def test_alignment_averages_a_tenth_of_few_particles():
    """100 of 240 predictions would be an average conformation rather than a choice."""
    angles = np.linspace(-0.6, 0.6, 61)
    model = half(angles)
    align(model, predictions(half([0.0]), [0.5])[0], batches(61), 6.0, 100)
    assert float(model.origin) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("decoder", [Turn, Folded])
def test_alignment_leaves_the_predictions_where_they_were(decoder):
    """Also where the mean of the latents that agree has another conformation than they have."""
    angles = np.linspace(-0.6, 0.6, 241)
    model = half(angles)
    model.decoder = decoder()
    other = predictions(half([0.0]), [0.5])[0]
    of_all = angles[::10].astype(np.float32).tolist()
    before = predictions(model, of_all)
    shift = align(model, other, batches(len(angles)), 6.0, 100).shift_angstrom
    assert references_apart(model.reference.positions, other) < 1.0
    there = model.displacement(model.origin, model.reference.positions.detach())
    assert rms(there) == 0.0
    common = (predictions(model, of_all) - before).mean(0)
    assert rms(common) < 0.5 * shift  # second order: a turn by 0.5 is a large one


def test_near_mask_is_that_of_a_search_for_the_nearest_gaussian():
    positions = torch.randn(300, 3, generator=torch.Generator().manual_seed(0)) * 35
    mask = near_mask(positions, 6.0, BOX, PIXEL)
    axis = (np.arange(BOX) - BOX // 2) * PIXEL
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    centres = np.stack([x, y, z], -1)
    nearest = cKDTree(positions.numpy()).query(centres)[0]
    assert np.count_nonzero(mask.numpy() != (nearest < 6.0)) == 0
    assert 0.005 < mask.float().mean() < 0.5


def test_inside_counts_gaussians_in_the_mask_and_none_beyond_the_box():
    mask = torch.zeros(BOX, BOX, BOX, dtype=torch.bool)
    mask[BOX // 2 + 3, BOX // 2, BOX // 2 - 2] = True  # z, y, x
    there = torch.tensor([-2 * PIXEL, 0.0, 3 * PIXEL])
    beyond = torch.tensor([0.0, 0.0, 10 * BOX * PIXEL])
    moved = torch.stack([torch.stack([there, there + 1.9, beyond, -there])])
    assert inside(moved, mask, PIXEL).tolist() == [0.5]
    assert inside(moved, torch.ones_like(mask), PIXEL).tolist() == [0.75]
