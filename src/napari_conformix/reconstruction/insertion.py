"""Insertion of image transforms into a 3-D Fourier grid as central slices."""

import torch

#: points handled at once; bounds the scratch memory to about 150 MB
_POINTS = 1 << 20


def empty_grid(size: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """A Fourier grid without anything in it.

    Parameters
    ----------
    size : int
        p, frequencies along an edge.
    device : torch.device or str
        Where it is.

    Returns
    -------
    torch.Tensor
        (p, p, p // 2 + 1, 3) float32 in FFT order (z, y, x); last axis re, im, weight.
    """
    return torch.zeros(size, size, size // 2 + 1, 3, device=device)


def insert_slices(
    grid: torch.Tensor, values: torch.Tensor, weights: torch.Tensor, rotation: torch.Tensor
) -> None:
    """Add image transforms to a grid, in place: trilinear, values and weights alike.

    The grid may be finer than the images (a zero-padded volume); frequencies of the images at and
    beyond Nyquist are left out. Of a pair of conjugate frequencies one is inserted; `symmetrise`
    completes the plane x = 0 at the end.

    torch-fourier-slice's insertion does the same for grids as fine as the images; its scatter,
    `torch_image_interpolation.insert_into_image_3d`, is three times slower than this one.

    Parameters
    ----------
    grid : torch.Tensor
        (p, p, p // 2 + 1, 3), see `empty_grid`.
    values : torch.Tensor
        (b, n, n // 2 + 1) complex: `rfft2` of images whose centre is at index [0, 0].
    weights : torch.Tensor
        (b, n, n // 2 + 1) real.
    rotation : torch.Tensor
        (b, 3, 3) A, image xyz to volume xyz.
    """
    n = values.shape[-2]
    x, y, keep = _half_plane(n, grid.device)
    data = torch.stack([values.real, values.imag, weights], dim=-1)  # (b, n, n // 2 + 1, 3)
    data[:, 0, 0] /= 2  # zero frequency is its own conjugate: `symmetrise` doubles it
    data = data[:, keep].to(grid.dtype)  # (b, points, 3)
    plane = torch.stack([x[keep], y[keep]]) * (grid.shape[0] / n)  # (2, points)
    step = max(1, _POINTS // plane.shape[1])
    for first in range(0, len(data), step):
        chosen = slice(first, first + step)
        xyz = rotation[chosen, :, :2].to(plane) @ plane  # (b, 3, points)
        _scatter(grid, xyz.transpose(1, 2).reshape(-1, 3), data[chosen].reshape(-1, 3))


def _half_plane(n: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """x, y and the choice of the frequencies within Nyquist, one of each conjugate pair."""
    y = torch.fft.fftfreq(n, 1 / n, device=device)
    y, x = torch.meshgrid(y, torch.arange(n // 2 + 1.0, device=device), indexing="ij")
    keep = (x.square() + y.square() < (n // 2) ** 2) & ((x > 0) | (y >= 0))
    return x, y, keep


def _scatter(grid: torch.Tensor, xyz: torch.Tensor, data: torch.Tensor) -> None:
    """Trilinear scatter of (points, 3) data at frequencies (points, 3), negative x conjugated."""
    p = grid.shape[0]
    mirrored = xyz[:, :1] < 0
    xyz = torch.where(mirrored, -xyz, xyz)
    data = data * torch.where(mirrored, data.new_tensor([1, -1, 1]), data.new_tensor([1, 1, 1]))
    base = xyz.floor()
    fraction = xyz - base
    x0, y0, z0 = base.long().unbind(1)
    flat = grid.view(-1, grid.shape[-1])
    for dz in (0, 1):
        weight_z = fraction[:, 2] if dz else 1 - fraction[:, 2]
        row_z = (z0 + dz).remainder(p) * p
        for dy in (0, 1):
            weight_zy = weight_z * (fraction[:, 1] if dy else 1 - fraction[:, 1])
            row = (row_z + (y0 + dy).remainder(p)) * grid.shape[2]
            for dx in (0, 1):
                weight = weight_zy * (fraction[:, 0] if dx else 1 - fraction[:, 0])
                flat.index_add_(0, row + x0 + dx, data * weight[:, None])


def symmetrise(grid: torch.Tensor) -> torch.Tensor:
    """Complete the plane x = 0, where both of a conjugate pair lie in the half grid.

    Parameters
    ----------
    grid : torch.Tensor
        (p, p, p // 2 + 1, 3), see `empty_grid`.

    Returns
    -------
    torch.Tensor
        A new grid of the same shape.
    """
    plane = grid[:, :, 0]  # (p, p, 3)
    mate = plane.flip(0, 1).roll((1, 1), (0, 1)) * plane.new_tensor([1, -1, 1])
    complete = grid.clone()
    complete[:, :, 0] = plane + mate
    return complete
