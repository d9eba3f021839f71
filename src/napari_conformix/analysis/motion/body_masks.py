"""A soft mask for each body, as multi-body refinement wants them."""

import math

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from napari_conformix.errors import UserError

#: in spacings of the points: how far from the nearest one is still molecule
_REACH = 2.0
#: voxels looked up at once
_CHUNK = 1 << 20


def body_masks(
    labels: npt.ArrayLike,
    positions: npt.ArrayLike,
    box: int,
    pixel_size_angstrom: float,
    *,
    extend_px: float = 3.0,
    soft_edge_px: float = 6.0,
    reach_angstrom: float | None = None,
) -> npt.NDArray[np.float32]:
    """(K, z, y, x) masks between 0 and 1 of the bodies 0 to K-1.

    A voxel within reach of the molecule belongs to the body of its nearest point. Each body is
    then widened on all sides and given a soft edge, so that neighbouring masks overlap where the
    bodies meet: RELION takes overlapping parts into account (Nakane et al. 2018).

    Parameters
    ----------
    labels: (p,) the body of every point, from 0.
    positions: (p, 3) xyz in A from the centre.
    extend_px, soft_edge_px: as in `imaging.soft_mask`.
    reach_angstrom: distance from a point that is still molecule; by default twice the spacing
        of the points, and at least 1.5 pixels.

    UserError when a body has no voxel in the box.
    """
    import torch

    from napari_conformix.imaging import soft_mask

    bodies = np.asarray(labels)
    place = np.asarray(positions, np.float64)
    reach = reach_angstrom or max(_REACH * _spacing(place), 1.5 * pixel_size_angstrom)
    owner = _nearest_body(bodies, place, box, pixel_size_angstrom, reach)
    masks = np.zeros((int(bodies.max()) + 1, box, box, box), np.float32)
    margin = math.ceil(extend_px + soft_edge_px) + 1
    for body, mask in enumerate(masks):
        inside = owner == body
        if not inside.any():
            raise UserError(
                f"Body {body + 1} has no voxel in the box of {box} pixels; it has "
                f"{int((bodies == body).sum())} of {len(bodies)} points. Ask for fewer bodies."
            )
        around = _surroundings(inside, margin)  # distances are slow to compute in a large box
        crop = torch.from_numpy(inside[around].astype(np.float32))
        mask[around] = soft_mask(crop, 0.5, extend_px, soft_edge_px).numpy()
    return np.clip(masks, 0.0, 1.0, out=masks)  # RELION refuses values outside


def _surroundings(inside: npt.NDArray[np.bool_], margin: int) -> tuple[slice, ...]:
    """The smallest block that holds what is true and `margin` voxels about it."""
    block = []
    for axis in range(inside.ndim):
        others = tuple(other for other in range(inside.ndim) if other != axis)
        there = np.flatnonzero(inside.any(axis=others))
        block.append(slice(max(int(there[0]) - margin, 0), int(there[-1]) + margin + 1))
    return tuple(block)


def _spacing(positions: npt.NDArray[np.float64]) -> float:
    """Mean distance of a point from its third nearest neighbour, A."""
    distance = cKDTree(positions).query(positions, k=min(4, len(positions)))[0]
    return float(distance[:, -1].mean())


def _nearest_body(
    labels: npt.NDArray[np.int64],
    positions: npt.NDArray[np.float64],
    box: int,
    pixel_size_angstrom: float,
    reach_angstrom: float,
) -> npt.NDArray[np.int16]:
    """(z, y, x): the body of the nearest point, -1 where none is within reach."""
    owner = np.full((box, box, box), -1, np.int16)
    index = positions / pixel_size_angstrom + box // 2
    margin = reach_angstrom / pixel_size_angstrom
    low = np.clip(np.floor(index.min(0) - margin), 0, box).astype(int)
    high = np.clip(np.ceil(index.max(0) + margin) + 1, 0, box).astype(int)
    shape = tuple((high - low)[::-1])
    tree = cKDTree(positions)
    found = np.empty(int(np.prod(shape)), np.int16)
    extended = np.append(labels, -1)  # a query without an answer gives the index p
    for first in range(0, len(found), _CHUNK):
        voxels = np.arange(first, min(first + _CHUNK, len(found)))
        zyx = np.stack(np.unravel_index(voxels, shape), axis=1)
        xyz = (zyx[:, ::-1] + low - box // 2) * pixel_size_angstrom
        nearest = tree.query(xyz, distance_upper_bound=reach_angstrom)[1]
        found[voxels] = extended[nearest]
    z, y, x = (slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
    owner[z, y, x] = found.reshape(shape)
    return owner
