"""Spreading on a grid against the exact sum over atoms in float64."""

import numpy as np
import pytest

from napari_conformix.simulation.optics import Microscope, ctf
from napari_conformix.simulation.points import density, projection_rfft

BOX, PIXEL = 32, 2.0


def atoms(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(0, 8.0, (count, 3)), rng.uniform(1, 8, count)


def relative_error(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Error in units of the root mean square of the exact values."""
    return np.abs(found - exact) / np.sqrt((np.abs(exact) ** 2).mean())


def test_projection_is_the_sum_over_atoms() -> None:
    xyz, weights = atoms()
    xy = np.stack([xyz[:, :2], xyz[:, 1:], -xyz[:, :2]])
    found = projection_rfft(xy, weights, BOX, PIXEL)

    ky, kx = np.fft.fftfreq(BOX, PIXEL), np.arange(BOX // 2 + 1) / (BOX * PIXEL)
    for image, points in zip(found, xy, strict=True):
        phase = kx[None, :, None] * points[:, 0] + ky[:, None, None] * points[:, 1]
        exact = (weights * np.exp(-2j * np.pi * phase)).sum(axis=-1)
        error = relative_error(image, exact)
        radius = np.hypot(ky[:, None], kx) * PIXEL
        assert error[radius < 0.25].max() < 0.002
        assert error[radius < 0.49].max() < 0.06
        assert error[0, 0] < 1e-6


def test_density_is_the_sum_over_atoms_below_nyquist() -> None:
    xyz, weights = atoms()
    b_factor = 60.0
    found = density(xyz, weights, BOX, PIXEL, b_factor)

    k = np.fft.fftfreq(BOX, PIXEL)
    waves = [np.exp(-2j * np.pi * k[:, None] * xyz[:, axis]) for axis in (2, 1, 0)]
    exact = np.einsum("za,ya,xa,a->zyx", *waves, weights, optimize=True)
    s2 = k[:, None, None] ** 2 + k[:, None] ** 2 + k**2
    exact = exact * np.exp(-b_factor / 4 * s2) * (s2 < (0.4999 / PIXEL) ** 2)
    volume = np.fft.fftshift(np.fft.ifftn(exact)).real
    assert np.abs(found - volume).max() < 0.005 * volume.max()
    assert found.sum() == pytest.approx(weights.sum(), rel=1e-5)


def test_axes_and_centre() -> None:
    """An atom at (x, y, z) is the brightest voxel [z, y, x] from the centre N // 2."""
    volume = density(np.array([[2.0, -4.0, 6.0]]), np.ones(1), BOX, PIXEL, 20.0)
    assert np.unravel_index(volume.argmax(), volume.shape) == (16 + 3, 16 - 2, 16 + 1)


def test_the_sum_along_z_of_the_map_is_the_projection() -> None:
    xyz, weights = atoms()
    volume = density(xyz, weights, BOX, PIXEL, 60.0)
    ft = projection_rfft(xyz[None, :, :2], weights, BOX, PIXEL)[0]
    s2 = np.fft.fftfreq(BOX, PIXEL)[:, None] ** 2 + (np.arange(17) / (BOX * PIXEL)) ** 2
    ft = ft * np.exp(-60 / 4 * s2) * (s2 < (0.4999 / PIXEL) ** 2)
    image = np.fft.fftshift(np.fft.irfft2(ft, s=(BOX, BOX)))
    assert relative_error(volume.sum(axis=0), image).max() < 0.02


def test_ctf_by_hand() -> None:
    """Single frequencies worked out from the formula; U lies along the angle, from x to y."""
    found = ctf(64, 1.5, np.array([12000.0]), np.array([10000.0]), np.array([90.0]))[0]
    wavelength = 0.019687  # A, at 300 kV
    assert Microscope().wavelength_angstrom == pytest.approx(wavelength, abs=1e-6)
    assert found[0, 0] == pytest.approx(0.1)
    s = 10 / (64 * 1.5)
    for value, defocus in ((found[10, 0], 12000.0), (found[0, 10], 10000.0)):
        gamma = np.pi * wavelength * defocus * s**2 - np.pi / 2 * 2.7e7 * wavelength**3 * s**4
        assert value == pytest.approx(np.sin(gamma + np.arcsin(0.1)), abs=2e-4)
    # a turn by +45 degrees makes the diagonal x = y the strong one, not the other
    turned = ctf(64, 1.5, np.array([12000.0]), np.array([10000.0]), np.array([45.0]))[0]
    s2 = 2 * s**2
    gamma = np.pi * wavelength * 12000 * s2 - np.pi / 2 * 2.7e7 * wavelength**3 * s2**2
    assert turned[10, 10] == pytest.approx(np.sin(gamma + np.arcsin(0.1)), abs=5e-4)
    assert abs(turned[-10, 10] - turned[10, 10]) > 0.1
