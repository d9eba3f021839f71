"""Where a deformation field is evaluated, and how it gets from there to the voxels of a map."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from napari_conformix.imaging import soft_mask

#: A; how far from the model's pieces their displacement is taken for that of the matter around
#: them, and over which distance it fades into the undeformed map
REACH_ANGSTROM = 15.0
FADE_ANGSTROM = 10.0


@dataclass(frozen=True)
class FieldGrid:
    """Voxels at which matter moves, and the coarser nodes at which its field is evaluated.

    voxels       (m,) int64: flat index into a map (z, y, x)
    weight       (m,) float32: 1 where the field is believed, falling to 0 around
    positions    (m, 3) float32: xyz of the voxels in A from the centre
    nodes        (q, 3) float32: xyz in A
    upsampling   (m, q) sparse: trilinear, from values at the nodes to values at the voxels

    The nodes lie at the indices N // 2 + j * coarsening: the centre of the map is a node, and a
    field linear in position is reproduced exactly, whatever the coarsening.
    """

    box: int
    pixel_size_angstrom: float
    voxels: torch.Tensor
    weight: torch.Tensor
    positions: torch.Tensor
    nodes: torch.Tensor
    upsampling: torch.Tensor

    @classmethod
    def around(
        cls,
        weight: torch.Tensor,
        pixel_size_angstrom: float,
        *,
        coarsening: int = 2,
        device: torch.device | str = "cpu",
    ) -> "FieldGrid":
        """The grid of the voxels where a weight is above 0.

        Parameters
        ----------
        weight : torch.Tensor
            (box, box, box), z, y, x: 1 where the field is believed, falling to 0 around.
        pixel_size_angstrom : float
            Edge of a voxel, in A.
        coarsening : int
            Voxels between two nodes along an axis.
        device : torch.device or str
            Where the tensors of the grid are.

        Returns
        -------
        FieldGrid
            With the nodes that these voxels are interpolated from, and no others.
        """
        box = weight.shape[0]
        flat = weight.flatten().cpu()
        voxels = torch.nonzero(flat > 0).flatten()
        zyx = torch.stack(torch.unravel_index(voxels, (box,) * 3), dim=1) - box // 2  # (m, 3)
        matrix, lattice = _trilinear(zyx.flip(1).numpy(), coarsening)
        nodes = torch.from_numpy(lattice * coarsening * pixel_size_angstrom)
        return cls(
            box=box,
            pixel_size_angstrom=pixel_size_angstrom,
            voxels=voxels.to(device),
            weight=flat[voxels].float().to(device),
            positions=(zyx.flip(1) * pixel_size_angstrom).float().to(device),
            nodes=nodes.float().to(device),
            upsampling=_as_torch(matrix).to(device),
        )

    def upsample(self, at_nodes: torch.Tensor) -> torch.Tensor:
        """Values at the voxels from values at the nodes, trilinear.

        Parameters
        ----------
        at_nodes : torch.Tensor
            (q, c), c values for each node.

        Returns
        -------
        torch.Tensor
            (m, c), c values for each voxel.
        """
        voxels: torch.Tensor = self.upsampling @ at_nodes
        return voxels

    def memory_bytes(self) -> int:
        """Memory of all tensors.

        Returns
        -------
        int
            Bytes.
        """
        entries = self.upsampling.values().numel()
        return 12 * entries + 8 * len(self.nodes) + 28 * len(self.voxels)

    def as_map(self, values: torch.Tensor) -> torch.Tensor:
        """A map of values at the voxels, 0 elsewhere.

        Parameters
        ----------
        values : torch.Tensor
            (m,), one for each voxel.

        Returns
        -------
        torch.Tensor
            (box, box, box), z, y, x.
        """
        volume = values.new_zeros(self.box**3)
        volume[self.voxels] = values
        return volume.reshape((self.box,) * 3)


def _trilinear(voxel_xyz: np.ndarray, coarsening: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Weights (m, q) from lattice nodes to voxels, and the nodes (q, 3) in units of the lattice.

    voxel_xyz (m, 3) int: indices from the centre
    """
    base = np.floor_divide(voxel_xyz, coarsening)
    fraction = (voxel_xyz - base * coarsening) / coarsening
    rows, corners, weights = [], [], []
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, fraction, 1 - fraction).prod(axis=1)
        used = weight > 0
        rows.append(np.flatnonzero(used))
        corners.append(base[used] + corner)
        weights.append(weight[used])
    lattice, column = np.unique(np.concatenate(corners), axis=0, return_inverse=True)
    entries = (np.concatenate(weights), (np.concatenate(rows), column.ravel()))
    shape = (len(voxel_xyz), len(lattice))
    return sparse.csr_matrix(entries, shape=shape, dtype=np.float32), lattice


def _as_torch(matrix: sparse.csr_matrix) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse")  # torch calls the layout a beta
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr).long(),
            torch.from_numpy(matrix.indices).long(),
            torch.from_numpy(matrix.data),
            size=matrix.shape,
            check_invariants=False,
        )


def matter_weight(
    positions: torch.Tensor,
    box: int,
    pixel_size_angstrom: float,
    reach_angstrom: float = REACH_ANGSTROM,
    fade_angstrom: float = FADE_ANGSTROM,
) -> torch.Tensor:
    """Where there is matter to move.

    1 within `reach_angstrom` of a position, then a raised cosine over `fade_angstrom`; 0 beyond
    the sphere inscribed in the box, which not every projection shows.

    Parameters
    ----------
    positions : torch.Tensor
        (p, 3) xyz in A from the centre: where the pieces of the model sit in the consensus.
    box : int
        Voxels along an edge.
    pixel_size_angstrom : float
        Edge of a voxel, in A.
    reach_angstrom : float
        How far around a position the weight is 1, in A.
    fade_angstrom : float
        Over which distance it falls to 0, in A.

    Returns
    -------
    torch.Tensor
        (box, box, box) float32, z, y, x, on the CPU.
    """
    index = (positions.detach().cpu() / pixel_size_angstrom).round().long() + box // 2
    index = index[((index >= 0) & (index < box)).all(dim=1)]
    hit = torch.zeros(box, box, box)
    hit[tuple(index.flip(1).T)] = 1
    weight = soft_mask(
        hit, 0.5, reach_angstrom / pixel_size_angstrom, fade_angstrom / pixel_size_angstrom
    )
    axis = torch.arange(box) - box // 2
    radius = (axis**2 + (axis**2)[:, None] + (axis**2)[:, None, None]).float().sqrt()
    return weight * (radius < box // 2 - 1)
