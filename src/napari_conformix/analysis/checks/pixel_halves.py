"""Two halves of one image that share its particle and not its noise: random Fourier pixels.

Noise is independent between Fourier pixels, whatever its spectrum; what a compact particle differs
by from its mean structure varies little from one pixel to the next. So in an image of which half
the pixels are replaced by those of the mean structure, while the others differ from it by twice as
much, the particle is the same on the average, in more noise; and the pixels that it lacks can test
what was read from it. (Zeros instead would be worse: at low resolution the mean structure is far
stronger than the noise.) Fourier pixels (y, x) are in rfft layout; a pixel and its Friedel mate go
together.
"""

import torch


def random_halves(count: int, box: int, generator: torch.Generator) -> torch.Tensor:
    """(count, box, box // 2 + 1) bool: True for the pixels of the first half."""
    mask = torch.rand(count, box, box // 2 + 1, generator=generator) < 0.5
    mate = (-torch.arange(box)) % box
    for column in {0, box // 2 if box % 2 == 0 else 0}:  # where mates are both in the layout
        mask[:, :, column] = torch.where(
            torch.arange(box) <= mate, mask[:, :, column], mask[:, mate, column]
        )
    return mask


def only(images: torch.Tensor, mask: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """(b, h, w) images that differ from the mean structure's only in `mask` (b, h, w // 2 + 1), and
    there by twice `residual` (b, h, w // 2 + 1), the rfft2 of the images less the mean
    structure's."""
    transform = torch.fft.rfft2(images) - torch.where(mask, -residual, residual)
    kept: torch.Tensor = torch.fft.irfft2(transform, s=images.shape[-2:])
    return kept


def power(transform: torch.Tensor, mask: torch.Tensor, box: int) -> torch.Tensor:
    """(b,) float64: sum of squares over the pixels in `mask` of the full transform, whose right
    side is `transform` (b, box, box // 2 + 1)."""
    squares = torch.view_as_real(transform).double().square().sum(-1) * mask
    twice = torch.full((transform.shape[-1],), 2.0, dtype=torch.float64, device=transform.device)
    twice[0] = 1.0
    if box % 2 == 0:
        twice[-1] = 1.0
    return (squares * twice).sum(dim=(1, 2))
