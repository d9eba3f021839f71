"""Point atoms: maps and images whose Fourier transforms are exact sums, in float64.

Nothing here rotates, interpolates or splats voxels, so it owes nothing to the code under test.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

Array = np.ndarray


@dataclass(frozen=True)
class Atoms:
    """xyz (n, 3) in A from the centre of the map, weights (n,), a common B-factor in A^2."""

    xyz: Array
    weights: Array
    b_factor: float

    @classmethod
    def random(cls, count: int, radius: float, b_factor: float, seed: int = 0) -> "Atoms":
        """A lopsided, chiral cloud within a radius in A."""
        rng = np.random.default_rng(seed)
        xyz = rng.normal(size=(count, 3))
        xyz *= radius * rng.random((count, 1)) ** (1 / 3) / np.linalg.norm(xyz, axis=1)[:, None]
        xyz[: count // 4, 0] = np.abs(xyz[: count // 4, 0])
        xyz[: count // 4, 1] *= 0.3
        return cls(xyz, rng.uniform(0.5, 1.5, count), b_factor)

    def density(self, box: int, pixel_size: float) -> Array:
        """The map (z, y, x): each atom a Gaussian of integral weight, band-limited to the grid.

        Grey values are per voxel: the map's sum is the sum of the weights.
        """
        k = np.fft.fftfreq(box, pixel_size)
        waves = [np.exp(-2j * np.pi * k[:, None] * self.xyz[:, a]) for a in range(3)]
        transform = np.einsum("za,ya,xa,a->zyx", *waves[::-1], self.weights, optimize=True)
        s2 = k[:, None, None] ** 2 + k[None, :, None] ** 2 + k**2
        transform = transform * np.exp(-self.b_factor / 4 * s2)
        return np.fft.fftshift(np.fft.ifftn(transform).real)

    def image_transforms(self, rotation: Array, shift: Array, box: int, pixel_size: float) -> Array:
        """rfft2 of the projections, centre at [0, 0]: (b, box, box // 2 + 1).

        rotation (b, 3, 3): image xyz to volume xyz, so an atom c projects to (A^T c)_xy;
        shift (b, 2): (x, y) in A of the particle from the image centre
        """
        ky, kx = np.fft.fftfreq(box, pixel_size), np.fft.rfftfreq(box, pixel_size)
        xy = np.einsum("bji,aj->bai", rotation, self.xyz)[:, :, :2] + shift[:, None]
        waves_x = np.exp(-2j * np.pi * kx[None, :, None] * xy[:, None, :, 0])
        waves_y = np.exp(-2j * np.pi * ky[None, :, None] * xy[:, None, :, 1])
        transform = np.einsum("bya,bxa,a->byx", waves_y, waves_x, self.weights, optimize=True)
        s2 = ky[:, None] ** 2 + kx**2
        return transform * np.exp(-self.b_factor / 4 * s2)

    def images(self, rotation: Array, shift: Array, box: int, pixel_size: float) -> Array:
        """Projections (b, box, box) with the centre at index box // 2."""
        return to_images(self.image_transforms(rotation, shift, box, pixel_size))


def to_images(transforms: Array) -> Array:
    """Images with the centre at index n // 2 from transforms with the centre at [0, 0]."""
    n = transforms.shape[-2]
    return np.fft.fftshift(np.fft.irfft2(transforms, s=(n, n)), axes=(-2, -1))


def rotations(count: int, seed: int = 1) -> Array:
    return Rotation.random(count, random_state=seed).as_matrix()


def correlation(a: Array, b: Array) -> Array:
    """Pearson correlation of each image of a with that of b: (b,)."""
    a = np.asarray(a, np.float64).reshape(len(a), -1)
    b = np.asarray(b, np.float64).reshape(len(b), -1)
    a = a - a.mean(1, keepdims=True)
    b = b - b.mean(1, keepdims=True)
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


def hand_ctf(
    u: Array, v: Array, angle: Array, phase_shift: Array, box: int, pixel_size: float
) -> Array:
    """CTF at 300 kV, Cs 2.7 mm, Q0 0.1, in float64 from the formula: (b, box, box // 2 + 1)."""
    volts = 300e3
    wavelength = 12.2643247 / np.sqrt(volts * (1 + 0.978466e-6 * volts))
    ky, kx = np.meshgrid(
        np.fft.fftfreq(box, pixel_size), np.fft.rfftfreq(box, pixel_size), indexing="ij"
    )
    s2 = kx**2 + ky**2
    u, v, angle, phase_shift = (
        np.asarray(q, np.float64)[:, None, None] for q in (u, v, angle, phase_shift)
    )
    azimuth = np.arctan2(ky, kx) - np.deg2rad(angle)
    defocus = u * np.cos(azimuth) ** 2 + v * np.sin(azimuth) ** 2
    chi = -np.pi * wavelength * defocus * s2 + np.pi / 2 * 2.7e7 * wavelength**3 * s2**2
    chi = chi - np.deg2rad(phase_shift) - np.arctan(0.1 / np.sqrt(1 - 0.1**2))
    return -np.sin(chi)
