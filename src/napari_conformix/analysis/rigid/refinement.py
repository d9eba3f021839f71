"""A rigid fit on one scale: a domain's density and the map that it is to be found in.

The voxels of the domain are moved, and the map is read where they come to lie (cubic splines), so
that the mask moves with the domain. What is minimised is 2 - 2 x correlation: the squared misfit
of both sets of values, each brought to mean 0 and norm 1, which leaves grey scale and offset free.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import map_coordinates, spline_filter
from scipy.optimize import least_squares

from napari_conformix.analysis.rigid.search import Floats, Placement, indices_of

_ROUNDS = 60
#: values that vary less than this share of the domain's are none
_NOTHING = 1e-12
#: relative change of the misfit, and its slope, at which a fit is at rest
_SETTLED = 1e-6
#: rotation vector and shift
_PARAMETERS = 6


class SplineMap:
    """A map and its gradient at any place; 0 outside of the box."""

    def __init__(self, density: npt.NDArray[np.floating], pixel_size_angstrom: float) -> None:
        self.density = np.asarray(density, np.float64)
        self.pixel_size_angstrom = pixel_size_angstrom

    @property
    def box(self) -> int:
        """Voxels along an edge."""
        return len(self.density)

    @cached_property
    def _values(self) -> Floats:
        return np.asarray(spline_filter(self.density, order=3))

    @cached_property
    def _slopes(self) -> list[Floats]:
        """Spline coefficients of the derivatives along x, y and z, per A.

        Of the band-limited map, which has no kinks between voxels.
        """
        transform = fft.rfftn(self.density)
        k = 2j * np.pi * fft.fftfreq(self.box, self.pixel_size_angstrom)
        k[self.box // 2] = 0  # the sign of the Nyquist frequency is not known
        half = k[: self.box // 2 + 1]
        waves = (half[None, None, :], k[None, :, None], k[:, None, None])
        shape = self.density.shape
        return [
            np.asarray(spline_filter(fft.irfftn(transform * wave, s=shape), order=3))
            for wave in waves
        ]

    def at(self, xyz: npt.ArrayLike) -> Floats:
        """Values (n,) at (n, 3) xyz in A."""
        return self._read(self._values, indices_of(xyz, self.box, self.pixel_size_angstrom))

    def gradient_at(self, xyz: npt.ArrayLike) -> Floats:
        """d value / d xyz, (n, 3) per A."""
        index = indices_of(xyz, self.box, self.pixel_size_angstrom)
        return np.stack([self._read(slope, index) for slope in self._slopes], axis=1)

    @staticmethod
    def _read(coefficients: Floats, index: Floats) -> Floats:
        return np.asarray(map_coordinates(coefficients, index, order=3, prefilter=False))


@dataclass(frozen=True)
class Domain:
    """What is moved: voxels xyz (n, 3) in A, their density (n,), a centre (3,) in A, and the
    volume that each of the voxels stands for."""

    xyz: Floats
    density: Floats
    centre: Floats
    voxel_angstrom3: float

    @cached_property
    def radius(self) -> float:
        """Of the farthest voxel from the centre, A."""
        return float(np.linalg.norm(self.xyz - self.centre, axis=1).max())


@dataclass(frozen=True)
class Fit:
    """How a domain lies in a map.

    correlation of the density where the domain comes to lie with the domain's; slope: the factor
    of its grey values there; residual (n,) and its jacobian (n, 6) in rotation vector (rad) and
    shift (A).
    """

    placement: Placement
    correlation: float
    slope: float
    residual: Floats
    jacobian: Floats

    @property
    def misfit(self) -> float:
        """Squared misfit, 2 - 2 x correlation."""
        return float(self.residual @ self.residual)


def fit_at(domain: Domain, density: SplineMap, placement: Placement) -> Fit:
    """The fit as it is at a placement, with its derivatives."""
    unit, norm, size = _unit_values(domain, density, placement)
    target = _centred(domain.density) / size
    if norm == 0:
        return Fit(placement, 0.0, 0.0, -target, np.zeros((len(target), _PARAMETERS)))
    moved = placement(domain.xyz)
    gradient = density.gradient_at(moved)
    arm = moved - placement.centre - placement.shift
    jacobian = np.concatenate([np.cross(arm, gradient), gradient], axis=1)  # (n, 6)
    jacobian = (jacobian - jacobian.mean(axis=0)) / norm
    jacobian -= unit[:, None] * (unit @ jacobian)
    correlation = float(unit @ target)
    return Fit(placement, correlation, correlation * norm / size, unit - target, jacobian)


def _unit_values(
    domain: Domain, density: SplineMap, placement: Placement
) -> tuple[Floats, float, float]:
    """What the map has where the domain comes to lie, brought to mean 0 and norm 1, the norm that
    it had (0 when nothing lies there), and that of the domain's own density."""
    values = _centred(density.at(placement(domain.xyz)))
    norm = float(np.linalg.norm(values))
    size = max(float(np.linalg.norm(_centred(domain.density))), 1e-30)
    if norm < _NOTHING * size:
        return np.zeros_like(values), 0.0, size
    return values / norm, norm, size


def _centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean())


def refine(domain: Domain, density: SplineMap, start: Placement, still_angstrom: float) -> Fit:
    """The nearest best fit to a start, by damped least squares (Levenberg and Marquardt).

    Parameters
    ----------
    domain : Domain
        What is moved.
    density : SplineMap
        Where it is to be found.
    start : Placement
        Near the fit: within what the resolution of the map leaves unambiguous.
    still_angstrom : float
        A step that moves no voxel by more than this, where the domain has gone as far as its own
        radius, is the last one; in proportion less where it has gone less far.

    Returns
    -------
    Fit
        At the minimum, or at `start` where the map has nothing that could be fitted.
    """
    radius = max(domain.radius, still_angstrom)
    scale = np.array([radius] * 3 + [1.0] * 3)  # unknowns in A: how far the farthest voxel moves

    def placement(unknowns: Floats) -> Placement:
        turn, shift = np.split(unknowns / scale, 2)
        return start.turned(turn, shift)

    def residual(unknowns: Floats) -> Floats:
        unit, _, size = _unit_values(domain, density, placement(unknowns))
        return unit - _centred(domain.density) / size

    def jacobian(unknowns: Floats) -> Floats:
        local = fit_at(domain, density, placement(unknowns)).jacobian.copy()
        local[:, :3] @= _left_jacobian(unknowns[:3] / scale[:3])
        return np.asarray(local / scale)

    found = least_squares(
        residual,
        np.zeros(_PARAMETERS),
        jac=jacobian,
        method="lm",
        ftol=_SETTLED,
        gtol=_SETTLED,
        xtol=still_angstrom / radius,
        max_nfev=_ROUNDS,
    )
    return fit_at(domain, density, placement(found.x))


def _left_jacobian(turn: Floats) -> Floats:
    """(3, 3): a change of the rotation vector `turn` (rad) -> the small rotation, from the left,
    that it makes of exp(turn)."""
    angle = float(np.linalg.norm(turn))
    cross = np.cross(turn, np.eye(3)).T  # cross @ v = turn x v
    if angle < 1e-4:
        first, second = 0.5, 1 / 6
    else:
        first = (1 - np.cos(angle)) / angle**2
        second = (angle - np.sin(angle)) / angle**3
    return np.asarray(np.eye(3) + first * cross + second * cross @ cross)


def covariance_of(fit: Fit, domain: Domain, resolution_angstrom: float) -> Floats:
    """(6, 6) covariance of rotation vector (rad) and shift (A), from the misfit of the domain.

    The misfit of a low-passed map is noise without the fine frequencies: in a volume V it has
    4 pi / 3 V / resolution^3 independent values, however many voxels show them. Infinite where that
    is not enough for a fit.
    """
    volume = len(domain.xyz) * domain.voxel_angstrom3
    independent = 4 * np.pi / 3 * volume / resolution_angstrom**3
    curvature = fit.jacobian.T @ fit.jacobian
    if independent <= _PARAMETERS or np.linalg.matrix_rank(curvature) < _PARAMETERS:
        return np.full((_PARAMETERS, _PARAMETERS), np.inf)
    variance = fit.misfit / (independent - _PARAMETERS)
    return np.asarray(variance * np.linalg.inv(curvature))
