"""Higher-order aberrations of an optics group, as RELION 3.1 and later define them.

RELION writes the phase of an aberration as a sum of Zernike polynomials of the frequency s in
1/A (not of s relative to a cut-off). Symmetric ones ("even") belong to the CTF. Antisymmetric ones
("odd", and beam tilt, which is axial coma) shift phases of the image; they are taken off the
observed image once, so that the CTF stays real.
"""

from math import factorial

import torch

from napari_conformix.imaging.optics import Optics


def zernike(n: int, m: int, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The real Zernike polynomial Z_n^m at (x, y): cos(m phi) for m >= 0, sin(|m| phi) below."""
    rho, phi = torch.hypot(x, y), torch.atan2(y, x)
    k = abs(m)
    radial = torch.zeros_like(rho)
    for j in range((n - k) // 2 + 1):
        denominator = factorial(j) * factorial((n + k) // 2 - j) * factorial((n - k) // 2 - j)
        radial = radial + (-1) ** j * factorial(n - j) / denominator * rho ** (n - 2 * j)
    return radial * (torch.cos(k * phi) if m >= 0 else torch.sin(k * phi))


def zernike_orders(index: int, *, odd: bool) -> tuple[int, int]:
    """(n, m) of the coefficient at `index` of rlnOddZernike or rlnEvenZernike.

    Odd: (1,-1) (1,1) (3,-3) (3,-1) (3,1) (3,3) (5,-5) ...
    Even: (0,0) (2,-2) (2,0) (2,2) (4,-4) ...
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
    """Radians that symmetric aberrations add to chi of the CTF: (box, box // 2 + 1) float32."""
    return _phase(optics.even_zernike, box, pixel_size_angstrom, device, odd=False)
