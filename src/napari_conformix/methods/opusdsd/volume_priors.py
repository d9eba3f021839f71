"""Smoothness and sparseness of decoded volumes: total variation and LASSO (paper, eq. 8).

The paper divides both sums by what it calls the dimension of the volume, N^3: they are means over
all voxels of the grid, also where only the voxels `inside` a mask count. A prior's strength then
keeps its meaning when the mask is drawn wider into empty solvent. Values are in units of the map
a voxel, so they depend on the voxel's size.
"""

import torch

#: gradients much smaller than this, in units of the map a voxel, count with their square: the norm
#: of a gradient has no derivative at 0
SMOOTHING = 1e-6


def total_variation(
    volume: torch.Tensor, inside: torch.Tensor | None = None, smoothing: float = SMOOTHING
) -> torch.Tensor:
    """Mean over voxels of the length of the gradient, by forward differences.

    sqrt(|g|^2 + smoothing^2) - smoothing in place of |g|: 0 for a flat map, lower than |g| by at
    most `smoothing`, and with a finite gradient everywhere. The last voxel of an axis has no
    difference along it, nor has one whose neighbour is not inside: the edge of the mask costs
    nothing.

    volume (b, z, y, x), inside (z, y, x) bool -> (b,)
    """
    volume = volume.to(torch.promote_types(volume.dtype, torch.float32))
    squared = torch.zeros_like(volume)
    for axis in (-3, -2, -1):
        length = volume.shape[axis] - 1
        difference = volume.diff(dim=axis)
        if inside is not None:
            both = inside.narrow(axis, 1, length) & inside.narrow(axis, 0, length)
            difference = difference * both
        padding = [0, 0] * (-1 - axis) + [0, 1]
        squared = squared + torch.nn.functional.pad(difference.square(), padding)
    return ((squared + smoothing**2).sqrt() - smoothing).mean(dim=(-3, -2, -1))


def lasso(volume: torch.Tensor, inside: torch.Tensor | None = None) -> torch.Tensor:
    """Mean over voxels of |V|. volume (b, z, y, x), inside (z, y, x) bool -> (b,)"""
    volume = volume.to(torch.promote_types(volume.dtype, torch.float32))
    magnitude = volume.abs()
    if inside is not None:
        magnitude = magnitude * inside
    return magnitude.mean(dim=(-3, -2, -1))
