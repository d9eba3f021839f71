"""The contrast transfer function, as RELION multiplies it onto projections of white protein.

CTF = -sin(chi) exp(-B s^2 / 4) * scale, with
chi = -pi lambda dz(azimuth) s^2 + pi/2 Cs lambda^3 s^4 - phase shift - atan(Q0 / sqrt(1 - Q0^2)),
so that it is +Q0 at zero frequency and stacks need no sign flip. Defocus U is measured from image
+x towards +y. torch-ctf computes in float32, and so does everything here.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch_ctf import calculate_ctf_2d

from napari_conformix.imaging.aberrations import even_phase
from napari_conformix.imaging.fourier import rfft_radius
from napari_conformix.imaging.optics import Imaged


def ctf_2d(
    defocus_u_angstrom: torch.Tensor,
    defocus_v_angstrom: torch.Tensor,
    defocus_angle_degrees: torch.Tensor,
    phase_shift_degrees: torch.Tensor,
    voltage_kv: float | torch.Tensor,
    cs_mm: float | torch.Tensor,
    amplitude_contrast: float | torch.Tensor,
    pixel_size_angstrom: float,
    box: int,
    *,
    b_factor: torch.Tensor | None = None,
    scale: torch.Tensor | None = None,
    even_phase: torch.Tensor | None = None,
) -> torch.Tensor:
    """CTF of images in the layout of `torch.fft.rfft2`, zero frequency at [0, 0].

    -sin(chi) with +Q0 at zero frequency, as in RELION. U and V may come in either order.
    Differentiable, except in the astigmatism where U = V.

    Parameters
    ----------
    defocus_u_angstrom, defocus_v_angstrom : torch.Tensor
        (b,) defocus along the two axes, A, positive for underfocus.
    defocus_angle_degrees : torch.Tensor
        (b,) from image +x towards +y to the axis of U.
    phase_shift_degrees : torch.Tensor
        (b,) of a phase plate.
    voltage_kv : float or torch.Tensor
        A number or (b,).
    cs_mm : float or torch.Tensor
        Spherical aberration, a number or (b,).
    amplitude_contrast : float or torch.Tensor
        Q0, a number or (b,).
    pixel_size_angstrom : float
        Of the images, in A.
    box : int
        Pixels along an edge of the images.
    b_factor : torch.Tensor, optional
        (b,) A^2: exp(-B s^2 / 4) multiplies the CTF.
    scale : torch.Tensor, optional
        (b,) multiplies the CTF.
    even_phase : torch.Tensor, optional
        (box, box // 2 + 1) or (b, box, box // 2 + 1) radians added to chi, from :func:`even_phase`.

    Returns
    -------
    torch.Tensor
        (b, box, box // 2 + 1) float32.
    """
    # torch-ctf takes the square root of U - V: swapped axes are the same ellipse turned by 90.
    swapped = defocus_u_angstrom < defocus_v_angstrom
    u = torch.where(swapped, defocus_v_angstrom, defocus_u_angstrom)
    v = torch.where(swapped, defocus_u_angstrom, defocus_v_angstrom)
    angle = torch.where(swapped, defocus_angle_degrees + 90, defocus_angle_degrees)
    wave = calculate_ctf_2d(
        defocus=(u + v) / 2e4,  # A to micrometres
        astigmatism=(u - v) / 2e4,
        astigmatism_angle=angle,
        voltage=voltage_kv,
        spherical_aberration=cs_mm,
        amplitude_contrast=amplitude_contrast,
        phase_shift=phase_shift_degrees,
        pixel_size=pixel_size_angstrom,
        image_shape=(box, box),
        rfft=True,
        fftshift=False,
        return_complex_ctf=even_phase is not None,
    )
    if even_phase is None:
        ctf = wave  # -sin(chi)
    else:  # wave is exp(-i chi); -sin(chi + phase)
        ctf = (wave * torch.polar(torch.ones_like(even_phase), -even_phase)).imag
    if b_factor is not None:
        s2 = (rfft_radius(box, 2, ctf.device) / (box * pixel_size_angstrom)).square()
        ctf = ctf * torch.exp(-b_factor[:, None, None] / 4 * s2.to(ctf))
    if scale is not None:
        ctf = ctf * scale[:, None, None]
    return ctf  # (b, box, box // 2 + 1)


def ctf_of(
    particles: Imaged,
    rows: Sequence[int] | npt.NDArray[np.integer],
    box: int,
    pixel_size_angstrom: float,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """CTF of some particles on one working grid, whatever their optics groups.

    The symmetric aberrations of an optics group (RELION's even Zernike polynomials) are in it;
    the antisymmetric ones are taken off the images by :func:`remove_odd_phase`.

    Parameters
    ----------
    particles : Imaged
        The particle file.
    rows : sequence of int
        (b,) rows of `particles`.
    box : int
        Pixels along an edge of the working grid.
    pixel_size_angstrom : float
        Of the working grid, in A.
    device : torch.device or str
        Where to compute it.

    Returns
    -------
    torch.Tensor
        (b, box, box // 2 + 1) float32.
    """
    rows = np.asarray(rows, dtype=np.int64)

    def column(values: npt.NDArray[np.generic]) -> torch.Tensor:
        return torch.as_tensor(np.asarray(values, dtype=np.float32), device=device)

    group = np.asarray(particles.optics_index)[rows]
    optics = [particles.optics[g] for g in group]
    b_factor = np.asarray(particles.ctf_b_factor)[rows]
    scale = np.asarray(particles.ctf_scale)[rows]
    phase = None
    if any(o.even_zernike for o in particles.optics):
        grids = [even_phase(o, box, pixel_size_angstrom, device) for o in particles.optics]
        phase = torch.stack(grids)[torch.as_tensor(group, dtype=torch.int64, device=device)]
    return ctf_2d(
        column(particles.defocus_u_angstrom[rows]),
        column(particles.defocus_v_angstrom[rows]),
        column(particles.defocus_angle_degrees[rows]),
        column(particles.phase_shift_degrees[rows]),
        column(np.array([o.voltage_kv for o in optics])),
        column(np.array([o.cs_mm for o in optics])),
        column(np.array([o.amplitude_contrast for o in optics])),
        pixel_size_angstrom,
        box,
        b_factor=column(b_factor) if b_factor.any() else None,
        scale=column(scale) if (scale != 1).any() else None,
        even_phase=phase,
    )
