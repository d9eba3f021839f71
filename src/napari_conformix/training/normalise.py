"""Images brought to one scale: background mean 0, sigma 1, as RELION's extraction does."""

import numpy as np
from numpy.typing import NDArray

#: RELION's default particle diameter is 75 % of the box
BACKGROUND_RADIUS = 0.375


def outside_circle(box: int, radius_fraction: float = BACKGROUND_RADIUS) -> NDArray[np.bool_]:
    """(box, box): True further than `radius_fraction` x box from the centre index box // 2."""
    axis = np.arange(box) - box // 2
    outside: NDArray[np.bool_] = (
        axis[:, None] ** 2 + axis[None, :] ** 2 > (radius_fraction * box) ** 2
    )
    return outside


def normalise_background(images: NDArray[np.float32]) -> None:
    """Bring the background of each image to mean 0 and standard deviation 1, in place.

    images (b, box, box). An image with a constant background only loses its mean.
    """
    values = images[:, outside_circle(images.shape[-1])]  # (b, pixels)
    sigma = values.std(axis=1)
    sigma[sigma == 0] = 1.0
    images -= values.mean(axis=1)[:, None, None]
    images /= sigma[:, None, None]
