"""Gaussians to images and maps: splat points, transform, multiply by the Gaussian (eq. 10).

Points are splatted (bi-, trilinearly) on a periodic grid whose origin is index 0, so that no
shift of the transform is needed; the blur of the splat is divided out in Fourier space, and the
Gaussian then limits the band. Source: Schwab et al. 2024, Methods, eq. 8 and 10.
"""

import math
from typing import Any

import torch


def _corners(
    points: torch.Tensor, size: int
) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
    """Of points (b, n, 2): fractions x, y, and flat index and share of the 4 pixels around."""
    low = torch.floor(points)  # (b, n, 2)
    fx, fy = (points - low).unbind(-1)  # (b, n)
    # Floats are many times quicker to wrap than whole numbers. The clamp keeps the index of a
    # position that is not finite on the grid: the loss is then NaN, and the step is left out.
    low = low - size * torch.floor(low / size)
    x0, y0 = low.long().clamp_(0, size - 1).unbind(-1)
    x1, y1 = (torch.where(k == size - 1, 0, k + 1) for k in (x0, y0))
    row0, row1 = y0 * size, y1 * size
    gx, gy = 1 - fx, 1 - fy
    pixels = (row0 + x0, row0 + x1, row1 + x0, row1 + x1)
    return fx, fy, pixels, (gx * gy, fx * gy, gx * fy, fx * fy)


class _Splat2d(torch.autograd.Function):
    """Bilinear splat of unit weights; the gradient is the bilinear derivative, gathered."""

    @staticmethod
    def forward(ctx: Any, points: torch.Tensor, size: int) -> torch.Tensor:
        fx, fy, pixels, shares = _corners(points, size)
        image = points.new_zeros(points.shape[0], size * size)
        for pixel, share in zip(pixels, shares, strict=True):
            image.scatter_add_(1, pixel, share)
        ctx.save_for_backward(fx, fy, *pixels)
        return image.view(-1, size, size)  # (b, size, size)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        fx, fy, *pixels = ctx.saved_tensors
        flat = grad.reshape(grad.shape[0], -1)
        g00, g10, g01, g11 = (flat.gather(1, pixel) for pixel in pixels)  # g[x][y]
        along_x = torch.lerp(g10 - g00, g11 - g01, fy)
        along_y = torch.lerp(g01 - g00, g11 - g10, fx)
        return torch.stack([along_x, along_y], dim=-1), None


class _WeightedSplat2d(torch.autograd.Function):
    """Bilinear splat of k sets of weights at the same points, differentiable in both."""

    @staticmethod
    def forward(ctx: Any, points: torch.Tensor, weights: torch.Tensor, size: int) -> torch.Tensor:
        fx, fy, pixels, shares = _corners(points, size)
        images = points.new_zeros(len(weights), points.shape[0], size * size)
        for image, weight in zip(images, weights, strict=True):
            for pixel, share in zip(pixels, shares, strict=True):
                image.scatter_add_(1, pixel, share * weight)
        ctx.save_for_backward(fx, fy, weights, *pixels)
        return images.transpose(0, 1).reshape(points.shape[0], -1, size, size)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        fx, fy, weights, *pixels = ctx.saved_tensors
        to_points = fx.new_zeros(*fx.shape, 2)
        to_weights = torch.empty_like(weights)
        for k, weight in enumerate(weights):
            flat = grad[:, k].reshape(grad.shape[0], -1)
            g00, g10, g01, g11 = (flat.gather(1, pixel) for pixel in pixels)  # g[x][y]
            along_x = torch.lerp(g10 - g00, g11 - g01, fy)
            along_y = torch.lerp(g01 - g00, g11 - g10, fx)
            to_points += weight[:, None] * torch.stack([along_x, along_y], dim=-1)
            value = torch.lerp(torch.lerp(g00, g10, fx), torch.lerp(g01, g11, fx), fy)
            to_weights[k] = value.sum(0)
        return to_points, to_weights, None


def splat_points_2d(
    points: torch.Tensor, size: int, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Bilinear splat of points on a periodic grid.

    Pixel [0, 0] is the origin; negative coordinates wrap.

    Parameters
    ----------
    points : torch.Tensor
        (b, n, 2), (x, y) in pixels.
    size : int
        Pixels along an edge.
    weights : torch.Tensor, optional
        (k, n): the same points are splatted once for each of the k rows. Every point weighs 1 by
        default.

    Returns
    -------
    torch.Tensor
        (b, size, size), or (b, k, size, size) with `weights`.
    """
    out: torch.Tensor
    if weights is None:
        out = _Splat2d.apply(points, size)  # type: ignore[no-untyped-call]
    else:
        out = _WeightedSplat2d.apply(points, weights, size)  # type: ignore[no-untyped-call]
    return out


def splat_points_3d(
    points: torch.Tensor, size: int, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Trilinear splat of points on a periodic grid.

    Differentiable in the points, through the corner weights, and in `weights`.

    Parameters
    ----------
    points : torch.Tensor
        (b, n, 3), (x, y, z) in voxels; voxel [0, 0, 0] is the origin.
    size : int
        Voxels along an edge.
    weights : torch.Tensor, optional
        (k, n): once for each row. Every point weighs 1 by default.

    Returns
    -------
    torch.Tensor
        (b, z, y, x), or (b, k, z, y, x) with `weights`.
    """
    if weights is not None:
        return torch.stack([_splat_3d(points, size, weight) for weight in weights], dim=1)
    return _splat_3d(points, size, None)


def _splat_3d(points: torch.Tensor, size: int, weights: torch.Tensor | None) -> torch.Tensor:
    low = torch.floor(points)
    frac = points - low  # (b, n, 3)
    base = low.long()
    volume = points.new_zeros(points.shape[0], size**3)
    for corner in range(8):
        offset = [(corner >> axis) & 1 for axis in range(3)]  # x, y, z
        weight = torch.ones_like(frac[..., 0])
        if weights is not None:
            weight = weight * weights
        index = torch.zeros_like(base[..., 0])
        for axis in (2, 1, 0):
            f = frac[..., axis]
            weight = weight * (f if offset[axis] else 1 - f)
            index = index * size + (base[..., axis] + offset[axis]).remainder(size)
        volume = volume.scatter_add(1, index, weight)
    return volume.view(-1, size, size, size)


def frequencies(size: int, spacing: float, *, half: bool, like: torch.Tensor) -> torch.Tensor:
    """Frequencies of an fft or rfft axis.

    Parameters
    ----------
    size : int
        Pixels along the axis.
    spacing : float
        Between pixels, in A.
    half : bool
        True for the axis that rfft cuts in half.
    like : torch.Tensor
        Gives device and dtype.

    Returns
    -------
    torch.Tensor
        (size,) or (size // 2 + 1,) in 1/A.
    """
    make = torch.fft.rfftfreq if half else torch.fft.fftfreq
    k: torch.Tensor = make(size, spacing, device=like.device, dtype=like.dtype)
    return k


def splat_blur(size: int, oversampling: int, *, half: bool, like: torch.Tensor) -> torch.Tensor:
    """Transform of the linear-interpolation kernel along one cropped axis: sinc^2.

    Parameters
    ----------
    size : int
        Frequencies that are kept along the axis.
    oversampling : int
        Pixels of the splat for one of the image.
    half : bool
        True for the axis that rfft cuts in half.
    like : torch.Tensor
        Gives device and dtype.

    Returns
    -------
    torch.Tensor
        (size,) or (size // 2 + 1,).
    """
    k = frequencies(size, 1.0 / size, half=half, like=like) / (size * oversampling)
    return torch.sinc(k) ** 2


def gaussian_transform(
    width_angstrom: torch.Tensor, box: int, pixel_size_angstrom: float, dims: int, oversampling: int
) -> torch.Tensor:
    """Transform of a unit-mass Gaussian over the splat's blur, in the layout of rfftn.

    exp(-2 pi^2 width^2 k^2).

    Parameters
    ----------
    width_angstrom : torch.Tensor
        Standard deviation in A, 0-d, or (k,) for k Gaussians at once.
    box : int
        Pixels along an edge.
    pixel_size_angstrom : float
        In A.
    dims : int
        2 or 3.
    oversampling : int
        Pixels of the splat for one of the image.

    Returns
    -------
    torch.Tensor
        (box, box // 2 + 1) or (box, box, box // 2 + 1), with k in front where there are k widths.
    """
    total: torch.Tensor | None = None
    exponent = (-2 * math.pi**2 * width_angstrom**2)[..., None]
    for axis in range(dims):
        half = axis == dims - 1
        k = frequencies(box, pixel_size_angstrom, half=half, like=width_angstrom)
        one = torch.exp(exponent * k**2) / splat_blur(
            box, oversampling, half=half, like=width_angstrom
        )
        shape = [*width_angstrom.shape, *[1] * dims]
        shape[axis - dims] = -1
        total = one.view(shape) if total is None else total * one.view(shape)
    assert total is not None
    return total


def crop_rfft(transform: torch.Tensor, box: int, dims: int) -> torch.Tensor:
    """The lowest frequencies of a half transform of a finer grid.

    Parameters
    ----------
    transform : torch.Tensor
        rfftn over the last `dims` axes.
    box : int
        Frequencies along an edge that are kept.
    dims : int
        2 or 3.

    Returns
    -------
    torch.Tensor
        (..., box, box // 2 + 1) or (..., box, box, box // 2 + 1).
    """
    transform = transform[..., : box // 2 + 1]
    for axis in range(-dims, -1):
        size = transform.shape[axis]
        low = transform.narrow(axis, 0, box // 2)
        high = transform.narrow(axis, size - box // 2, box // 2)
        transform = torch.cat([low, high], dim=axis)
    return transform


class _CroppedRfft2d(torch.autograd.Function):
    """The lowest `box` frequencies of rfft2, without transforming columns that are cropped.

    The gradient is a real transform too, where that of `torch.fft.rfft2` is a complex one: for a
    gradient g of the half spectrum it is Re sum_k g_k exp(2 pi i k x), which irfft2 gives once the
    columns that it counts twice are halved.
    """

    @staticmethod
    def forward(ctx: Any, grid: torch.Tensor, box: int) -> torch.Tensor:
        ctx.size = grid.shape[-1]
        columns = torch.fft.rfft(grid)[..., : box // 2 + 1]  # (..., size, box // 2 + 1)
        return crop_rfft(torch.fft.fft(columns, dim=-2), box, 2)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        size, box = ctx.size, grad.shape[-2]
        padded = grad.new_zeros(*grad.shape[:-2], size, box // 2 + 1)
        padded[..., : box // 2, :] = grad[..., : box // 2, :]
        padded[..., size - box // 2 :, :] = grad[..., box // 2 :, :]
        padded[..., 1 : (size + 1) // 2] *= 0.5
        columns = torch.fft.ifft(padded, dim=-2, norm="forward")
        return torch.fft.irfft(columns, n=size, norm="forward"), None


def cropped_rfft2(grid: torch.Tensor, box: int) -> torch.Tensor:
    """The lowest frequencies of rfft2 of images.

    Parameters
    ----------
    grid : torch.Tensor
        (..., size, size) real.
    box : int
        Frequencies along an edge that are kept.

    Returns
    -------
    torch.Tensor
        (..., box, box // 2 + 1) complex.
    """
    out: torch.Tensor = _CroppedRfft2d.apply(grid, box)  # type: ignore[no-untyped-call]
    return out


def project_points(
    positions: torch.Tensor, rotation: torch.Tensor, shift_angstrom: torch.Tensor
) -> torch.Tensor:
    """Where points of the map land in images: (A^T p)_xy plus the particle's shift.

    Parameters
    ----------
    positions : torch.Tensor
        (b, n, 3) or (n, 3) xyz in A from the centre.
    rotation : torch.Tensor
        (b, 3, 3) A, image xyz to volume xyz.
    shift_angstrom : torch.Tensor
        (b, 2) xy of the particle from the image centre.

    Returns
    -------
    torch.Tensor
        (b, n, 2) xy in A from the image centre.
    """
    # x of all points, then y of all points, in memory: the products and the splat want it so
    across = rotation[:, :, :2].mT @ positions.mT + shift_angstrom[..., None]  # (b, 2, n)
    return across.mT


def project_gaussians(
    positions: torch.Tensor,
    width_angstrom: torch.Tensor,
    rotation: torch.Tensor,
    shift_angstrom: torch.Tensor,
    box: int,
    pixel_size_angstrom: float,
    oversampling: int = 2,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Transform of the projection of unit-mass Gaussians (Schwab et al., 2024, eq. 10), no CTF.

    Parameters
    ----------
    positions : torch.Tensor
        (b, n, 3) or (n, 3) xyz in A from the centre.
    width_angstrom : torch.Tensor
        0-d, standard deviation in A; (k,) with `weights`.
    rotation : torch.Tensor
        (b, 3, 3) A, image xyz to volume xyz.
    shift_angstrom : torch.Tensor
        (b, 2) xy of the particle from the image centre.
    box : int
        Pixels along an edge of the images.
    pixel_size_angstrom : float
        Of the images, in A.
    oversampling : int
        Pixels of the splat for one of the image along an edge.
    weights : torch.Tensor, optional
        (k, n) mass of every Gaussian in each of k width classes (eq. 8); 1 by default.

    Returns
    -------
    torch.Tensor
        (b, box, box // 2 + 1) complex; the phase origin is the image centre, so that it compares
        with ``rfft2(ifftshift(image))``. Grey values are densities integrated along z and over the
        pixel, divided by the pixel's side: the plain sum along z of a map of density per voxel.
    """
    fine = box * oversampling
    plane = project_points(positions, rotation, shift_angstrom)  # (b, n, 2) A
    grid = splat_points_2d(plane * (oversampling / pixel_size_angstrom), fine, weights)
    transform = cropped_rfft2(grid, box)  # (b, (k,) box, box // 2 + 1)
    transform = transform * gaussian_transform(
        width_angstrom, box, pixel_size_angstrom, 2, oversampling
    )
    return transform if weights is None else transform.sum(1)


def gaussian_map(
    positions: torch.Tensor,
    width_angstrom: torch.Tensor,
    box: int,
    pixel_size_angstrom: float,
    oversampling: int = 1,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Map of unit-mass Gaussians.

    A unit mass sums to 1 over the voxels; band-limited at Nyquist. The error of the trilinear
    splat falls with the square of `oversampling` and of the width in voxels: 5 % of the peak of a
    single Gaussian two voxels wide without oversampling, 0.6 % with 2.

    Parameters
    ----------
    positions : torch.Tensor
        (b, n, 3) xyz in A from the centre.
    width_angstrom : torch.Tensor
        0-d, standard deviation in A; (k,) with `weights`.
    box : int
        Voxels along an edge.
    pixel_size_angstrom : float
        Edge of a voxel, in A.
    oversampling : int
        Voxels of the splat for one of the map along an edge.
    weights : torch.Tensor, optional
        (k, n) mass of every Gaussian in each of k width classes (eq. 8); 1 by default.

    Returns
    -------
    torch.Tensor
        (b, z, y, x), centre at box // 2.
    """
    fine = box * oversampling
    grid = splat_points_3d(positions * (oversampling / pixel_size_angstrom), fine, weights)
    transform = crop_rfft(torch.fft.rfftn(grid, dim=(-3, -2, -1)), box, 3)
    transform = transform * gaussian_transform(
        width_angstrom, box, pixel_size_angstrom, 3, oversampling
    )
    if weights is not None:
        transform = transform.sum(1)
    volume = torch.fft.irfftn(transform, s=(box, box, box), dim=(-3, -2, -1))
    centred: torch.Tensor = torch.fft.fftshift(volume, dim=(-3, -2, -1))
    return centred
