"""Tables of latents with known shapes, for tests of paths and landscapes."""

import numpy as np
from numpy.typing import ArrayLike

from napari_conformix.training.latent_table import LatentTable


def table(latents: ArrayLike, half: int | ArrayLike = 0, motion: ArrayLike | None = None, **more):
    """A table of those latents (N, d)."""
    mean = np.asarray(latents, np.float32)
    halves = np.broadcast_to(np.asarray(half, np.int8), len(mean)).copy()
    return LatentTable(
        mean,
        np.full_like(mean, 0.1),
        halves,
        np.zeros(len(mean), bool),
        epoch=4,
        motion=None if motion is None else np.asarray(motion, np.float32),
        motion_unit="" if motion is None else "A",
        **more,
    )


def arc(count: int, d: int, seed: int = 0, noise: float = 0.05):
    """(N, d) latents along a half circle in the first two axes, noise in all; and the angle."""
    random = np.random.default_rng(seed)
    angle = random.uniform(0, np.pi, count)
    latents = noise * random.normal(size=(count, d))
    latents[:, 0] += 2 * np.cos(angle)
    latents[:, 1] += 2 * np.sin(angle)
    return latents, angle
