"""Images brought to one scale: background mean 0, sigma 1, as RELION's extraction does."""

import numpy as np
from numpy.typing import NDArray

#: RELION's default particle diameter is 75 % of the box
BACKGROUND_RADIUS = 0.375


def outside_circle(
    box: int, radius_fraction: float = BACKGROUND_RADIUS, extent_px: float | None = None
) -> NDArray[np.bool_]:
    """(box, box): True further than `radius_fraction` x box from the centre index box // 2.

    extent_px: side of what the images fill of a larger box; the circle is relative to it, and
    pixels beyond it are no background.
    """
    extent = box if extent_px is None else min(extent_px, box)
    axis = np.arange(box) - box // 2
    filled = (axis >= -extent / 2) & (axis <= extent / 2 - 1)
    outside: NDArray[np.bool_] = (
        axis[:, None] ** 2 + axis[None, :] ** 2 > (radius_fraction * extent) ** 2
    )
    return outside & filled[:, None] & filled[None, :]


def normalise_background(images: NDArray[np.float32], extent_px: float | None = None) -> None:
    """Bring the background of each image to mean 0 and standard deviation 1, in place.

    images (b, box, box), extent_px as for `outside_circle`; pixels beyond the extent stay 0. An
    image with a constant background only loses its mean.
    """
    box = images.shape[-1]
    values = images[:, outside_circle(box, extent_px=extent_px)]  # (b, pixels)
    sigma = values.std(axis=1)
    sigma[sigma == 0] = 1.0
    filled = outside_circle(box, 0.0, extent_px)
    filled[box // 2, box // 2] = True  # the centre is not further than 0 from itself
    images -= values.mean(axis=1)[:, None, None] * filled
    images /= sigma[:, None, None]
