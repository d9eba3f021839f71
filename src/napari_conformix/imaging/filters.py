"""Filters of maps and images."""

import torch

from napari_conformix.imaging.fourier import rfft_radius

#: Fourier shells over which a filter falls from 1 to 0
_EDGE_SHELLS = 3.0


def low_pass(
    volume: torch.Tensor, pixel_size_angstrom: float, resolution_angstrom: float
) -> torch.Tensor:
    """Remove what is finer than a resolution, by a raised cosine three shells wide about it.

    Parameters
    ----------
    volume : torch.Tensor
        (n, n, n) real.
    pixel_size_angstrom : float
        Of the map, in A.
    resolution_angstrom : float
        Where half the amplitude is left, in A.

    Returns
    -------
    torch.Tensor
        The same shape and grid.
    """
    n = volume.shape[-1]
    gain = low_pass_gain(n, 3, pixel_size_angstrom, resolution_angstrom).to(volume)
    filtered: torch.Tensor = torch.fft.irfftn(torch.fft.rfftn(volume) * gain, s=(n, n, n))
    return filtered


def low_pass_gain(
    box: int, ndim: int, pixel_size_angstrom: float, resolution_angstrom: float
) -> torch.Tensor:
    """What :func:`low_pass` multiplies every coefficient of a half transform with, 0 to 1.

    Parameters
    ----------
    box : int
        Pixels along an edge.
    ndim : int
        2 or 3.
    pixel_size_angstrom : float
        In A.
    resolution_angstrom : float
        Where the gain is one half, in A.

    Returns
    -------
    torch.Tensor
        (box, box // 2 + 1) or (box, box, box // 2 + 1) float64.
    """
    cut = box * pixel_size_angstrom / resolution_angstrom
    beyond = ((rfft_radius(box, ndim) - cut) / _EDGE_SHELLS + 0.5).clamp(0, 1)
    return 0.5 + 0.5 * torch.cos(torch.pi * beyond)
