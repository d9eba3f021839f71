"""A tiny data set with known motion, made from closed-form Gaussians in float64."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from napari_conformix.training.contract import Batch, Frame

BOX, PIXEL, WIDTH = 32, 4.0, 5.0


def body_and_arm(angle_degrees: float, rng_seed: int = 5) -> np.ndarray:
    """Atoms (n, 3) in A: a body of 60, and an arm of 40 swung about the z axis at its root."""
    rng = np.random.default_rng(rng_seed)
    body = rng.normal(0, 9, (60, 3)) + np.array([-14, 0, 0])
    arm = rng.normal(0, 4, (40, 3)) * np.array([2.2, 1, 1]) + np.array([22, 0, 0])
    turn = Rotation.from_euler("z", angle_degrees, degrees=True).as_matrix()
    return np.concatenate([body, arm @ turn.T])


def gaussian_image(points: np.ndarray, width: float = WIDTH) -> np.ndarray:
    axis = (np.arange(BOX) - BOX // 2) * PIXEL
    g = np.exp(-((axis - points[..., None]) ** 2) / (2 * width**2))  # (n, 2, N)
    return np.einsum("ny,nx->yx", g[:, 1], g[:, 0]) * PIXEL**2 / (2 * np.pi * width**2)


def gaussian_volume(points: np.ndarray, width: float = WIDTH) -> np.ndarray:
    axis = (np.arange(BOX) - BOX // 2) * PIXEL
    g = np.exp(-((axis - points[..., None]) ** 2) / (2 * width**2))
    volume = np.einsum("nz,ny,nx->zyx", g[:, 2], g[:, 1], g[:, 0])
    return volume * (PIXEL / (np.sqrt(2 * np.pi) * width)) ** 3


@dataclass
class Swing:
    """Images of the swinging arm; `angle` is the truth, degrees."""

    images: torch.Tensor
    rotation: torch.Tensor
    shift: torch.Tensor
    angle: np.ndarray
    consensus: torch.Tensor
    frame: Frame

    def batch(self, rows) -> Batch:
        rows = torch.as_tensor(rows)
        ctf = torch.ones(len(rows), BOX, BOX // 2 + 1)
        return Batch(rows, self.images[rows], self.rotation[rows], self.shift[rows], ctf)


@pytest.fixture(scope="session")
def swing() -> Swing:
    rng = np.random.default_rng(0)
    count = 480
    angle = rng.uniform(-40, 40, count)
    rotation = Rotation.random(count, random_state=0).as_matrix()
    shift = rng.normal(0, 3, (count, 2))
    images = np.stack(
        [
            gaussian_image((body_and_arm(a) @ matrix)[:, :2] + s)
            for a, matrix, s in zip(angle, rotation, shift, strict=True)
        ]
    )
    noise = images.std() * 1.5
    images = (images + rng.normal(0, noise, images.shape)) / noise
    consensus = np.mean([gaussian_volume(body_and_arm(a)) for a in np.linspace(-40, 40, 15)], 0)
    single = torch.float32
    return Swing(
        torch.tensor(images, dtype=single),
        torch.tensor(rotation, dtype=single),
        torch.tensor(shift, dtype=single),
        angle,
        torch.tensor(consensus, dtype=single),
        Frame(BOX, PIXEL, BOX, PIXEL),
    )
