"""A tiny data set with known motion, made from closed-form Gaussians in float64."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from swinging_arm import BOX, PIXEL, body_and_arm, gaussian_image, gaussian_volume

from napari_conformix.training.contract import Batch, Frame


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
