"""Filters of maps."""

import torch

from napari_conformix.imaging.fourier import rfft_radius


def low_pass(
    volume: torch.Tensor, pixel_size_angstrom: float, resolution_angstrom: float
) -> torch.Tensor:
    """Remove what is finer than a resolution, by a raised cosine three shells wide about it.

    volume (n, n, n) real -> the same shape and grid
    """
    n = volume.shape[-1]
    cut = n * pixel_size_angstrom / resolution_angstrom
    beyond = ((rfft_radius(n, 3, volume.device) - cut) / 3 + 0.5).clamp(0, 1)
    gain = (0.5 + 0.5 * torch.cos(torch.pi * beyond)).to(volume.dtype)
    filtered: torch.Tensor = torch.fft.irfftn(torch.fft.rfftn(volume) * gain, s=(n, n, n))
    return filtered
