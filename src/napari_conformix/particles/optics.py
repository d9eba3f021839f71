"""What a microscope session gives to all its particles."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True)
class OpticsGroup:
    """An optics group as RELION 3.1 has it; NaN where the file does not say.

    box is 0 when the file does not say. Beam tilt and Zernike coefficients (RELION's order and
    units, odd: phase of antisymmetric, even: of symmetric aberrations) and the magnification
    matrix (mag00, mag01, mag10, mag11) are neutral when absent.
    """

    number: int
    name: str
    voltage_kv: float
    cs_mm: float
    amplitude_contrast: float
    pixel_size_angstrom: float
    box: int = 0
    beam_tilt_mrad: tuple[float, float] = (0.0, 0.0)
    odd_zernike: tuple[float, ...] = ()
    even_zernike: tuple[float, ...] = ()
    magnification: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 1.0)

    @property
    def has_aberrations(self) -> bool:
        """True when beam tilt or a Zernike coefficient differs from zero."""
        return any(self.beam_tilt_mrad) or any(self.odd_zernike) or any(self.even_zernike)

    @property
    def has_anisotropic_magnification(self) -> bool:
        """True when the magnification matrix is not the identity."""
        return self.magnification != (1.0, 0.0, 0.0, 1.0)


def group_equal_rows(
    values: Mapping[str, npt.NDArray[np.generic]],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.intp]]:
    """Number the distinct rows of some columns in order of appearance.

    Returns the number of each row's kind (n,) and the first row of each kind.
    """
    groups = pd.DataFrame(values).groupby(list(values), sort=False, dropna=False)
    index = groups.ngroup().to_numpy().astype(np.int32)
    return index, np.unique(index, return_index=True)[1]
