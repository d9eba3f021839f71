"""Noise power by shell, in units of the variance of a pixel.

White noise of standard deviation sigma has the power sigma^2 in every shell, whatever the box.
"""

import torch

from napari_conformix.imaging.fourier import radial_average_2d
from napari_conformix.imaging.masks import circle_mask


def noise_power(residuals: torch.Tensor) -> torch.Tensor:
    """Mean power of images that hold noise only (for example data minus model), by shell.

    Parameters
    ----------
    residuals : torch.Tensor
        (..., n, n) real.

    Returns
    -------
    torch.Tensor
        (n // 2 + 1,), averaged over all images.
    """
    n = residuals.shape[-1]
    spectrum = torch.fft.rfft2(residuals).abs().square() / n**2
    return radial_average_2d(spectrum.reshape(-1, n, n // 2 + 1).mean(0))


def background_noise_power(images: torch.Tensor, radius_px: float) -> torch.Tensor:
    """Noise power from the corners of particle images, outside a circle around the particle.

    The particle is cut out with a soft edge, and the power scaled to the whole box. The mean of
    each image's background is taken off first, so shell 0 says nothing. The cut blurs the curve
    over one or two shells.

    Parameters
    ----------
    images : torch.Tensor
        (..., n, n) real.
    radius_px : float
        Of the particle, in pixels.

    Returns
    -------
    torch.Tensor
        (n // 2 + 1,), averaged over all images.
    """
    n = images.shape[-1]
    outside = 1 - circle_mask(n, radius_px, 3.0, images.device).to(images.dtype)
    fraction = outside.square().mean()
    if fraction < 0.02:
        raise ValueError(
            f"A particle radius of {radius_px:g} px leaves no background in a box of {n} px."
        )
    mean = (images * outside).sum((-2, -1), keepdim=True) / outside.sum()
    return noise_power((images - mean) * outside) / fraction
