"""Projections of a map: through Fourier slices, and through a rotated voxel grid."""

import torch
import torch.nn.functional as F
from torch_fourier_slice import project_3d_to_2d


def project_volume(
    volume: torch.Tensor,
    rotation: torch.Tensor,
    *,
    pad_factor: float = 2.0,
    fftfreq_max: float | None = None,
) -> torch.Tensor:
    """Project a map along z after rotation: the plain sum, as relion_project.

    Central slices of the padded Fourier transform, about index N // 2. Differentiable in both
    arguments; computed in float32. The correction for trilinear interpolation, like RELION's,
    holds for rotations off the grid: at exact multiples of 90 degrees, where nothing is
    interpolated, grey values come out too high away from the centre (7 % at a quarter of the box).

    Parameters
    ----------
    volume : torch.Tensor
        (n, n, n) real, n even.
    rotation : torch.Tensor
        (..., 3, 3), A: image xyz to volume xyz.
    pad_factor : float
        Box of the transform over that of the map.
    fftfreq_max : float, optional
        Cycles per pixel; 0.5 cuts the corners beyond Nyquist as RELION does.

    Returns
    -------
    torch.Tensor
        (..., n, n).
    """
    images: torch.Tensor = project_3d_to_2d(
        volume.float(),
        rotation,
        pad_factor=pad_factor,
        fftfreq_max=fftfreq_max,
        zyx_matrices=False,
    )
    return images.to(volume.dtype)


def project_volume_real_space(volume: torch.Tensor, rotation: torch.Tensor) -> torch.Tensor:
    """As :func:`project_volume` with a trilinear rotation of the voxel grid about index N // 2.

    An independent way to the same images. `torch.nn.functional.affine_grid` is no help here: it
    turns about (N - 1) / 2, half a voxel off. Memory is b * n^3; differentiable.

    Parameters
    ----------
    volume : torch.Tensor
        (n, n, n) or (b, n, n, n) real.
    rotation : torch.Tensor
        (b, 3, 3), A: image xyz to volume xyz.

    Returns
    -------
    torch.Tensor
        (b, n, n).
    """
    n = volume.shape[-1]
    axis = torch.arange(n, dtype=rotation.dtype, device=rotation.device) - n // 2
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    image_xyz = torch.stack([x, y, z], dim=-1)  # (n, n, n, 3)
    volume_xyz = torch.einsum("bij,zyxj->bzyxi", rotation, image_xyz)  # (b, n, n, n, 3)
    grid = 2 * (volume_xyz + n // 2) / (n - 1) - 1
    channels = volume.expand(len(rotation), n, n, n)[:, None]  # (b, 1, n, n, n)
    rotated = F.grid_sample(channels, grid.to(volume.dtype), align_corners=True)
    return rotated[:, 0].sum(dim=1)  # (b, n, n)
