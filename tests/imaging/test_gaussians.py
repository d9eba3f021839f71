"""Gaussians to images: against the closed form in float64, and by finite differences."""

import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from napari_conformix.imaging import gaussian_map, project_gaussians
from napari_conformix.imaging.gaussians import (
    crop_rfft,
    cropped_rfft2,
    project_points,
    splat_points_2d,
    splat_points_3d,
)

BOX, PIXEL = 48, 3.0
SHIFT = torch.tensor([[4.5, -7.25], [0.0, 0.0], [-11.0, 2.0], [6.0, 6.0]], dtype=torch.float64)


def scene(count=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    positions = torch.randn(count, 3, generator=generator, dtype=torch.float64) * 9
    rotation = torch.from_numpy(Rotation.random(len(SHIFT), random_state=seed).as_matrix())
    return positions, rotation


def closed_form_image(positions, rotation, shift, width):
    """Sum over Gaussians of the plain line integral, per pixel side: float64, no grid but the
    pixel centres."""
    axis = (torch.arange(BOX, dtype=torch.float64) - BOX // 2) * PIXEL
    points = (rotation.T @ positions.T).T[:, :2] + shift
    gx = torch.exp(-((axis[None] - points[:, :1]) ** 2) / (2 * width**2))  # (n, w)
    gy = torch.exp(-((axis[None] - points[:, 1:]) ** 2) / (2 * width**2))  # (n, h)
    return torch.einsum("ny,nx->yx", gy, gx) * PIXEL**2 / (2 * math.pi * width**2)


def to_image(transform):
    image = torch.fft.irfft2(transform, s=(BOX, BOX))
    return torch.fft.fftshift(image, dim=(-2, -1))


@pytest.mark.parametrize(("oversampling", "tolerance"), [(2, 8e-3), (4, 2e-3), (8, 5e-4)])
def test_projection_is_the_closed_form(oversampling, tolerance):
    positions, rotation = scene()
    width = torch.tensor(5.0, dtype=torch.float64)
    ours = to_image(project_gaussians(positions, width, rotation, SHIFT, BOX, PIXEL, oversampling))
    for image, matrix, shift in zip(ours, rotation, SHIFT, strict=True):
        expected = closed_form_image(positions, matrix, shift, 5.0)
        assert (image - expected).abs().max() < tolerance * expected.max()


@pytest.mark.parametrize("wrong", ["transposed", "shift flipped", "x and y swapped"])
def test_the_closed_form_sees_wrong_conventions(wrong):
    positions, rotation = scene()
    width = torch.tensor(5.0, dtype=torch.float64)
    shift = SHIFT
    if wrong == "transposed":
        rotation_used, shift_used = rotation.transpose(1, 2), shift
    elif wrong == "shift flipped":
        rotation_used, shift_used = rotation, -shift
    else:
        rotation_used, shift_used = rotation, shift.flip(1)
    ours = to_image(project_gaussians(positions, width, rotation_used, shift_used, BOX, PIXEL))
    errors = [
        (image - closed_form_image(positions, matrix, s, 5.0)).abs().max()
        for image, matrix, s in zip(ours, rotation, shift, strict=True)
    ]
    assert max(errors) > 0.02


def test_gradients_are_those_of_finite_differences():
    positions, rotation = scene(count=6)
    positions = positions.requires_grad_()
    width = torch.tensor(4.0, dtype=torch.float64, requires_grad=True)
    target = torch.randn(len(SHIFT), BOX, BOX // 2 + 1, dtype=torch.complex128)

    def loss(p, w):
        images = project_gaussians(p, w, rotation, SHIFT, BOX, PIXEL)
        return (images * target.conj()).real.sum()

    loss(positions, width).backward()
    step = 1e-4
    with torch.no_grad():
        for index in [(0, 0), (2, 1), (5, 2)]:
            offset = torch.zeros_like(positions)
            offset[index] = step
            numeric = (loss(positions + offset, width) - loss(positions - offset, width)) / (
                2 * step
            )
            assert positions.grad[index] == pytest.approx(float(numeric), rel=1e-4)
        numeric = (loss(positions, width + step) - loss(positions, width - step)) / (2 * step)
    assert float(width.grad) == pytest.approx(float(numeric), rel=1e-5)


@pytest.mark.parametrize(("oversampling", "tolerance"), [(1, 0.06), (2, 0.01), (4, 2e-3)])
def test_map_is_the_closed_form(oversampling, tolerance):
    positions, _ = scene(count=5)
    width = torch.tensor(6.0, dtype=torch.float64)
    volume = gaussian_map(positions[None], width, BOX, PIXEL, oversampling)[0]
    axis = (torch.arange(BOX, dtype=torch.float64) - BOX // 2) * PIXEL
    g = torch.exp(-((axis[None, None] - positions[:, :, None]) ** 2) / (2 * 36.0))  # (n, 3, N)
    expected = torch.einsum("nz,ny,nx->zyx", g[:, 2], g[:, 1], g[:, 0])
    expected *= (PIXEL / (math.sqrt(2 * math.pi) * 6.0)) ** 3
    assert (volume - expected).abs().max() < tolerance * expected.max()
    assert float(volume.sum()) == pytest.approx(5.0, rel=1e-9)


def test_map_and_projection_agree():
    positions, _ = scene(count=20)
    width = torch.tensor(6.0, dtype=torch.float64)
    volume = gaussian_map(positions[None], width, BOX, PIXEL, 2)[0]
    straight = torch.eye(3, dtype=torch.float64)[None]
    image = to_image(project_gaussians(positions, width, straight, SHIFT[1:2], BOX, PIXEL))[0]
    assert (volume.sum(0) - image).abs().max() < 0.01 * image.max()


def test_a_point_at_the_centre_stays_put_in_every_orientation():
    rotation = torch.from_numpy(Rotation.random(100, random_state=3).as_matrix())
    nothing = torch.zeros(100, 2, dtype=torch.float64)
    points = project_points(torch.zeros(1, 3, dtype=torch.float64), rotation, nothing)
    images = splat_points_2d(points / PIXEL, BOX)
    assert torch.equal(images[:, 0, 0], torch.ones(100, dtype=torch.float64))


def test_splats_keep_all_mass_across_the_border():
    points = (torch.rand(2, 50, 3, dtype=torch.float64) - 0.5) * 3 * BOX
    assert torch.allclose(
        splat_points_2d(points[..., :2], BOX).sum((1, 2)), torch.tensor(50.0).double()
    )
    assert torch.allclose(splat_points_3d(points, 16).sum((1, 2, 3)), torch.tensor(50.0).double())


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_position_that_is_not_finite_gives_nan_and_no_crash(bad):
    """Training leaves such a step out; an index off the grid would end the run."""
    points = torch.tensor([[[1.5, 2.5], [bad, 3.0]]], requires_grad=True)
    image = splat_points_2d(points, 8)
    assert bool(image.isnan().any())
    image.sum().backward()


# -- width classes and masses (eq. 8) -------------------------------------------------------------

WIDTHS = (4.0, 6.0, 9.0)


def classes(count, seed=4):
    """Widths (k,) and weights (k, n) in which every Gaussian is partly of every class."""
    generator = torch.Generator().manual_seed(seed)
    shares = torch.randn(len(WIDTHS), count, generator=generator, dtype=torch.float64).softmax(0)
    amplitude = torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)
    return torch.tensor(WIDTHS, dtype=torch.float64), shares * amplitude[:, None]


def test_projection_of_width_classes_is_the_direct_sum():
    positions, rotation = scene()
    widths, weights = classes(len(positions))
    ours = to_image(project_gaussians(positions, widths, rotation, SHIFT, BOX, PIXEL, 4, weights))
    axis = (torch.arange(BOX, dtype=torch.float64) - BOX // 2) * PIXEL
    for image, matrix, shift in zip(ours, rotation, SHIFT, strict=True):
        points = positions @ matrix[:, :2] + shift
        expected = torch.zeros(BOX, BOX, dtype=torch.float64)
        for width, weight in zip(WIDTHS, weights, strict=True):
            g = torch.exp(-((axis - points[..., None]) ** 2) / (2 * width**2))  # (n, 2, N)
            scale = weight * PIXEL**2 / (2 * math.pi * width**2)
            expected += torch.einsum("n,ny,nx->yx", scale, g[:, 1], g[:, 0])
        assert (image - expected).abs().max() < 3e-3 * expected.max()


def test_map_of_width_classes_is_the_direct_sum():
    positions, _ = scene(count=5)
    widths, weights = classes(5)
    volume = gaussian_map(positions[None], widths, BOX, PIXEL, 3, weights)[0]
    axis = (torch.arange(BOX, dtype=torch.float64) - BOX // 2) * PIXEL
    expected = torch.zeros_like(volume)
    for width, weight in zip(WIDTHS, weights, strict=True):
        g = torch.exp(-((axis - positions[..., None]) ** 2) / (2 * width**2))  # (n, 3, N)
        scale = weight * (PIXEL / (math.sqrt(2 * math.pi) * width)) ** 3
        expected += torch.einsum("n,nz,ny,nx->zyx", scale, g[:, 2], g[:, 1], g[:, 0])
    assert (volume - expected).abs().max() < 0.01 * expected.max()
    assert float(volume.sum()) == pytest.approx(float(weights.sum()), rel=1e-9)


def test_gradients_of_width_classes_are_those_of_finite_differences():
    positions, rotation = scene(count=6)
    widths, weights = classes(6)
    parameters = [p.requires_grad_() for p in (positions, widths, weights)]
    target = torch.randn(len(SHIFT), BOX, BOX // 2 + 1, dtype=torch.complex128)

    def loss(p, w, m):
        images = project_gaussians(p, w, rotation, SHIFT, BOX, PIXEL, 2, m)
        return (images * target.conj()).real.sum()

    loss(*parameters).backward()
    step = 1e-5
    with torch.no_grad():
        for which, index in [(0, (1, 0)), (0, (4, 2)), (1, (2,)), (2, (0, 3)), (2, (2, 5))]:
            offset = [torch.zeros_like(p) for p in parameters]
            offset[which][index] = step
            up = loss(*(p + o for p, o in zip(parameters, offset, strict=True)))
            down = loss(*(p - o for p, o in zip(parameters, offset, strict=True)))
            numeric = float((up - down) / (2 * step))
            assert float(parameters[which].grad[index]) == pytest.approx(numeric, rel=1e-4)


def test_one_class_of_weight_one_is_the_plain_case():
    positions, rotation = scene()
    width = torch.tensor(5.0, dtype=torch.float64)
    plain = project_gaussians(positions, width, rotation, SHIFT, BOX, PIXEL)
    ones = torch.ones(1, len(positions), dtype=torch.float64)
    weighted = project_gaussians(positions, width[None], rotation, SHIFT, BOX, PIXEL, 2, ones)
    assert torch.allclose(plain, weighted, atol=1e-9)


@pytest.mark.parametrize(("size", "box"), [(16, 16), (32, 16), (48, 16)])
def test_the_cropped_transform_and_its_gradient_are_those_of_rfft2(size, box):
    grid = torch.randn(3, size, size, dtype=torch.float64, requires_grad=True)
    target = torch.randn(3, box, box // 2 + 1, dtype=torch.complex128)
    plain = crop_rfft(torch.fft.rfft2(grid), box, 2)
    ours = cropped_rfft2(grid, box)
    assert torch.allclose(ours, plain, atol=1e-12)
    expected = torch.autograd.grad((plain * target).real.sum(), grid)[0]
    found = torch.autograd.grad((ours * target).real.sum(), grid)[0]
    assert torch.allclose(found, expected, atol=1e-10)
