"""A body whose arm swings, as closed-form Gaussians in float64."""

import numpy as np
from scipy.spatial.transform import Rotation

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
