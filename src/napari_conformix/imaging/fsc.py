"""Fourier shell correlation, counted as RELION counts it."""

from dataclasses import dataclass

import torch

from napari_conformix.imaging.fourier import rfft_shell, shell_sum_3d


def fsc(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Fourier shell correlation of two maps.

    Shell i holds the coefficients with round(|k|) = i; those of the half transform are counted
    once, as in relion_postprocess. A shell without power gives 0.

    Parameters
    ----------
    a, b : torch.Tensor
        (..., n, n, n) real.
    mask : torch.Tensor, optional
        Broadcasts to the maps, which are multiplied by it.

    Returns
    -------
    torch.Tensor
        (..., n // 2 + 1); shell i lies at i / (n pixel size).
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
    """The resolution where an FSC curve first falls below a threshold.

    Linear in frequency between the two shells around the crossing. Shell 0 is not looked at: it is
    the product of two means. NaN counts as below.

    Parameters
    ----------
    curve : torch.Tensor
        (box // 2 + 1,).
    threshold : float
        For instance 0.143 between half maps, 0.5 against a model.
    box : int
        Voxels along an edge of the maps.
    pixel_size_angstrom : float
        Of the maps, in A.

    Returns
    -------
    Resolution
        In A, and whether the curve fell below the threshold at all.
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


# -- corrected for the mask -----------------------------------------------------------------------


@dataclass(frozen=True)
class FscCurves:
    """What relion_postprocess reports of two half maps and a mask; each (box // 2 + 1,) on the CPU.

    unmasked, masked   of the maps as they are, and within the mask
    randomised         within the mask, of maps whose phases are random from `random_from` on: what
                       the mask alone brings
    corrected          (masked - randomised) / (1 - randomised) from two shells above
                       `random_from`, the masked curve below (Chen et al. 2013)
    random_from        the first shell whose unmasked FSC is below 0.8
    """

    unmasked: torch.Tensor
    masked: torch.Tensor
    randomised: torch.Tensor
    corrected: torch.Tensor
    random_from: int


#: RELION's: phases are random from where the unmasked FSC falls below this
RANDOMISE_BELOW = 0.8


def corrected_fsc(
    half1: torch.Tensor, half2: torch.Tensor, mask: torch.Tensor, seed: int = 0
) -> FscCurves:
    """FSC of two half maps corrected for the correlation that a mask brings, as RELION does it.

    Computed in float64 on the CPU. The random phases make the randomised curve scatter by about
    one over the root of the number of voxels in a shell. Source: Chen et al. (2013).

    Parameters
    ----------
    half1, half2 : torch.Tensor
        (n, n, n) real.
    mask : torch.Tensor
        (n, n, n), 0 to 1.
    seed : int
        Of the random phases.

    Returns
    -------
    FscCurves
        Unmasked, masked, randomised and corrected curves.
    """
    half1, half2, mask = (volume.detach().cpu().double() for volume in (half1, half2, mask))
    unmasked, masked = fsc(half1, half2), fsc(half1, half2, mask)
    below = torch.nonzero(unmasked[1:] < RANDOMISE_BELOW).flatten()
    start = int(below[0]) + 1 if len(below) else len(unmasked)
    generator = torch.Generator().manual_seed(seed)
    random1, random2 = (randomise_phases(volume, start, generator) for volume in (half1, half2))
    noise = fsc(random1, random2, mask)
    corrected = torch.where(noise < masked, (masked - noise) / (1 - noise).clamp_min(1e-9), 0)
    low = torch.arange(len(masked)) < start + 2  # RELION's two shells of distance
    return FscCurves(unmasked, masked, noise, torch.where(low, masked, corrected), start)


def randomise_phases(
    volume: torch.Tensor, first_shell: int, generator: torch.Generator
) -> torch.Tensor:
    """A map of the same amplitudes with random phases from a shell on.

    Parameters
    ----------
    volume : torch.Tensor
        (n, n, n) real.
    first_shell : int
        Phases of lower shells stay.
    generator : torch.Generator
        Draws the phases.

    Returns
    -------
    torch.Tensor
        (n, n, n) real.
    """
    n = volume.shape[-1]
    transform = torch.fft.rfftn(volume)
    phase = torch.rand(transform.shape, generator=generator, dtype=torch.float64) * 2 * torch.pi
    random = torch.polar(transform.abs().double(), phase)
    high = rfft_shell(n, 3) >= first_shell
    mixed = torch.where(high, random, transform.to(random.dtype))
    randomised: torch.Tensor = torch.fft.irfftn(mixed, s=(n, n, n)).to(volume.dtype)
    return randomised
