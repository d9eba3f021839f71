"""A mask that says what moves: one taper for Gaussians, displacements and decoded maps."""

import pytest
import torch

from napari_conformix.imaging import sphere_mask
from napari_conformix.methods.dynamight import DynaMight, DynaMightSettings
from napari_conformix.methods.dynamight.motion_mask import (
    MotionMask,
    density_outside,
    restricts_motion,
)

SETTINGS = DynaMightSettings(gaussians=150, latent_dim=2, warmup_epochs=1, noise_particles=64)
#: the arm of the scene lies at x > 8 A; its half of the box
ARM_FROM_X = 8.0


def arm_mask(swing) -> torch.Tensor:
    box, pixel = swing.frame.box, swing.frame.pixel_size_angstrom
    x = (torch.arange(box) - box // 2) * pixel
    return (x > ARM_FROM_X).float().expand(box, box, box).contiguous()


def make(swing, mask, settings=SETTINGS) -> tuple[DynaMight, dict]:
    torch.manual_seed(0)
    method = DynaMight(settings, swing.frame)
    method.particles = len(swing.images)
    facts = method.initialise(swing.consensus, mask)
    with torch.no_grad():  # a decoder that has learnt to move everything by Angstroms
        for model in method.models.values():
            for parameter in model.decoder.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return method, facts


@pytest.fixture(scope="module")
def masked(swing):
    return make(swing, arm_mask(swing))


@pytest.fixture(scope="module")
def free(swing):
    return make(swing, None)[0]


LATENT = torch.tensor([[1.5, -2.0]])


def test_only_what_lies_inside_the_mask_moves(masked, free):
    method, facts = masked
    assert facts["mask_restricts_motion"] is True
    assert 0.2 < facts["density_outside_mask"] < 0.9
    positions = method.consensus_positions(1)
    moved = method.displacement(LATENT, positions, 1)[0].norm(dim=1)
    unmasked = free.displacement(LATENT, positions, 1)[0].norm(dim=1)
    outside = positions[:, 0] < ARM_FROM_X - 12  # beyond the soft edge
    inside = positions[:, 0] > ARM_FROM_X + 4
    assert int(outside.sum()) > 20  # the molecule is filled outside the mask too
    assert int(inside.sum()) > 20
    assert torch.equal(moved[outside], torch.zeros(int(outside.sum())))
    assert torch.allclose(moved[inside], unmasked[inside], rtol=1e-4)
    assert float(unmasked[outside].mean()) > 0.1  # which the mask kept from moving


def test_the_edge_is_soft(masked, free):
    """The share of the displacement that is left never jumps, and falls from 1 to 0."""
    method, _ = masked
    x = torch.linspace(-20, 30, 201)
    line = torch.stack([x, torch.zeros(201), torch.zeros(201)], 1)
    share = (method.models[1].motion_mask(line))[:, 0]
    assert float(share.diff().abs().max()) < 0.05  # over 0.25 A
    assert bool((share.diff() >= -1e-6).all())
    assert (float(share[0]), float(share[-1])) == (0.0, 1.0)
    tapered = method.displacement(LATENT, line, 1)[0]
    assert torch.allclose(tapered, free.displacement(LATENT, line, 1)[0] * share[:, None])


def test_decoded_maps_agree_that_the_outside_is_still(swing, masked):
    method, _ = masked
    still, bent = method.decode(torch.cat([torch.zeros_like(LATENT), LATENT]), 1)
    pixel, box = swing.frame.pixel_size_angstrom, swing.frame.box
    x = (torch.arange(box) - box // 2) * pixel
    width = float(method.models[1].reference.width.detach())
    change = (bent - still).abs().amax((0, 1))
    far = x < ARM_FROM_X - 12 - 5 * width - 8  # the tails, and what the arm may move into
    assert float(change[far].max()) < 2e-3 * float(change.max())
    assert float(change.max()) > 0.02 * float(still.max())


def test_a_mask_around_the_molecule_changes_nothing(swing):
    around = sphere_mask(swing.frame.box, 13.0, 2.0)
    method, facts = make(swing, around)
    assert facts["mask_restricts_motion"] is False
    assert method.models[1].motion_mask(torch.zeros(1, 3)) is None


def test_the_user_may_say_what_a_mask_means():
    """At the same share of density outside, only the setting decides."""
    assert [restricts_motion(0.3, mode) for mode in ("auto", "part", "solvent")] == [
        True,
        True,
        False,
    ]
    assert [restricts_motion(0.01, mode) for mode in ("auto", "part", "solvent")] == [
        False,
        True,
        False,
    ]


def test_density_outside_is_a_share_of_what_is_above_the_threshold():
    volume = torch.zeros(4, 4, 4)
    volume[0, 0, :] = torch.tensor([8.0, 4.0, 4.0, 1.0])
    mask = torch.zeros(4, 4, 4)
    mask[0, 0, 0], mask[0, 0, 1] = 1.0, 0.5
    assert density_outside(volume, mask, 2.0) == pytest.approx((2 + 4) / 16)


def test_the_mask_is_part_of_a_checkpoint(swing, masked):
    method, _ = masked
    state = method.state()
    other = DynaMight(SETTINGS, swing.frame)
    other.load_state(state)
    positions = torch.randn(300, 3) * 25
    assert torch.equal(
        other.displacement(LATENT, positions, 2), method.displacement(LATENT, positions, 2)
    )


def test_a_fine_mask_is_kept_coarsely_and_at_its_place():
    ball = sphere_mask(128, 30.0, 10.0)  # radius 30 A at 1 A
    mask = MotionMask()
    mask.set(ball, 1.0)
    assert mask.values.shape == (64, 64, 64)
    radius = torch.tensor([0.0, 20.0, 27.0, 35.0, 43.0, 55.0, 500.0])
    expected = 0.5 + 0.5 * torch.cos(torch.pi * ((radius - 30) / 10).clamp(0, 1))
    for direction in ([1.0, 0, 0], [0, -1.0, 0], [0.6, 0, 0.8]):
        found = mask(radius[:, None] * torch.tensor(direction))[:, 0]
        assert torch.allclose(found, expected, atol=0.02)


def test_the_taper_carries_gradients_to_positions():
    mask = MotionMask()
    mask.set(sphere_mask(32, 6.0, 6.0).double(), 4.0)
    positions = torch.tensor([[33.0, 1.0, 2.0], [10.0, 29.0, 5.0]], requires_grad=True)
    mask(positions).sum().backward()
    for index in [(0, 0), (0, 2), (1, 1)]:
        step = torch.zeros(2, 3)
        step[index] = 0.02
        with torch.no_grad():
            numeric = (mask(positions + step) - mask(positions - step)).sum() / 0.04
        assert float(positions.grad[index]) == pytest.approx(float(numeric), abs=2e-4)
