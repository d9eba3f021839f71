"""Particles of point atoms as batches, with everything that a real data set has."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from point_atoms import Atoms, hand_ctf, rotations, to_images

from napari_conformix.training.contract import Batch, batches_of


@dataclass(frozen=True)
class Particles:
    """Simulated particles: shifted, astigmatic, with noise; `truth` is their map."""

    batch: Batch
    truth: torch.Tensor
    pixel_size: float
    defocus: np.ndarray  # (n, 3): U, V, angle

    def batches(self, size: int = 100, rows: list[int] | None = None):
        for chosen in batches_of(range(len(self.batch)) if rows is None else rows, size):
            yield Batch(**{k: v[chosen] for k, v in vars(self.batch).items()})


def simulate(
    atoms: Atoms, count: int, box: int, pixel_size: float, snr: float | None, seed: int = 0
) -> Particles:
    rng = np.random.default_rng(seed)
    rotation = rotations(count, seed)
    shift = rng.normal(0, 1.5 * pixel_size, (count, 2))
    u = rng.uniform(8000, 25000, count)
    v = u - rng.uniform(-800, 800, count)
    angle = rng.uniform(0, 180, count)
    ctf = hand_ctf(u, v, angle, np.zeros(count), box, pixel_size)
    images = to_images(atoms.image_transforms(rotation, shift, box, pixel_size) * ctf)
    if snr is not None:
        images = images + rng.normal(0, np.sqrt(images.var() / snr), images.shape)
    batch = Batch(
        index=torch.arange(count),
        images=torch.as_tensor(images, dtype=torch.float32),
        rotation=torch.as_tensor(rotation, dtype=torch.float32),
        shift_angstrom=torch.as_tensor(shift, dtype=torch.float32),
        ctf=torch.as_tensor(ctf, dtype=torch.float32),
    )
    truth = torch.as_tensor(atoms.density(box, pixel_size), dtype=torch.float32)
    return Particles(batch, truth, pixel_size, np.stack([u, v, angle], axis=1))


ATOMS = Atoms.random(60, radius=32.0, b_factor=150.0)


@pytest.fixture(scope="session")
def clean() -> Particles:
    return simulate(ATOMS, 1200, 48, 2.5, snr=None)


@pytest.fixture(scope="session")
def noisy() -> Particles:
    return simulate(ATOMS, 1500, 48, 2.5, snr=0.3)
