"""Projections of many voxel volumes, one for every image, and their adjoint.

A decoded volume is known at points: the voxel centres inside the solvent mask. Every image has
other values at the same points, so a projection needs no volume at all: the points are turned,
their values are splatted in two dimensions on a grid finer than the image, and the blur of the
splat is divided out of its transform. That is a central slice of the discrete Fourier transform of
the voxels, cut at their Nyquist sphere, but for what the splat aliases, at the cost of four
additions a voxel. Source: Luo et al. 2023, Methods, "image formation", where a voxel grid is
rotated.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from scipy.fft import next_fast_len

from napari_conformix.imaging.fourier import fourier_shift
from napari_conformix.imaging.gaussians import cropped_rfft2, frequencies
from napari_conformix.imaging.projection import project_volume


def voxel_positions(
    box: int, pixel_size_angstrom: float, inside: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres of the voxels of a cube, or of those where `inside` holds, and which they are.

    Parameters
    ----------
    box : int
        Voxels along an edge, even.
    pixel_size_angstrom : float
        Edge of a voxel, in A.
    inside : torch.Tensor, optional
        (z, y, x) bool, for instance a solvent mask; every voxel by default.

    Returns
    -------
    positions : torch.Tensor
        (n, 3) float32 xyz in A from index box // 2.
    flat : torch.Tensor
        (n,) int64 index into the flattened (z, y, x) cube, rising: a scatter there makes the map.

    Raises
    ------
    ValueError
        If `inside` is of another shape.
    """
    if inside is None:
        flat = torch.arange(box**3)
    else:
        if inside.shape != (box, box, box):
            raise ValueError(f"inside is {tuple(inside.shape)}, not ({box}, {box}, {box})")
        flat = inside.flatten().nonzero()[:, 0]
    zyx = torch.stack([flat // box**2, flat // box % box, flat % box], dim=1)
    return (zyx.flip(1) - box // 2) * float(pixel_size_angstrom), flat


class _Splat(torch.autograd.Function):
    """Bilinear splat of values (b, n): the adjoint of `grid_sample`, which is its gradient.

    The library's own backward kernel is one pass over the points with nothing kept for every
    corner, and it runs on every device that `grid_sample` runs on.
    """

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, grid: torch.Tensor, size: int) -> torch.Tensor:
        ctx.save_for_backward(grid)
        b, n = values.shape
        image = values.new_zeros(()).expand(b, 1, size, size)  # only its shape matters
        bilinear, zeros, align_corners = 0, 0, True
        splatted, _ = torch.ops.aten.grid_sampler_2d_backward(
            values.reshape(b, 1, 1, n), image, grid, bilinear, zeros, align_corners, [True, False]
        )
        return splatted[:, 0]  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _gather(grad, grid), None, None


def _gather(images: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Bilinear values of images (b, h, w) on a sampling grid (b, 1, n, 2) -> (b, n); 0 outside."""
    return F.grid_sample(images[:, None], grid, align_corners=True)[:, 0, 0]


def _sampling_grid(
    positions: torch.Tensor,
    rotation: torch.Tensor,
    shift_angstrom: torch.Tensor,
    size: int,
    spacing_angstrom: float,
) -> torch.Tensor:
    """Where points of the consensus frame land in square images, as `grid_sample` wants it.

    Pixel i of n lies at 2 i / (n - 1) - 1 ("align corners"), the centre of the image at n // 2.

    positions (n, 3) A, rotation (b, 3, 3), shift (b, 2) A -> (b, 1, n, 2) (x, y)
    """
    pixel = 2 / (size - 1)
    to_grid = pixel / spacing_angstrom
    # one product for all images: x of all points, then y of all points, image by image
    matrix = to_grid * rotation[:, :, :2].mT.reshape(-1, 3)  # (2b, 3)
    offset = to_grid * shift_angstrom.reshape(-1, 1) + (size // 2 * pixel - 1)  # (2b, 1)
    with torch.autocast(positions.device.type, enabled=False):  # half precision moves points
        plane = torch.addmm(offset, matrix, positions.T)  # (2b, n)
    return plane.view(len(rotation), 1, 2, -1).mT


def project_voxels(
    values: torch.Tensor,
    positions: torch.Tensor,
    rotation: torch.Tensor,
    shift_angstrom: torch.Tensor,
    box: int,
    pixel_size_angstrom: float,
    oversampling: int = 3,
    voxel_size_angstrom: float | None = None,
) -> torch.Tensor:
    """Transform of the projections of voxels at common positions with values of their own.

    What falls outside of the image is not in it. Differentiable in `values` alone.

    Parameters
    ----------
    values : torch.Tensor
        (b, n) densities per voxel of the images' pixel size.
    positions : torch.Tensor
        (n, 3) xyz in A from the centre, on a grid of `voxel_size_angstrom`.
    rotation : torch.Tensor
        (b, 3, 3) A, image xyz to volume xyz.
    shift_angstrom : torch.Tensor
        (b, 2) xy of the particle from the image centre.
    box : int
        Pixels along an edge of the images.
    pixel_size_angstrom : float
        Of the images, in A.
    oversampling : int
        Pixels of the splat for one of the image along an edge. Voxels are points, so their
        transform repeats itself at 1 / voxel size, and where a replica of the strong low
        frequencies is aliased into the image the CTF leaves it in full: the worst of 40 images
        correlates with RELION's to 0.9964 with 2, 0.9996 with 3, 0.9998 with 4.
    voxel_size_angstrom : float, optional
        Of the decoded grid, if it is not that of the images. Values stay densities per voxel of
        the *images'* pixel size, so that a volume keeps its grey values when its grid is changed:
        a coarser voxel stands for (voxel_size / pixel_size)^3 of them.

    Returns
    -------
    torch.Tensor
        (b, box, box // 2 + 1) complex; the phase origin is the image centre, so that it compares
        with ``rfft2(ifftshift(image))``. Grey values are the plain sum along z. From the Nyquist
        frequency of the voxels, or of the images, on it is 0: there the voxels have only replicas
        of the lower frequencies.
    """
    ratio = (voxel_size_angstrom or pixel_size_angstrom) / pixel_size_angstrom
    band = min(box, 2 * math.ceil(box / (2 * ratio)))  # all that coarse voxels have frequencies for
    fine = next_fast_len(band * oversampling // 2, real=True) * 2
    grid = _sampling_grid(
        positions, rotation, shift_angstrom, fine, box * pixel_size_angstrom / fine
    )
    splat: torch.Tensor = _Splat.apply(  # type: ignore[no-untyped-call]
        values.to(grid.dtype), grid, fine
    )
    nyquist = box / (2 * max(ratio, 1.0))
    transform = cropped_rfft2(splat, band) * _transfer(band, fine, nyquist, like=splat)
    return _pad_rfft2(transform * ratio**3, box)


def _transfer(box: int, fine: int, nyquist: float, *, like: torch.Tensor) -> torch.Tensor:
    """(box, box // 2 + 1): undo the splat's blur, move the origin to the centre, limit the band.

    box      frequencies along an edge that are kept of the `fine` ones of the splat
    nyquist  Nyquist frequency of the voxels or of the images, the lower one, in units of 1 / box
    """
    y, x = (frequencies(box, 1 / box, half=half, like=like) for half in (False, True))
    centred = torch.cos(torch.pi * y)[:, None] * torch.cos(torch.pi * x)  # 1 or -1
    blur = torch.sinc(y / fine)[:, None].square() * torch.sinc(x / fine).square()
    below_nyquist = y[:, None].square() + x.square() < (nyquist - 1e-6) ** 2
    return centred * below_nyquist / blur


def _pad_rfft2(transform: torch.Tensor, box: int) -> torch.Tensor:
    """The inverse of a crop: (b, n, n // 2 + 1) -> (b, box, box // 2 + 1), zeros at the end."""
    n = transform.shape[-2]
    if n == box:
        return transform
    low, high = transform.split(n // 2, dim=-2)
    columns = torch.cat([low, low.new_zeros(*low.shape[:-2], box - n, low.shape[-1]), high], dim=-2)
    return F.pad(columns, (0, (box - n) // 2))


def sample_images(
    images: torch.Tensor,
    positions: torch.Tensor,
    rotation: torch.Tensor,
    shift_angstrom: torch.Tensor,
    pixel_size_angstrom: float,
) -> torch.Tensor:
    """Images repeated along z, turned into the consensus frame and read at points (bilinear).

    The spatial transformer of the encoder, and the adjoint of the splat without oversampling: a
    point takes the grey value of the pixel that it is projected to; 0 outside of the image.

    Parameters
    ----------
    images : torch.Tensor
        (b, n, n), centre at index n // 2.
    positions : torch.Tensor
        (p, 3) xyz in A from the centre.
    rotation : torch.Tensor
        (b, 3, 3) A, image xyz to volume xyz.
    shift_angstrom : torch.Tensor
        (b, 2) xy of the particle from the image centre.
    pixel_size_angstrom : float
        Of the images, in A.

    Returns
    -------
    torch.Tensor
        (b, p).
    """
    size = images.shape[-1]
    grid = _sampling_grid(positions, rotation, shift_angstrom, size, pixel_size_angstrom)
    return _gather(images, grid.to(images.dtype))


def project_slices(
    volume: torch.Tensor,
    rotation: torch.Tensor,
    shift_angstrom: torch.Tensor,
    pixel_size_angstrom: float,
    pad_factor: float = 2.0,
) -> torch.Tensor:
    """As :func:`project_voxels` through central slices of each volume's padded transform.

    An independent way to the same images, a volume at a time: the padded transforms of all of them
    would not fit into memory.

    Parameters
    ----------
    volume : torch.Tensor
        (b, n, n, n) real.
    rotation : torch.Tensor
        (b, 3, 3) A, image xyz to volume xyz.
    shift_angstrom : torch.Tensor
        (b, 2) xy of the particle from the image centre.
    pixel_size_angstrom : float
        Of the images, in A.
    pad_factor : float
        Box of the transform over that of the volume.

    Returns
    -------
    torch.Tensor
        (b, n, n // 2 + 1) complex, phase origin at the image centre.
    """
    images = torch.stack(
        [
            project_volume(one, matrix, pad_factor=pad_factor, fftfreq_max=0.5)
            for one, matrix in zip(volume, rotation, strict=True)
        ]
    )
    transform = torch.fft.rfft2(torch.fft.ifftshift(images, dim=(-2, -1)))
    return fourier_shift(transform, shift_angstrom / pixel_size_angstrom)
