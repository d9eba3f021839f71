"""Fourier shell correlation, counted as RELION counts it."""

from dataclasses import dataclass

import torch

from napari_conformix.imaging.fourier import shell_sum_3d


def fsc(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Fourier shell correlation of two maps.

    Shell i holds the coefficients with round(|k|) = i; those of the half transform are counted
    once, as in relion_postprocess. A shell without power gives 0.

    a, b (..., n, n, n) real; mask broadcasts to them -> (..., n // 2 + 1), shell i at i / (n px)
    """
    if mask is not None:
        a, b = a * mask, b * mask
    fa = torch.fft.rfftn(a, dim=(-3, -2, -1))
    fb = torch.fft.rfftn(b, dim=(-3, -2, -1))
    cross = shell_sum_3d((fa * fb.conj()).real)
    # two roots: the product of two powers of small grey values leaves the range of float32
    norm = shell_sum_3d(fa.abs().square()).sqrt() * shell_sum_3d(fb.abs().square()).sqrt()
    return torch.where(norm > 0, cross / norm.clamp_min(torch.finfo(norm.dtype).tiny), 0)


@dataclass(frozen=True)
class Resolution:
    """Where an FSC curve falls below a threshold."""

    angstrom: float
    #: False: the curve stays above up to the last shell and `angstrom` is the Nyquist limit
    reached: bool


def resolution_at(
    curve: torch.Tensor, threshold: float, box: int, pixel_size_angstrom: float
) -> Resolution:
    """The resolution where an FSC curve first falls below `threshold` (0.143, 0.5).

    Linear in frequency between the two shells around the crossing. Shell 0 is not looked at: it is
    the product of two means. NaN counts as below.

    curve (box // 2 + 1,)
    """
    values = torch.nan_to_num(curve.detach().double().cpu(), nan=-1.0)
    below = torch.nonzero(values[1:] < threshold).flatten()
    if len(below) == 0:
        return Resolution(box * pixel_size_angstrom / (len(values) - 1), reached=False)
    i = int(below[0]) + 1
    if i == 1:
        return Resolution(box * pixel_size_angstrom, reached=True)
    above, under = float(values[i - 1]), float(values[i])
    shell = i - 1 + (above - threshold) / (above - under)
    return Resolution(box * pixel_size_angstrom / shell, reached=True)
