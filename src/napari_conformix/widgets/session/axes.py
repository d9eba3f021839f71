"""The only place where our axes become napari's.

The program hands positions about as (x, y, z) in Angstrom from the map's centre, index N // 2.
napari orders axes (z, y, x), the order in which maps are stored, and with its default orientation
draws y downwards and z towards the viewer: a molecule would appear as its mirror image. So the
scene's coordinates are (z, -y, x): x to the right, y up, z towards the viewer, right-handed as in
ChimeraX. (Turning napari's axes round instead makes its surfaces be lit from behind, 0.9.2.)
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

#: camera.orientation that the scene's coordinates are meant for; napari's default, which users
#: can change in its settings
ORIENTATION: Final = ("towards", "down", "right")
#: unit of world coordinates in the 3-D scene, for the scale bar
UNITS: Final = ("angstrom",) * 3


def to_napari(positions: np.ndarray) -> np.ndarray:
    """(..., 3) as (x, y, z) -> (..., 3) as (z, -y, x); points in A and vectors alike."""
    x, y, z = np.moveaxis(np.asarray(positions), -1, 0)
    return np.stack([z, -y, x], axis=-1)


def from_napari(positions: np.ndarray) -> np.ndarray:
    """The inverse of :func:`to_napari`: (..., 3) as (z, -y, x) -> (..., 3) as (x, y, z)."""
    z, minus_y, x = np.moveaxis(np.asarray(positions), -1, 0)
    return np.stack([x, -minus_y, z], axis=-1)


def volume_layer(array: np.ndarray, pixel_size_angstrom: float) -> dict[str, Any]:
    """Arguments of an Image layer that shows a cubic (z, y, x) map in the scene."""
    box = len(array)
    first = -(box // 2) * pixel_size_angstrom
    last = (box - 1 - box // 2) * pixel_size_angstrom
    return {
        "data": array[:, ::-1],
        "scale": (pixel_size_angstrom,) * 3,
        "translate": (first, -last, first),
        "units": UNITS,
    }
