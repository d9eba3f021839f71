"""What of a displacement field is a change of shape, and what the molecule moving as a whole.

A particle whose pose is a little wrong is explained by moving the whole molecule: that is no motion
of the molecule. It is taken out as in the comparison of atomic models, by superposition (Kabsch).
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: share of the molecule on which fields are superposed, and rounds to find it
CORE = 0.5
ROUNDS = 10


def shape_change(
    field: npt.ArrayLike,
    positions: npt.ArrayLike,
    core: npt.NDArray[np.int64] | None = None,
) -> Floats:
    """Displacements (..., p, 3) A of `positions` (p, 3) that are left when the displaced positions
    have been superposed on the undisplaced ones: least squares over rotations and shifts, of the
    positions at rows `core` (by default of all)."""
    place = np.asarray(positions, np.float64)
    moved = place + np.asarray(field, np.float64)  # (..., p, 3)
    rows = slice(None) if core is None else core
    moved = moved - moved[..., rows, :].mean(axis=-2, keepdims=True)
    centred = place - place[rows].mean(axis=0)
    covariance = np.swapaxes(moved[..., rows, :], -1, -2) @ centred[rows]  # (..., 3, 3)
    u, _, vt = np.linalg.svd(covariance)
    proper = np.ones(u.shape[:-1])
    proper[..., 2] = np.sign(np.linalg.det(u @ vt))  # a rotation, never a reflection
    turn = (u * proper[..., None, :]) @ vt  # moved @ turn lies on centred
    return np.asarray(moved @ turn - centred)


def resting_core(field: npt.ArrayLike, positions: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Rows of the half of the positions (p, 3) that moves least within itself, over the particles
    of `field` (n, p, 3) A.

    Superposed on it, a domain that swings is seen to swing and the rest to rest; superposed on all,
    the rest would be seen to swing back.
    """
    fields = np.asarray(field, np.float64)
    count = min(len(fields[0]), max(4, round(CORE * len(fields[0]))))
    left = fields - fields.mean(axis=0)
    core = np.empty(0, np.int64)
    for _ in range(ROUNDS):
        square = np.square(left - left.mean(axis=0)).sum(axis=2).mean(axis=0)
        found = np.sort(np.argsort(square, kind="stable")[:count])
        if np.array_equal(found, core):
            break
        core = found
        left = shape_change(fields, positions, core)
    return core
