"""Projections of voxels: against direct sums in float64, point atoms, Fourier slices and RELION.

The criterion is the worst image, or the worst pixel of the worst image.
"""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from point_atoms import Atoms, correlation, rotations, to_images
from relion_programs import read_mrc, run_relion, write_mrc, write_star

from napari_conformix.imaging import (
    ctf_2d,
    matrix_to_euler,
    project_voxels,
    rfft_radius,
    sample_images,
    voxel_positions,
)
from napari_conformix.imaging.voxels import project_slices

BOX, PIXEL, COUNT = 32, 3.0, 24
ROTATION = torch.as_tensor(rotations(COUNT))
SHIFT = torch.as_tensor(np.random.default_rng(5).uniform(-12, 12, (COUNT, 2)))
ATOMS = Atoms.random(60, radius=24.0, b_factor=500.0)
BELOW_NYQUIST = rfft_radius(BOX, 2) < BOX / 2 - 1e-6


def density(atoms=ATOMS, box=BOX, pixel=PIXEL):
    """A map's values where they matter, their positions and flat indices, and the cut map."""
    volume = torch.as_tensor(atoms.density(box, pixel))
    inside = volume.abs() > 1e-3 * volume.max()
    positions, flat = voxel_positions(box, pixel, inside)
    return volume.flatten()[flat], positions.double(), volume * inside


def direct_sum(values, positions, rotation, shift, box=BOX, pixel=PIXEL):
    """sum_i v_i exp(-2 pi i k x_i), coefficient by coefficient: no grid, no interpolation."""
    ky, kx = np.fft.fftfreq(box, pixel), np.fft.rfftfreq(box, pixel)
    transforms = []
    for v, matrix, s in zip(*(np.asarray(t) for t in (values, rotation, shift)), strict=True):
        xy = positions.numpy() @ matrix[:, :2] + s
        wave_y = np.exp(-2j * np.pi * np.outer(ky, xy[:, 1]))
        transforms.append((wave_y * v) @ np.exp(-2j * np.pi * np.outer(xy[:, 0], kx)))
    return np.stack(transforms) * (rfft_radius(box, 2) < box / 2 - 1e-6).numpy()


def of_atoms():
    transforms = ATOMS.image_transforms(ROTATION.numpy(), SHIFT.numpy(), BOX, PIXEL)
    return torch.as_tensor(transforms) * BELOW_NYQUIST


def images_of(transforms):
    return to_images(torch.as_tensor(transforms).detach().numpy().astype(np.complex128))


def worst_pixel(ours, expected):
    """Largest error of a pixel of any image, over the brightest pixel of that image."""
    ours, expected = images_of(ours), images_of(expected)
    return (abs(ours - expected).max((1, 2)) / abs(expected).max((1, 2))).max()


# -- the operator ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("oversampling", "tolerance"), [(2, 0.05), (3, 0.02), (4, 0.015)])
def test_projection_is_the_direct_sum(oversampling, tolerance):
    values, positions, _ = density()
    factors = torch.as_tensor(np.random.default_rng(1).uniform(0.2, 2, (COUNT, len(values))))
    each = values * factors  # other values for every image, and a rough volume
    ours = project_voxels(each, positions, ROTATION, SHIFT, BOX, PIXEL, oversampling)
    assert worst_pixel(ours, direct_sum(each, positions, ROTATION, SHIFT)) < tolerance


@pytest.mark.parametrize(("oversampling", "tolerance"), [(2, 0.05), (3, 0.02)])
def test_projection_is_that_of_the_atoms(oversampling, tolerance):
    values, positions, _ = density()
    each = values.expand(COUNT, -1)
    ours = project_voxels(each, positions, ROTATION, SHIFT, BOX, PIXEL, oversampling)
    expected = of_atoms()
    assert worst_pixel(ours, expected) < tolerance
    assert correlation(images_of(ours), images_of(expected)).min() > 0.999


@pytest.mark.parametrize("wrong", ["transposed", "shift flipped", "x and y swapped", "half voxel"])
def test_the_atoms_see_wrong_conventions(wrong):
    values, positions, _ = density()
    rotation, shift = ROTATION, SHIFT
    if wrong == "transposed":
        rotation = rotation.mT
    elif wrong == "shift flipped":
        shift = -shift
    elif wrong == "x and y swapped":
        shift = shift.flip(1)
    else:
        positions = positions + PIXEL / 2
    ours = project_voxels(values.expand(COUNT, -1), positions, rotation, shift, BOX, PIXEL)
    expected = of_atoms()
    assert correlation(images_of(ours), images_of(expected)).min() < 0.98


def test_slices_and_points_are_the_same_images():
    values, positions, volume = density()
    points = project_voxels(values.expand(COUNT, -1), positions, ROTATION, SHIFT, BOX, PIXEL, 3)
    volumes = volume.expand(COUNT, -1, -1, -1)
    slices = project_slices(volumes, ROTATION, SHIFT, PIXEL)
    a, b = images_of(points), images_of(slices * BELOW_NYQUIST)
    assert 1 - correlation(a, b).min() < 1e-3
    scale = (a * b).sum((1, 2)) / (b * b).sum((1, 2))
    np.testing.assert_allclose(scale, 1, atol=0.01)  # grey values, image by image


def test_gradient_is_the_adjoint_to_the_last_digit():
    values, positions, _ = density()
    generator = torch.Generator().manual_seed(2)
    each = torch.randn(COUNT, len(values), generator=generator, dtype=torch.float64)
    each.requires_grad_()
    probe = torch.randn(COUNT, BOX, BOX // 2 + 1, generator=generator, dtype=torch.complex128)
    image = project_voxels(each, positions, ROTATION, SHIFT, BOX, PIXEL)
    forward = (image * probe.conj()).real.sum()  # <P v, g>
    forward.backward()
    back = (each.grad * each.detach()).sum()  # <v, P* g>
    size = float((each.grad.norm() * each.norm()).detach())
    assert abs(float(forward.detach() - back)) < 1e-10 * size
    # and each image's values get the gradient of their own image only
    one = project_voxels(each[3:4], positions, ROTATION[3:4], SHIFT[3:4], BOX, PIXEL)
    (alone,) = torch.autograd.grad((one * probe[3:4].conj()).real.sum(), each)
    torch.testing.assert_close(alone[3], each.grad[3], rtol=0, atol=1e-10)
    assert not alone[:3].any()


def test_sampling_is_the_adjoint_of_the_splat():
    """Without blur and band limit: <splat v, image> = <v, sampled image>."""
    _, positions, _ = density()
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(COUNT, BOX, BOX, generator=generator, dtype=torch.float64)
    images.requires_grad_()
    values = torch.randn(COUNT, len(positions), generator=generator, dtype=torch.float64)
    sampled = sample_images(images, positions, ROTATION, SHIFT, PIXEL)
    inner = (sampled * values).sum()
    (splat,) = torch.autograd.grad(inner, images)
    difference = (splat * images.detach()).sum() - inner.detach()
    assert abs(float(difference)) < 1e-10 * float(splat.norm() * images.detach().norm())
    # the splat under the projection, with its blur put back
    transform = project_voxels(values, positions, ROTATION, SHIFT, BOX, PIXEL, 1)
    blur = [torch.sinc(f(BOX).double()) ** 2 for f in (torch.fft.fftfreq, torch.fft.rfftfreq)]
    blurred = transform * blur[0][:, None] * blur[1]
    expected = torch.fft.rfft2(torch.fft.ifftshift(splat, dim=(-2, -1)))
    difference = (blurred - expected).abs() * BELOW_NYQUIST
    assert float(difference.max()) < 1e-10 * float(expected.abs().max())


def test_sampling_reads_the_pixel_that_a_point_is_projected_to():
    """An image whose grey values are its own coordinates."""
    _, positions, _ = density()
    axis = (torch.arange(BOX, dtype=torch.float64) - BOX // 2) * PIXEL
    ramps = torch.stack([axis.expand(BOX, -1), axis[:, None].expand(-1, BOX)])  # x, y
    for i in range(COUNT):
        pose = ROTATION[i].expand(2, 3, 3), SHIFT[i].expand(2, 2)
        sampled = sample_images(ramps, positions, *pose, PIXEL)  # (2, n)
        expected = (ROTATION[i].T @ positions.T)[:2] + SHIFT[i][:, None]
        inside = (expected > axis[0]).all(0) & (expected < axis[-1]).all(0)
        assert inside.float().mean() > 0.9
        torch.testing.assert_close(sampled[:, inside], expected[:, inside], atol=1e-9, rtol=0)


# -- grids ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("box", "ratio"), [(20, 1.6), (16, 2.0), (40, 0.8)])
def test_another_voxel_size_keeps_grey_values_and_brings_in_no_replicas(box, ratio):
    """Values stay densities per voxel of the images, and the coarser grid limits the band."""
    atoms = Atoms.random(60, radius=22.0, b_factor=500.0)
    values, positions, _ = density(atoms, box, PIXEL * ratio)
    values = values / ratio**3  # a mass of each coarse voxel to a density per voxel of the images
    each = values.expand(COUNT, -1)
    pose = ROTATION, SHIFT / 3, BOX, PIXEL
    ours = project_voxels(each, positions, *pose, voxel_size_angstrom=PIXEL * ratio)
    expected = atoms.image_transforms(ROTATION.numpy(), SHIFT.numpy() / 3, BOX, PIXEL)
    expected = expected * (rfft_radius(BOX, 2) < BOX / 2 / max(ratio, 1) - 1e-6).numpy()
    assert correlation(images_of(ours), images_of(expected)).min() > 0.999
    assert worst_pixel(ours, expected) < 0.03
    torch.testing.assert_close(torch.fft.rfft2(torch.fft.irfft2(ours)), ours)  # a real image
    if ratio > 1:  # taken for voxels of the images the same values show their replicas
        naive = project_voxels(each * ratio**3, positions, *pose)
        assert correlation(images_of(naive), images_of(expected)).min() < 0.99


def test_positions_are_those_of_the_voxels():
    inside = torch.zeros(6, 6, 6, dtype=torch.bool)
    for zyx in [(3, 3, 3), (0, 1, 5), (5, 2, 0)]:
        inside[zyx] = True
    positions, flat = voxel_positions(6, 2.0, inside)
    assert positions.tolist() == [[4.0, -4.0, -6.0], [0.0, 0.0, 0.0], [-6.0, -2.0, 4.0]]
    assert torch.equal(flat, inside.flatten().nonzero()[:, 0])
    everywhere, every = voxel_positions(6, 2.0)
    assert torch.equal(everywhere[flat], positions)
    assert torch.equal(every, torch.arange(216))
    with pytest.raises(ValueError, match="inside is"):
        voxel_positions(8, 2.0, inside)


def test_a_voxel_at_the_centre_stays_put_in_every_orientation():
    straight = torch.zeros(COUNT, 2, dtype=torch.float64)
    origin = torch.zeros(1, 3, dtype=torch.float64)
    for box in (16, 30, 64):
        one = torch.ones(COUNT, 1, dtype=torch.float64)
        transform = project_voxels(one, origin, ROTATION, straight, box, PIXEL)
        # a delta at the origin: no phase, and the blur is exactly undone but for aliases
        assert float(transform.imag.abs().max()) < 1e-6
        brightest = images_of(transform).reshape(COUNT, -1).argmax(1)
        assert (brightest == box // 2 * box + box // 2).all()


def test_what_falls_outside_of_the_image_does_not_come_in_at_the_other_side():
    far = torch.tensor([[BOX * PIXEL, 0.0, 0.0], [0.0, 0.0, BOX * PIXEL]], dtype=torch.float64)
    straight = torch.eye(3, dtype=torch.float64)[None]
    nowhere = torch.zeros(1, 2, dtype=torch.float64)
    values = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    assert not project_voxels(values, far, straight, nowhere, BOX, PIXEL).any()
    along_z = torch.tensor([[0.0, 1.0]], dtype=torch.float64)  # out of the box, yet in the image
    assert project_voxels(along_z, far, straight, nowhere, BOX, PIXEL).abs().max() > 0.9


def test_mixed_precision_projects_in_single():
    """Values of a half-precision decoder; the places of the points keep all their digits."""
    values, positions, _ = density()
    pose = ROTATION.float(), SHIFT.float()
    low = values.expand(COUNT, -1).bfloat16().requires_grad_()
    expected = project_voxels(low.detach().float(), positions.float(), *pose, BOX, PIXEL)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        transform = project_voxels(low, positions.float(), *pose, BOX, PIXEL)
        sampled = sample_images(torch.randn(COUNT, BOX, BOX), positions.float(), *pose, PIXEL)
    assert sampled.dtype == torch.float32
    torch.testing.assert_close(transform.detach(), expected)
    transform.abs().sum().backward()
    assert low.grad.dtype == torch.bfloat16


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_pose_that_is_not_finite_ends_nothing(bad):
    values, positions, _ = density()
    shift = SHIFT.clone()
    shift[0, 1] = bad
    each = values.repeat(COUNT, 1).requires_grad_()
    transform = project_voxels(each, positions, ROTATION, shift, BOX, PIXEL)
    transform.abs().sum().backward()
    assert bool(transform[1:].isfinite().all())
    assert bool(each.grad[1:].isfinite().all())


# -- RELION ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def referee(tmp_path_factory):
    """relion_project's shifted, astigmatic images of a map, the map, the poses and the CTFs."""
    folder, box, count = tmp_path_factory.mktemp("voxels"), 64, 40
    rng = np.random.default_rng(11)
    volume = Atoms.random(80, radius=50.0, b_factor=800.0, seed=4).density(box, PIXEL)
    write_mrc(folder / "map.mrc", volume, PIXEL)
    rotation = torch.as_tensor(rotations(count, seed=9))
    angles = matrix_to_euler(rotation).numpy()
    origin = rng.uniform(-15, 15, (count, 2))
    u = rng.uniform(8000, 20000, count)
    v, angle = u - rng.uniform(0, 4000, count), rng.uniform(0, 180, count)
    particles = {
        "rlnImageName": [f"{i + 1:06d}@images.mrcs" for i in range(count)],
        **dict(zip(["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"], angles.T, strict=True)),
        **dict(zip(["rlnOriginXAngst", "rlnOriginYAngst"], origin.T, strict=True)),
        "rlnDefocusU": u,
        "rlnDefocusV": v,
        "rlnDefocusAngle": angle,
    }
    write_star(folder / "in.star", particles, box=box, pixel_size=PIXEL)
    arguments = ["--i", "map.mrc", "--ang", "in.star", "--o", "images", "--angpix", PIXEL]
    run_relion("relion_project", *arguments, "--ctf", folder=folder)
    columns = (torch.as_tensor(c, dtype=torch.float32) for c in (u, v, angle, np.zeros(count)))
    return SimpleNamespace(
        images=read_mrc(folder / "images.mrcs"),
        volume=torch.as_tensor(volume, dtype=torch.float32),
        rotation=rotation.float(),
        shift=torch.as_tensor(-origin, dtype=torch.float32),
        ctf=ctf_2d(*columns, 300.0, 2.7, 0.1, PIXEL, box),
    )


@pytest.mark.relion
@pytest.mark.parametrize("wrong", [None, "transposed", "shift flipped", "half voxel"])
def test_images_agree_with_relion_project(referee, wrong):
    images, box = referee.images, referee.images.shape[-1]
    inside = referee.volume.abs() > 1e-3 * referee.volume.max()
    positions, flat = voxel_positions(box, PIXEL, inside)
    rotation, shift = referee.rotation, referee.shift
    if wrong == "transposed":
        rotation = rotation.mT
    elif wrong == "shift flipped":
        shift = -shift
    elif wrong == "half voxel":
        positions = positions + PIXEL / 2
    values = referee.volume.flatten()[flat].expand(len(images), -1)
    ours = project_voxels(values, positions, rotation, shift, box, PIXEL) * referee.ctf
    ours = images_of(ours)
    worst = correlation(ours, images).min()
    if wrong:
        assert worst < 0.98
    else:
        assert worst > 0.999
        each = (ours * images).sum((1, 2)) / (images**2).sum((1, 2))
        np.testing.assert_allclose(each, 1, atol=0.02)  # grey values, image by image
