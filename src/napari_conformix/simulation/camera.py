"""Views of a scene and the noise-free images that a microscope takes of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy.spatial.transform import Rotation

from napari_conformix.simulation.optics import ctf, frequencies
from napari_conformix.simulation.points import damping, projection_rfft
from napari_conformix.simulation.scene import Scene

Float = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]

_ATOMS_AT_ONCE = 100_000
_PARTICLES_FOR_SCALE = 300


@dataclass(frozen=True)
class Views:
    """What is true of each of N particles.

    state           (N,) int64
    rotation        (N, 3, 3) A: image xyz to volume xyz
    euler_degrees   (N, 3) rot, tilt, psi
    shift_angstrom  (N, 2) (x, y) of the particle from the image centre, minus the RELION origin
    defocus         (N, 3) U and V in A, angle in degrees
    half            (N,) int64, 1 or 2, equally many
    """

    state: npt.NDArray[np.int64]
    rotation: Float
    euler_degrees: Float
    shift_angstrom: Float
    defocus: Float
    half: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.state)


def draw(scene: Scene, particles: int, pixel_size: float, rng: np.random.Generator) -> Views:
    rotation = Rotation.random(particles, rng=rng)
    defocus_u = rng.uniform(8_000, 25_000, particles)
    defocus_v = defocus_u - rng.uniform(0, 500, particles)
    return Views(
        state=rng.choice(len(scene), particles, p=scene.populations),
        rotation=rotation.as_matrix(),
        euler_degrees=rotation.as_euler("ZYZ", degrees=True),
        shift_angstrom=rng.normal(0, pixel_size, (particles, 2)),
        defocus=np.stack([defocus_u, defocus_v, rng.uniform(0, 180, particles)], axis=1),
        half=rng.permutation(np.arange(particles) % 2 + 1),
    )


@dataclass(frozen=True)
class Camera:
    """Takes noise-free images of views of a scene."""

    scene: Scene
    views: Views
    box: int
    pixel_size: float
    b_factor: float

    def images(self, rows: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.int64], Image]]:
        """Images (b, box, box) float32 of these rows, in an order that suits the states."""
        for state in np.unique(self.views.state[rows]):
            positions, weights = self.scene.atoms(int(state))
            members = rows[self.views.state[rows] == state]
            size = max(1, _ATOMS_AT_ONCE // len(positions))
            for first in range(0, len(members), size):
                chunk = members[first : first + size]
                yield chunk, self._take(chunk, positions, weights)

    def scale(self, snr: float) -> float:
        """The factor that makes noise of variance 1 have this SNR (infinite: signal variance 1)."""
        rows = np.arange(min(len(self.views), _PARTICLES_FOR_SCALE))
        total = sum(float(images.var(axis=(1, 2)).sum()) for _, images in self.images(rows))
        return float(np.sqrt((snr if np.isfinite(snr) else 1.0) * len(rows) / total))

    def _take(self, rows: npt.NDArray[np.int64], positions: Float, weights: Float) -> Image:
        # a point c of the map lands at (A^T c)_xy: row vectors times the first two columns of A
        xy = positions @ self.views.rotation[rows][:, :, :2]  # (b, atoms, 2)
        ft = projection_rfft(xy, weights, self.box, self.pixel_size)  # (b, box, box // 2 + 1)
        sx, sy = frequencies(self.box, self.pixel_size)
        ft *= damping(sx**2 + sy**2, self.pixel_size, self.b_factor)
        x, y = self.views.shift_angstrom[rows].T[:, :, None, None]
        ft *= np.exp(-2j * np.pi * (sx * x + sy * y)).astype(np.complex64)
        ft *= ctf(self.box, self.pixel_size, *self.views.defocus[rows].T).astype(np.float32)
        images = scipy.fft.irfft2(ft, s=(self.box, self.box))
        return np.asarray(np.fft.fftshift(images, axes=(1, 2)), np.float32)
