"""Shifts and changes of grid against exact images of point atoms; shells against numpy."""

import numpy as np
import pytest
import torch
from point_atoms import Atoms, rotations

from napari_conformix.imaging import (
    fourier_resize_2d,
    fourier_resize_3d,
    fourier_shift,
    radial_average_2d,
    radial_average_3d,
    resample_2d,
    resample_3d,
    spread_shells_2d,
)

# smooth enough to fall below 1e-6 at every Nyquist frequency used here
SMOOTH = Atoms.random(80, radius=35.0, b_factor=2400.0)
ROTATION = rotations(3)
NO_SHIFT = np.zeros((3, 2))


def relative(a, b):
    return float(np.abs(np.asarray(a) - np.asarray(b)).max() / np.abs(np.asarray(b)).max())


def test_shift_moves_by_plus_xy():
    shift = np.array([[7.3, -4.1], [0.0, 12.5], [-3.0, -9.9]])
    still = torch.as_tensor(SMOOTH.images(ROTATION, NO_SHIFT, 64, 2.0))
    expected = SMOOTH.images(ROTATION, shift, 64, 2.0)

    def moved(xy):
        return torch.fft.irfft2(fourier_shift(torch.fft.rfft2(still), torch.as_tensor(xy) / 2.0))

    assert relative(moved(shift), expected) < 1e-5
    assert relative(moved(-shift), expected) > 0.1
    assert relative(moved(shift[:, ::-1].copy()), expected) > 0.1


def test_shift_keeps_precision_and_gradient():
    image = torch.randn(2, 8, 8, dtype=torch.float64)
    shift = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    spectrum = torch.fft.rfft2(image)
    assert fourier_shift(spectrum, shift).dtype == torch.complex128
    assert fourier_shift(spectrum.to(torch.complex64), shift.float()).dtype == torch.complex64
    assert torch.autograd.gradcheck(lambda s: fourier_shift(spectrum, s).abs().sum(), shift)
    assert torch.autograd.gradcheck(lambda s: torch.fft.irfft2(fourier_shift(spectrum, s)), shift)


@pytest.mark.parametrize(
    ("box", "pixel_size", "new_box", "new_pixel_size"),
    [
        (64, 2.0, 32, 4.0),  # Fourier crop
        (64, 2.0, 96, 4 / 3),  # Fourier padding
        (64, 2.0, 192, 2 / 3),
        (64, 2.0, 46, 2.9),  # no whole number of coefficients
        (63, 2.0, 50, 2.5),  # odd box
        (96, 1.7, 64, 2.0),  # smaller extent
        (128, 1.25, 80, 2.0),
    ],
)
def test_resampled_images_are_those_of_the_new_grid(box, pixel_size, new_box, new_pixel_size):
    old = torch.as_tensor(SMOOTH.images(ROTATION, NO_SHIFT, box, pixel_size))
    if box % 2:  # `images` is for even boxes; an odd one with the centre at index box // 2
        old = resample_2d(
            torch.as_tensor(SMOOTH.images(ROTATION, NO_SHIFT, 80, 2.0)), 2.0, box, pixel_size
        )
    expected = SMOOTH.images(ROTATION, NO_SHIFT, new_box, new_pixel_size)
    # a pixel of the exact image holds the density times the area of the pixel
    expected = expected * (pixel_size / new_pixel_size) ** 2
    got = resample_2d(old, pixel_size, new_box, new_pixel_size)
    assert got.dtype == old.dtype
    assert relative(got, expected) < 2e-5


def test_volumes_resample_like_images():
    old = torch.as_tensor(SMOOTH.density(48, 2.5))
    expected = SMOOTH.density(40, 3.0) * (2.5 / 3.0) ** 3
    assert relative(resample_3d(old, 2.5, 40, 3.0), expected) < 2e-5
    batch = resample_3d(torch.stack([old, 2 * old]), 2.5, 40, 3.0)
    assert relative(batch[1], 2 * expected) < 2e-5


def test_a_wider_box_has_an_empty_border():
    image = torch.ones(1, 16, 16, dtype=torch.float64)
    wide = resample_2d(image, 1.0, 32, 1.0)
    assert torch.equal(wide[:, 8:24, 8:24].round(decimals=12), image)
    assert wide.sum() == pytest.approx(256)


@pytest.mark.parametrize("box", [64, 66, 100, 192])
def test_padding_and_cropping_back_changes_nothing(box):
    noise = torch.randn(2, 64, 64, dtype=torch.float64)
    torch.testing.assert_close(fourier_resize_2d(fourier_resize_2d(noise, box), 64), noise)
    cube = torch.randn(16, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(fourier_resize_3d(fourier_resize_3d(cube, 24), 16), cube)


def test_cropping_keeps_the_coefficients_below_nyquist():
    noise = torch.randn(64, 64, dtype=torch.float64)
    # both with the centre of the image as the origin of phases
    kept = torch.fft.rfft2(torch.fft.ifftshift(fourier_resize_2d(noise, 40))) / 40**2
    original = torch.fft.rfft2(torch.fft.ifftshift(noise)) / 64**2
    torch.testing.assert_close(kept[:20, :20], original[:20, :20])
    torch.testing.assert_close(kept[-19:, :20], original[-19:, :20])


def test_resizing_keeps_the_mean_and_the_centre():
    spot = torch.as_tensor(Atoms(np.zeros((1, 3)), np.ones(1), 600.0).density(32, 2.0))
    for box in (24, 48, 128):
        resized = fourier_resize_3d(spot, box)
        assert resized.mean() == pytest.approx(float(spot.mean()))
        assert int(resized.argmax()) == (box // 2) * (box**2 + box + 1)


def test_resampling_has_a_gradient():
    image = torch.randn(1, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: resample_2d(x, 1.0, 6, 1.4), image)


def test_radial_averages_against_numpy():
    rng = np.random.default_rng(0)
    spectrum = rng.random((2, 16, 16, 9))
    k = np.fft.fftfreq(16, 1 / 16)
    radius = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + np.arange(9) ** 2)
    for shell in range(9):
        chosen = np.round(radius) == shell
        got = radial_average_3d(torch.as_tensor(spectrum))[:, shell]
        np.testing.assert_allclose(got, spectrum[:, chosen].mean(1))
        got = radial_average_2d(torch.as_tensor(spectrum[:, 0]))[:, shell]
        np.testing.assert_allclose(got, spectrum[:, 0][:, chosen[0]].mean(1))


def test_a_curve_spread_over_shells_averages_to_itself():
    curve = torch.rand(3, 17, dtype=torch.float64)
    spread = spread_shells_2d(curve, 32)
    assert spread.shape == (3, 32, 17)
    torch.testing.assert_close(radial_average_2d(spread), curve)
    assert torch.equal(spread[:, 16, 16], curve[:, 16])  # corner, beyond the last shell
