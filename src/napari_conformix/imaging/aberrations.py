"""Higher-order aberrations of an optics group, as RELION 3.1 and later define them.

RELION writes the phase of an aberration as a sum of Zernike polynomials of the frequency s in
1/A (not of s relative to a cut-off). Symmetric ones ("even") belong to the CTF. Antisymmetric ones
("odd", and beam tilt, which is axial coma) shift phases of the image; they are taken off the
observed image once, so that the CTF stays real. Both agree with relion_project and
relion_reconstruct 3.1.3. Anisotropic magnification is not applied; `unapplied_aberrations` says so.
"""

from collections.abc import Sequence
from math import factorial, pi

import numpy as np
import numpy.typing as npt
import torch
from torch_ctf import calculate_relativistic_electron_wavelength

from napari_conformix.imaging.optics import Imaged, Optics


def zernike(n: int, m: int, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The real Zernike polynomial Z_n^m: cos(m phi) for m >= 0, sin(|m| phi) below.

    Parameters
    ----------
    n : int
        Order.
    m : int
        Azimuthal frequency, |m| <= n, of the parity of n.
    x, y : torch.Tensor
        Coordinates, of one shape, in units of the radius.

    Returns
    -------
    torch.Tensor
        Values, of the shape of `x`.
    """
    rho, phi = torch.hypot(x, y), torch.atan2(y, x)
    k = abs(m)
    radial = torch.zeros_like(rho)
    for j in range((n - k) // 2 + 1):
        denominator = factorial(j) * factorial((n + k) // 2 - j) * factorial((n - k) // 2 - j)
        radial = radial + (-1) ** j * factorial(n - j) / denominator * rho ** (n - 2 * j)
    return radial * (torch.cos(k * phi) if m >= 0 else torch.sin(k * phi))


def zernike_orders(index: int, *, odd: bool) -> tuple[int, int]:
    """Orders of a coefficient in RELION's lists of Zernike polynomials.

    Odd: (1,-1) (1,1) (3,-3) (3,-1) (3,1) (3,3) (5,-5) ...
    Even: (0,0) (2,-2) (2,0) (2,2) (4,-4) ...

    Parameters
    ----------
    index : int
        Place in rlnOddZernike or rlnEvenZernike, from 0.
    odd : bool
        Which of the two lists.

    Returns
    -------
    tuple of int
        (n, m).
    """
    n = 1 if odd else 0
    while index >= n + 1:
        index -= n + 1
        n += 2
    return n, 2 * index - n


def _phase(
    coefficients: tuple[float, ...],
    box: int,
    pixel_size_angstrom: float,
    device: torch.device | str,
    *,
    odd: bool,
) -> torch.Tensor:
    """Sum of the polynomials on a half transform's frequencies: (box, box // 2 + 1) radians."""
    y = torch.fft.fftfreq(box, pixel_size_angstrom, dtype=torch.float64, device=device)
    x = torch.fft.rfftfreq(box, pixel_size_angstrom, dtype=torch.float64, device=device)
    y, x = torch.meshgrid(y, x, indexing="ij")
    phase = torch.zeros_like(x)
    for index, coefficient in enumerate(coefficients):
        if coefficient:
            phase = phase + coefficient * zernike(*zernike_orders(index, odd=odd), x, y)
    return phase.float()


def even_phase(
    optics: Optics, box: int, pixel_size_angstrom: float, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """Phase that symmetric aberrations add to chi of the CTF.

    Parameters
    ----------
    optics : Optics
        An optics group.
    box : int
        Pixels along an edge of the images.
    pixel_size_angstrom : float
        Of the images, in A.
    device : torch.device or str
        Where to compute it.

    Returns
    -------
    torch.Tensor
        (box, box // 2 + 1) float32, radians, in the layout of `torch.fft.rfft2`.
    """
    return _phase(optics.even_zernike, box, pixel_size_angstrom, device, odd=False)


def odd_phase(
    optics: Optics, box: int, pixel_size_angstrom: float, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """Phase that antisymmetric aberrations add to an image's transform.

    As in RELION a beam tilt replaces the coefficients of axial coma (Z_3^-1 and Z_3^1); all
    others are kept.

    Parameters
    ----------
    optics : Optics
        An optics group.
    box : int
        Pixels along an edge of the images.
    pixel_size_angstrom : float
        Of the images, in A.
    device : torch.device or str
        Where to compute it.

    Returns
    -------
    torch.Tensor
        (box, box // 2 + 1) float32, radians, in the layout of `torch.fft.rfft2`.
    """
    coefficients = list(optics.odd_zernike)
    if any(optics.beam_tilt_mrad):
        coefficients += [0.0] * (6 - len(coefficients))
        # the phase -2 pi Cs lambda^2 (tilt . s) s^2, with Z_3^1 = (3 s^2 - 2) x and Z_1^1 = x
        coma = -2 * pi * optics.cs_mm * 1e7 * _wavelength_angstrom(optics.voltage_kv) ** 2 / 3
        tilt_x, tilt_y = (1e-3 * mrad for mrad in optics.beam_tilt_mrad)
        coefficients[3], coefficients[4] = coma * tilt_y, coma * tilt_x
        coefficients[0] += 2 * coefficients[3]
        coefficients[1] += 2 * coefficients[4]
    return _phase(tuple(coefficients), box, pixel_size_angstrom, device, odd=True)


def _wavelength_angstrom(voltage_kv: float) -> float:
    volts = torch.tensor(voltage_kv * 1e3)
    return float(calculate_relativistic_electron_wavelength(volts)) * 1e10


def has_odd_phase(optics: Optics) -> bool:
    """Whether images of an optics group carry antisymmetric aberrations.

    Parameters
    ----------
    optics : Optics
        An optics group.

    Returns
    -------
    bool
        True for a beam tilt, or a coefficient of rlnOddZernike, that is not 0.
    """
    return any(optics.beam_tilt_mrad) or any(optics.odd_zernike)


def remove_odd_phase(
    image_rfft: torch.Tensor,
    particles: Imaged,
    rows: Sequence[int] | npt.NDArray[np.integer],
    pixel_size_angstrom: float,
) -> torch.Tensor:
    """Take beam tilt and other antisymmetric aberrations off observed images.

    Parameters
    ----------
    image_rfft : torch.Tensor
        (b, n, n // 2 + 1) complex, the images' transforms.
    particles : Imaged
        The particle file that the images are of.
    rows : sequence of int
        (b,) rows of `particles`, one for each image.
    pixel_size_angstrom : float
        Of the images, in A.

    Returns
    -------
    torch.Tensor
        The same shape; the very input when no optics group has such aberrations.
    """
    if not any(has_odd_phase(o) for o in particles.optics):
        return image_rfft
    box, device = image_rfft.shape[-2], image_rfft.device
    phases = [odd_phase(o, box, pixel_size_angstrom, device) for o in particles.optics]
    group = torch.as_tensor(np.asarray(particles.optics_index)[np.asarray(rows)].astype(np.int64))
    phase = torch.stack(phases)[group.to(device)]
    return image_rfft * torch.polar(torch.ones_like(phase), -phase).to(image_rfft.dtype)


def unapplied_aberrations(optics: Sequence[Optics]) -> list[str]:
    """What the optics groups hold that is not applied.

    Parameters
    ----------
    optics : sequence of Optics
        The optics groups of a particle file.

    Returns
    -------
    list of str
        Sentences for the user; empty when everything is applied.
    """
    sentences = []
    for group in optics:
        departure = max(abs(a - b) for a, b in zip(group.magnification, (1, 0, 0, 1), strict=True))
        if departure > 1e-6:
            sentences.append(
                f"Optics group {group.name!r} has an anisotropic magnification (rlnMagMat, up to "
                f"{100 * departure:.2g} %), which is not applied: its particles are treated as if "
                f"their magnification were 1. Re-extract them with the correction where this "
                f"matters."
            )
    return sentences
