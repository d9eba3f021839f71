"""The microscope of the simulation: the contrast transfer function, in numpy.

Written down again from the formula, so that the trainer's own is tested against something else.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Microscope:
    """Typical of today's data: 300 kV, Cs 2.7 mm, 10 % amplitude contrast."""

    voltage_kv: float = 300.0
    cs_mm: float = 2.7
    amplitude_contrast: float = 0.1

    @property
    def wavelength_angstrom(self) -> float:
        """Relativistic electron wavelength in A."""
        volts = self.voltage_kv * 1e3
        return float(12.2643247 / np.sqrt(volts * (1 + 0.978466e-6 * volts)))


def frequencies(box: int, pixel_size: float) -> tuple[Float, Float]:
    """sx and sy in 1/A of the rfft layout, each broadcastable to (box, box // 2 + 1)."""
    sx: Float = np.arange(box // 2 + 1)[None, :] / (box * pixel_size)
    sy: Float = np.asarray(np.fft.fftfreq(box, pixel_size), np.float64)[:, None]
    return sx, sy


def ctf(
    box: int,
    pixel_size: float,
    defocus_u: Float,
    defocus_v: Float,
    angle_degrees: Float,
    microscope: Microscope | None = None,
) -> Float:
    """CTF in RELION's sign: + amplitude contrast at zero frequency for white protein.

    Parameters
    ----------
    defocus_u, defocus_v, angle_degrees: (b,) underfocus positive in A; U lies at `angle` from
        image +x towards +y.

    Returns
    -------
    (b, box, box // 2 + 1) -sin(chi) with
    chi = -pi lambda dz s^2 + pi/2 Cs lambda^3 s^4 - asin(amplitude contrast).
    """
    scope = microscope or Microscope()
    sx, sy = frequencies(box, pixel_size)
    s2 = sx**2 + sy**2
    azimuth = np.arctan2(sy, sx) - np.deg2rad(angle_degrees)[:, None, None]
    mean, half_difference = (defocus_u + defocus_v) / 2, (defocus_u - defocus_v) / 2
    dz = mean[:, None, None] + half_difference[:, None, None] * np.cos(2 * azimuth)
    wavelength = scope.wavelength_angstrom
    chi = -np.pi * wavelength * dz * s2
    chi += np.pi / 2 * scope.cs_mm * 1e7 * wavelength**3 * s2**2
    return np.asarray(-np.sin(chi - np.arcsin(scope.amplitude_contrast)))
