"""Projections against exact images of point atoms; every wrong variant must be seen."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from point_atoms import Atoms, correlation, rotations

from napari_conformix.imaging import fourier_shift, project_volume, project_volume_real_space

BOX, PIXEL = 64, 2.0
ATOMS = Atoms.random(150, radius=36.0, b_factor=800.0)
ROTATION = rotations(12)
SHIFT = np.random.default_rng(2).uniform(-8, 8, (12, 2))
VOLUME = torch.as_tensor(ATOMS.density(BOX, PIXEL), dtype=torch.float32)
A = torch.as_tensor(ROTATION, dtype=torch.float32)
TRUTH = ATOMS.images(ROTATION, SHIFT, BOX, PIXEL)


def shifted(images, shift=SHIFT):
    pixels = torch.as_tensor(shift / PIXEL, dtype=torch.float32)
    return torch.fft.irfft2(fourier_shift(torch.fft.rfft2(images), pixels)).numpy()


@pytest.mark.parametrize("project", [project_volume, project_volume_real_space])
def test_projections_are_those_of_the_atoms(project):
    images = shifted(project(VOLUME, A))
    assert correlation(images, TRUTH).min() > 0.999
    assert (images * TRUTH).sum() / (TRUTH**2).sum() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("project", [project_volume, project_volume_real_space])
def test_wrong_variants_are_seen(project):
    assert correlation(shifted(project(VOLUME, A.mT.contiguous())), TRUTH).min() < 0.95
    assert correlation(shifted(project(VOLUME, A), -SHIFT), TRUTH).min() < 0.95
    flipped = shifted(project(VOLUME, A), SHIFT[:, ::-1].copy())
    assert correlation(flipped, TRUTH).min() < 0.95
    assert correlation(shifted(project(VOLUME.flip(0), A)), TRUTH).min() < 0.95


@pytest.mark.parametrize("align_corners", [False, True])
def test_affine_grid_turns_about_the_wrong_point(align_corners):
    theta = torch.cat([A, torch.zeros(len(A), 3, 1)], dim=2)
    grid = F.affine_grid(theta, [len(A), 1, BOX, BOX, BOX], align_corners=align_corners)
    volumes = VOLUME.expand(len(A), 1, BOX, BOX, BOX)
    images = F.grid_sample(volumes, grid, align_corners=align_corners)[:, 0].sum(1)
    assert correlation(shifted(images), TRUTH).min() < 0.99


@pytest.mark.parametrize("project", [project_volume, project_volume_real_space])
@pytest.mark.parametrize("box", [16, 18])
def test_a_bright_voxel_at_the_centre_stays_put(project, box):
    volume = torch.zeros(box, box, box)
    volume[box // 2, box // 2, box // 2] = 1.0
    images = project(volume, torch.as_tensor(rotations(100), dtype=torch.float32))
    brightest = images.flatten(1).argmax(1)
    assert torch.all(brightest == (box // 2) * box + box // 2)
    # symmetric about the centre: nothing leans to one side
    axis = torch.arange(box) - box // 2
    inner = images * (axis.abs() < box // 2) * (axis.abs() < box // 2)[:, None]
    assert (inner * axis).sum((1, 2)).abs().max() < 1e-3 * box
    assert (inner * axis[:, None]).sum((1, 2)).abs().max() < 1e-3 * box


def test_an_atom_lands_where_a_says():
    """A^T c: a voxel at (x, y, z) = (5, 0, 0) under a quarter turn about z."""
    volume = torch.zeros(32, 32, 32)
    volume[16, 16, 21] = 1.0
    quarter = torch.tensor([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]])  # rot = 90
    for project in (project_volume, project_volume_real_space):
        y, x = divmod(int(project(volume, quarter)[0].argmax()), 32)
        assert (x - 16, y - 16) == (0, -5)


def test_the_grey_values_are_the_plain_sum():
    volume = torch.as_tensor(Atoms.random(30, 16.0, 800.0).density(32, 2.0))
    identity, expected = torch.eye(3)[None], volume.sum(0)
    real_space = project_volume_real_space(volume, identity)[0]
    torch.testing.assert_close(real_space, expected, atol=1e-6, rtol=0)
    # the correction for interpolation is wasted on the identity: less so on a finer grid
    fine = project_volume(volume, identity, pad_factor=6.0)[0]
    assert (fine - expected).abs().max() < 0.01 * expected.max()


def test_the_corners_beyond_nyquist_can_be_cut():
    noise = torch.randn(16, 16, 16, generator=torch.Generator().manual_seed(0))
    spectrum = torch.fft.rfft2(project_volume(noise, A[:1], pad_factor=1.0, fftfreq_max=0.5))
    assert spectrum[0, 6:10, 7:].abs().max() < 1e-3 * spectrum.abs().max()


@pytest.mark.parametrize("project", [project_volume, project_volume_real_space])
def test_gradients_against_finite_differences(project):
    generator = torch.Generator().manual_seed(3)
    atoms = Atoms.random(20, radius=8.0, b_factor=300.0)
    volume = torch.as_tensor(atoms.density(16, 2.0)).requires_grad_()
    rotation = torch.as_tensor(rotations(2)).requires_grad_()
    probe = torch.randn(2, 16, 16, dtype=torch.float64, generator=generator)

    def value(v, r):
        return (project(v, r) * probe).sum()

    in_volume, in_rotation = torch.autograd.grad(value(volume, rotation), (volume, rotation))
    v, r = volume.detach(), rotation.detach()
    for _ in range(5):
        step = torch.randn(v.shape, dtype=torch.float64, generator=generator)
        finite = (value(v + 1e-2 * step, r) - value(v - 1e-2 * step, r)) / 2e-2
        assert float((in_volume * step).sum()) == pytest.approx(float(finite), rel=1e-3)
    # piecewise linear in the rotation: small steps, and a tolerance for kinks and float32
    for _ in range(5):
        step = torch.randn(r.shape, dtype=torch.float64, generator=generator)
        finite = (value(v, r + 1e-4 * step) - value(v, r - 1e-4 * step)) / 2e-4
        assert float((in_rotation * step).sum()) == pytest.approx(float(finite), rel=0.05)


def test_a_volume_for_each_rotation():
    pair = torch.stack([VOLUME, VOLUME.flip(2)])
    both = project_volume_real_space(pair, A[:2])
    torch.testing.assert_close(both[1], project_volume_real_space(pair[1], A[1:2])[0])
