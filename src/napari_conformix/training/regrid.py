"""Images of any box and pixel size brought to the working grid.

Optics groups of one run may differ in box and pixel size, and their ratio to the working grid is
rarely a whole number of Fourier components, so plain cropping would leave each group with its own
small scale error. The band-limited interpolation below samples the periodic image at the exact
positions of the working grid. It is separable, hence two small matrix products an image, and it
equals Fourier cropping where that is exact.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray


@lru_cache(maxsize=32)
def resampling_matrix(
    box: int, pixel_size_angstrom: float, new_box: int, new_pixel_size_angstrom: float
) -> torch.Tensor:
    """(new_box, box) float32 matrix R: `R @ image @ R.T` is the image on the new grid.

    Grey values are kept (the mean of the image is its mean on the new grid). Both grids are
    centred on index N // 2. Frequencies up to the lower of the two Nyquist limits are kept; that
    frequency itself is counted half, as in Fourier cropping of a real image. Positions of the
    new grid outside the image are 0.
    """
    position = (np.arange(new_box) - new_box // 2) * (new_pixel_size_angstrom / pixel_size_angstrom)
    offset = position[:, None] - (np.arange(box) - box // 2)[None, :]  # (new_box, box) in pixels
    limit = box / 2 * min(1.0, pixel_size_angstrom / new_pixel_size_angstrom)
    frequency = np.arange(1, int(np.floor(limit + 1e-6)) + 1)
    weight = np.where(np.isclose(frequency, limit), 1.0, 2.0)  # a pair +k, -k; the limit is shared
    matrix = np.ones_like(offset)
    for k, w in zip(frequency, weight, strict=True):
        matrix += w * np.cos(2 * np.pi * k / box * offset)
    inside = (position >= -(box // 2) - 0.5) & (position <= (box - 1) - box // 2 + 0.5)
    matrix *= inside[:, None] / box
    return torch.from_numpy(matrix.astype(np.float32))


def regrid(
    images: NDArray[np.float32],
    pixel_size_angstrom: float,
    new_box: int,
    new_pixel_size_angstrom: float,
) -> torch.Tensor:
    """(b, box, box) numpy -> (b, new_box, new_box) float32 tensor with the same grey values."""
    box = images.shape[-1]
    stack = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))
    if box == new_box and np.isclose(pixel_size_angstrom, new_pixel_size_angstrom, rtol=1e-6):
        return stack
    matrix = resampling_matrix(
        box, float(pixel_size_angstrom), new_box, float(new_pixel_size_angstrom)
    )
    return matrix @ stack @ matrix.T  # (b, new_box, new_box)


def normalise_background(images: NDArray[np.float32], radius_fraction: float = 0.375) -> None:
    """Bring each image's background to mean 0 and standard deviation 1, in place.

    The background is what lies outside a circle of `radius_fraction` x box around the centre
    (RELION's default particle diameter of 75 % of the box).
    """
    box = images.shape[-1]
    axis = np.arange(box) - box // 2
    background = axis[:, None] ** 2 + axis[None, :] ** 2 > (radius_fraction * box) ** 2
    values = images[:, background]  # (b, pixels)
    sigma = values.std(axis=1)
    sigma[sigma == 0] = 1.0
    images -= values.mean(axis=1)[:, None, None]
    images /= sigma[:, None, None]
