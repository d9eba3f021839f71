"""Random contrast and brightness of the images that the encoder sees (paper, Data Augmentation).

The decoder's target stays the image as it is: the encoder is to learn that neither of the two
matters, since both follow the defocus.
"""

import torch


def vary_contrast_and_brightness(
    images: torch.Tensor, contrast: float, brightness: float
) -> torch.Tensor:
    """Every image x becomes c x + b sigma, with c and b of its own.

    The paper names no strengths. Draws from torch's global generator of the images' device; at
    strength 0 the images are returned as they came.

    Parameters
    ----------
    images : torch.Tensor
        (b, h, w), solvent at 0.
    contrast : float
        c is drawn evenly from 1 - contrast to 1 + contrast; below 1, so that no image turns its
        sign.
    brightness : float
        b is drawn evenly from -brightness to brightness, in units of the image's own standard
        deviation sigma before the change.

    Returns
    -------
    torch.Tensor
        (b, h, w).

    Raises
    ------
    ValueError
        If `contrast` is not from 0 to below 1, or `brightness` is negative.
    """
    if not 0 <= contrast < 1 or brightness < 0:
        raise ValueError("contrast must be from 0 to below 1, brightness at least 0")
    varied = images
    if contrast > 0:
        varied = images * (1 + contrast * _even(images))
    if brightness > 0:
        sigma = images.std(dim=(-2, -1), keepdim=True, correction=0)
        varied = varied + brightness * _even(images) * sigma
    return varied


def _even(images: torch.Tensor) -> torch.Tensor:
    """One number for each image, evenly from -1 to 1: (b, 1, 1)."""
    return 2 * torch.rand(len(images), 1, 1, dtype=images.dtype, device=images.device) - 1
