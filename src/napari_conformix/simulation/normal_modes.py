"""The softest collective motion of a molecule, from an anisotropic elastic network.

A. R. Atilgan et al., Biophys. J. 80 (2001) 505-515.
"""

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix, csc_matrix, identity
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from scipy.spatial import cKDTree

Float = npt.NDArray[np.float64]

_CUTOFF = 15.0  # A, of the paper
_MOST_NODES = 2500
_CANDIDATES = 36  # six of them are rigid-body motions
_COLLECTIVE = 0.2


def hessian(nodes: Float, cutoff: float) -> csc_matrix:
    """(3n, 3n) sparse Hessian of unit springs between all nodes closer than `cutoff` A."""
    i, j = cKDTree(nodes).query_pairs(cutoff, output_type="ndarray").T
    bond = nodes[j] - nodes[i]
    block = -bond[:, :, None] * bond[:, None, :] / (bond**2).sum(axis=1)[:, None, None]
    # each bond adds its block off the diagonal twice, and minus it to both ends
    row_node, column_node = np.concatenate([i, j, i, j]), np.concatenate([j, i, i, j])
    values = np.concatenate([block, block, -block, -block])
    rows = 3 * row_node[:, None, None] + np.arange(3)[:, None] + np.zeros((1, 3), int)
    columns = 3 * column_node[:, None, None] + np.arange(3) + np.zeros((3, 1), int)
    size = 3 * len(nodes)
    return coo_matrix((values.ravel(), (rows.ravel(), columns.ravel())), (size, size)).tocsc()


def collectivity(mode: Float) -> float:
    """Share of the nodes that take part in a mode (n, 3): 1 when all move alike, 1/n for one.

    R. Brueschweiler, J. Chem. Phys. 102 (1995) 3396-3403.
    """
    share = (mode**2).sum(axis=1) / (mode**2).sum()
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()) / len(mode))


def soft_mode(nodes: Float) -> Float:
    """The softest internal motion in which at least a fifth of the molecule takes part.

    The very softest is often no more than a loose chain end; if all of the thirty softest
    are, the most collective of them is taken. Pieces that lie farther apart than
    the cutoff are joined by raising it; large molecules are thinned to every m-th node, and the
    nodes left out follow the nearest one kept.

    Parameters
    ----------
    nodes: (n, 3) xyz in A, at least 10.

    Returns
    -------
    (n, 3) of RMS length 1; the sign is such that the largest component is positive.
    """
    kept = np.arange(0, len(nodes), -(-len(nodes) // _MOST_NODES))
    points = nodes[kept]
    matrix = hessian(points, _connecting_cutoff(points))
    # rigid-body motions have eigenvalue 0, and so have free chain ends: a small shift makes the
    # matrix definite and finds the softest first
    start = np.ones(matrix.shape[0])
    shifted = matrix + 1e-6 * identity(matrix.shape[0], format="csc")
    count = min(_CANDIDATES, matrix.shape[0] - 1)
    stiffness, vectors = eigsh(shifted, k=count, sigma=0.0, v0=start)
    softest_first = vectors.T[np.argsort(stiffness)].reshape(count, -1, 3)
    internal = [_without_rigid_motion(mode, points) for mode in softest_first]
    modes = [mode for mode in internal if np.linalg.norm(mode) > 0.1]  # else it was rigid
    best = next((m for m in modes if collectivity(m) >= _COLLECTIVE), max(modes, key=collectivity))
    best = best[cKDTree(points).query(nodes)[1]]
    best = best / np.sqrt((best**2).sum(axis=1).mean())
    return np.asarray(best * np.sign(best.ravel()[np.abs(best).argmax()]))


def _connecting_cutoff(points: Float) -> float:
    cutoff = _CUTOFF
    while True:
        i, j = cKDTree(points).query_pairs(cutoff, output_type="ndarray").T
        graph = coo_matrix((np.ones(len(i)), (i, j)), (len(points), len(points)))
        # three or more springs a node in the mean keep thinned networks from being floppy
        if connected_components(graph, directed=False)[0] == 1 and len(i) > 6 * len(points):
            return cutoff
        if len(i) == len(points) * (len(points) - 1) // 2:
            return cutoff
        cutoff *= 1.25


def _without_rigid_motion(mode: Float, points: Float) -> Float:
    """Take out what is left of whole-body shifts and turns."""
    centred = points - points.mean(axis=0)
    axes = np.eye(3)
    rigid = [np.tile(axis, (len(points), 1)).ravel() for axis in axes]
    rigid += [np.cross(axis, centred).ravel() for axis in axes]
    basis, _ = np.linalg.qr(np.array(rigid).T)
    flat = mode.ravel()
    return np.asarray((flat - basis @ (basis.T @ flat)).reshape(-1, 3))
