"""What of a displacement field is a change of shape, and what the molecule moving as a whole.

A particle whose pose is a little wrong is explained by moving the whole molecule: that is no motion
of the molecule. It is taken out as in the comparison of atomic models, by superposition (Kabsch).
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


def shape_change(field: npt.ArrayLike, positions: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Displacements (..., p, 3) A of `positions` (p, 3) that are left when the displaced positions
    have been superposed on the undisplaced ones (least squares over rotations and shifts)."""
    place = np.asarray(positions, np.float64)
    moved = place + np.asarray(field, np.float64)  # (..., p, 3)
    moved = moved - moved.mean(axis=-2, keepdims=True)
    centred = place - place.mean(axis=0)
    covariance = np.swapaxes(moved, -1, -2) @ centred  # (..., 3, 3)
    u, _, vt = np.linalg.svd(covariance)
    proper = np.ones(u.shape[:-1])
    proper[..., 2] = np.sign(np.linalg.det(u @ vt))  # a rotation, never a reflection
    turn = (u * proper[..., None, :]) @ vt  # moved @ turn lies on centred
    return np.asarray(moved @ turn - centred)
