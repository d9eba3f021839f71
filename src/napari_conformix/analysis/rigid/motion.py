"""Rigid motion of a domain from one map to another (Luo et al. 2023, Fig. 3e and 3g).

A soft mask says which part of the consensus is the domain. Its density is turned and shifted until
it lies on the density of a class: a search over turns and shifts at low resolution
(`search`), then damped least squares at finer and finer resolution (`refinement`).
Before, what the consensus has outside of the mask is taken out of the class map, so that the domain
is not fitted to its neighbours. A domain that a class does not have is said to be missing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from napari_conformix.analysis.rigid.refinement import (
    Domain,
    Fit,
    SplineMap,
    covariance_of,
    fit_at,
    refine,
)
from napari_conformix.analysis.rigid.search import (
    Floats,
    Placement,
    grid_positions,
    rotations_within,
    search,
)
from napari_conformix.errors import UserError

Volume = npt.NDArray[np.floating]
ErrorSource = Literal["half maps and misfit", "misfit", ""]

#: a fit with less is none: correlation over the moved domain, and density of the domain there over
#: that in the consensus (both maps on the grey scale of the rest of the molecule)
LEAST_CORRELATION = 0.5
LEAST_DENSITY = 0.33
#: a motion is believed from so many standard deviations on
SIGMAS = 3.0
#: finest resolution that is fitted unless another is asked for, in pixels and in A
_FINEST_PIXELS, _FINEST_ANGSTROM = 3.0, 8.0
#: coarsest one, as a share of the domain's radius, and A
_COARSEST_SHARE, _COARSEST_ANGSTROM = 0.5, 40.0
#: voxels of a scale over its resolution
_PIXELS_OF_RESOLUTION = 3.0
#: placements kept from the search, and after each scale but the last
_KEPT = (8, 4, 2)
#: a fit is at its end when a step is shorter than this share of the resolution; the last one
_STILL, _STILL_AT_LAST = 0.01, 1e-4
_MOST_VOXELS = 30_000
#: a voxel of a mask above this is inside
_INSIDE = 0.5
#: where the low-passed mask is above this is the domain
_SUPPORT = 0.1
#: share of the rest's highest density from which on it is molecule and no solvent
_STRONG = 0.3
#: a rest with less than this share of the consensus's power gives no grey scale
_LEAST_REST = 0.01


@dataclass(frozen=True)
class RigidMotion:
    """How a domain lies in a class map, seen from the consensus: x -> matrix @ x + shift.

    matrix (3, 3), shift_angstrom (3,), centre_angstrom (3,): xyz in A from the map's centre, index
    N // 2; the last is the domain's centre of mass in the consensus. When `found` is False, the
    domain could not be placed (`reason` says why) and the motion means nothing.

    correlation_before and correlation: of the class's density with the domain's where the domain
    lies in the consensus, and where it was found. density: how much of the domain is there, 1 as
    in the consensus, when both maps are on the grey scale of the rest of the molecule; NaN without
    a rest. rotation_error_degrees and translation_error_angstrom: one standard deviation of the
    turn and of the place of the centre, NaN if not known; `error_from` says from what.
    """

    found: bool
    reason: str
    matrix: Floats
    shift_angstrom: Floats
    centre_angstrom: Floats
    correlation_before: float
    correlation: float
    density: float
    rotation_error_degrees: float
    translation_error_angstrom: float
    error_from: ErrorSource
    resolution_angstrom: float

    @property
    def rotation_vector(self) -> Floats:
        """(3,) axis times angle, degrees, right-handed about xyz."""
        return np.asarray(Rotation.from_matrix(self.matrix).as_rotvec(degrees=True))

    @property
    def rotation_degrees(self) -> float:
        """The angle, 0 to 180."""
        return float(np.linalg.norm(self.rotation_vector))

    @property
    def axis(self) -> Floats:
        """(3,) unit vector that the domain turns about, counter-clockwise seen from its tip."""
        angle = self.rotation_degrees
        return self.rotation_vector / angle if angle > 0 else np.array([0.0, 0.0, 1.0])

    @property
    def translation(self) -> Floats:
        """(3,) how the domain's centre of mass moves, A."""
        centre = self.centre_angstrom
        return np.asarray(self.matrix @ centre + self.shift_angstrom - centre)

    @property
    def translation_angstrom(self) -> float:
        """How far the domain's centre of mass moves, A."""
        return float(np.linalg.norm(self.translation))

    @property
    def along_axis_angstrom(self) -> float:
        """The shift along the axis, A: the rest of the motion is a turn about a line in space (the
        screw of Chasles)."""
        return float(self.translation @ self.axis)

    @property
    def turns(self) -> bool:
        """Whether the turn is more than three standard deviations; so if they are not known."""
        return self.found and not self.rotation_degrees <= SIGMAS * self.rotation_error_degrees

    @property
    def moves(self) -> bool:
        """Whether turn or shift is more than three standard deviations."""
        shift, error = self.translation_angstrom, self.translation_error_angstrom
        return self.turns or (self.found and not shift <= SIGMAS * error)

    def to_json(self) -> dict[str, Any]:
        """JSON values; NaN as None."""
        values = {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in vars(self).items()
            if not isinstance(value, np.ndarray)
        }
        arrays = {n: v.tolist() for n, v in vars(self).items() if isinstance(v, np.ndarray)}
        told = {
            "rotation_degrees": self.rotation_degrees,
            "axis": self.axis.tolist(),
            "translation_angstrom": self.translation_angstrom,
            "along_axis_angstrom": self.along_axis_angstrom,
        }
        return values | arrays | told

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "RigidMotion":
        """The inverse of `to_json`; KeyError or ValueError when something is missing."""

        def array(name: str) -> Floats:
            return np.array(values[name], np.float64)

        def number(name: str) -> float:
            return math.nan if values[name] is None else float(values[name])

        return cls(
            found=bool(values["found"]),
            reason=str(values["reason"]),
            matrix=array("matrix"),
            shift_angstrom=array("shift_angstrom"),
            centre_angstrom=array("centre_angstrom"),
            correlation_before=number("correlation_before"),
            correlation=number("correlation"),
            density=number("density"),
            rotation_error_degrees=number("rotation_error_degrees"),
            translation_error_angstrom=number("translation_error_angstrom"),
            error_from=cast(ErrorSource, str(values["error_from"])),
            resolution_angstrom=number("resolution_angstrom"),
        )


class RigidFitter:
    """Finds a domain of the consensus in class maps, one after the other.

    All maps (z, y, x) lie on one grid; `mask` (0 to 1) is around the domain in the consensus.

    fixed                 a mask of a part that is taken to be at rest: it is fitted too, and the
                          motion is given relative to it; without it, relative to the frame of the
                          maps
    resolution_angstrom   of the finest fit; by default 3 pixels, and not finer than 8 A
    max_rotation_degrees  how far the domain is looked for; its centre of mass at most
    max_shift_angstrom    this far, by default the domain's own radius

    UserError for an empty mask, one that has no density, maps of several sizes.
    """

    def __init__(
        self,
        consensus: Volume,
        mask: Volume,
        pixel_size_angstrom: float,
        *,
        fixed: Volume | None = None,
        resolution_angstrom: float | None = None,
        max_rotation_degrees: float = 60.0,
        max_shift_angstrom: float | None = None,
    ) -> None:
        self._shape = consensus.shape
        self._refuse(mask, "mask of the domain", is_mask=True)
        if fixed is not None:
            self._refuse(fixed, "mask of the fixed part", is_mask=True)
        self.max_rotation_degrees = max_rotation_degrees
        pixels = pixel_size_angstrom
        finest = resolution_angstrom or max(_FINEST_PIXELS * pixels, _FINEST_ANGSTROM)
        self.resolution_angstrom = max(finest, 2 * pixels)
        molecule = _Molecule(consensus, mask, fixed, pixels)
        self.max_shift_angstrom = max_shift_angstrom or molecule.radius
        self._scales = [
            molecule.at(resolution, last=resolution == self.resolution_angstrom)
            for resolution in _schedule(self.resolution_angstrom, molecule.radius)
        ]

    def fit(
        self,
        class_map: Volume,
        half_maps: Sequence[Volume] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> RigidMotion:
        """How the domain lies in a class map.

        half_maps: two maps of independent halves of the class's particles. Fits to each show the
        error that noise makes, the misfit also that of a domain that is not the same in both maps;
        the larger is taken. When `stop` says so, the search is cut short.
        """
        self._refuse(class_map, "class map")
        for volume in half_maps or ():
            self._refuse(volume, "half map")
        frame = _fixed_frame(class_map, self._scales)
        limits = self.max_rotation_degrees, self.max_shift_angstrom
        fit, before, unit = _place(class_map, self._scales, frame, limits, stop)
        density = fit.slope / unit if unit > 0 else math.nan
        reason = _why_not(fit, density)
        source: ErrorSource = "misfit"
        error = _error_of_misfit(fit, self._scales[-1], class_map, frame)
        if half_maps is not None and not reason:
            source = "half maps and misfit"
            halves = _error_of_halves(half_maps, self._scales[-1], frame, fit.placement)
            error = max(error[0], halves[0]), max(error[1], halves[1])
        matrix, centre = fit.placement.matrix, fit.placement.centre
        return RigidMotion(
            found=not reason,
            reason=reason,
            matrix=matrix,
            shift_angstrom=centre + fit.placement.shift - matrix @ centre,
            centre_angstrom=centre,
            correlation_before=before,
            correlation=fit.correlation,
            density=density,
            rotation_error_degrees=error[0],
            translation_error_angstrom=error[1],
            error_from=source if math.isfinite(error[0]) else "",
            resolution_angstrom=self.resolution_angstrom,
        )

    def _refuse(self, array: Volume, name: str, *, is_mask: bool = False) -> None:
        """UserError for what cannot be used."""
        if array.shape != self._shape:
            sizes = [" x ".join(map(str, shape)) for shape in (array.shape, self._shape)]
            raise UserError(
                f"The {name} has {sizes[0]} voxels and the consensus map {sizes[1]}; they must "
                "lie on the same grid."
            )
        if not np.isfinite(array).all():
            raise UserError(f"The {name} holds values that are no numbers; make it again.")
        if is_mask and not float(array.max()) > _INSIDE:
            raise UserError(f"The {name} is empty: no voxel of it is above {_INSIDE}.")


def fit_rigid_motion(
    class_map: Volume,
    consensus: Volume,
    mask: Volume,
    pixel_size_angstrom: float,
    *,
    half_maps: Sequence[Volume] | None = None,
    **arguments: Any,
) -> RigidMotion:
    """How a domain of the consensus lies in one class map; arguments of :class:`RigidFitter`."""
    fitter = RigidFitter(consensus, mask, pixel_size_angstrom, **arguments)
    return fitter.fit(class_map, half_maps)


# -- scales ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scale:
    """The molecule at one resolution, on a grid as coarse as that allows."""

    resolution_angstrom: float
    pixel_size_angstrom: float
    template: Floats  # (z, y, x) the domain alone
    support: npt.NDArray[np.bool_]
    rest: Floats  # the consensus without the domain
    domain: Domain
    fixed: Domain | None
    box_pixel_size: float
    still: float  # A: a shorter step ends a fit

    def of(self, volume: Volume) -> Floats:
        """A map of the original grid at this scale."""
        return _at_resolution(volume, self.box_pixel_size, self.resolution_angstrom)[0]

    def in_frame(self, volume: Volume, frame: Placement | None) -> Floats:
        """As :meth:`of`, seen from the fixed part where it lies in the class."""
        density = self.of(volume)
        if frame is None:
            return density
        grid = grid_positions(len(density), self.pixel_size_angstrom).reshape(-1, 3)
        moved = SplineMap(density, self.pixel_size_angstrom).at(frame(grid))
        return moved.reshape(density.shape)

    def without_rest(self, density: Floats) -> tuple[Floats, float]:
        """The density that the rest of the consensus does not explain, and the factor of the
        consensus's grey values (0 when there is no rest).

        The rest is taken out with the factor of the least absolute misfit: a part of it that is
        missing in the class, or lies elsewhere, does not pull it down as it does with least
        squares. Where most of the rest is missing it does; the grey values of the class are
        therefore the larger of that factor and of the same over domain and rest together.
        """
        power = float(np.square(self.rest).sum())
        if power < _LEAST_REST * (power + float(np.square(self.template).sum())):
            return density, 0.0
        raised = density - float(np.median(density))  # above the solvent, most of the box
        factor = max(_factor(raised, self.rest, ~self.support), 0.0)
        whole = _factor(raised, self.rest + self.template, np.full(density.shape, True))
        return density - factor * self.rest, max(factor, whole)


def _factor(density: Floats, consensus: Floats, where: npt.NDArray[np.bool_]) -> float:
    """By which strong density of the consensus is multiplied in a class map: the median."""
    strong = (consensus > _STRONG * consensus.max()) & where
    return _weighted_median(density[strong] / consensus[strong], consensus[strong])


class _Molecule:
    """Consensus and masks, from which scales are made."""

    def __init__(
        self, consensus: Volume, mask: Volume, fixed: Volume | None, pixel_size_angstrom: float
    ) -> None:
        self.pixel_size_angstrom = pixel_size_angstrom
        soft = np.clip(mask, 0.0, 1.0)
        self._consensus, self._soft = consensus, soft
        self._fixed = None if fixed is None else np.clip(fixed, 0.0, 1.0)
        self._centre = _centre_of_mass(consensus, soft, pixel_size_angstrom, "domain")
        inside = grid_positions(len(soft), pixel_size_angstrom)[soft > _INSIDE]
        self.radius = float(np.linalg.norm(inside - self._centre, axis=1).max())

    def at(self, resolution_angstrom: float, *, last: bool) -> _Scale:
        """Everything at one resolution."""
        px, consensus, soft = self.pixel_size_angstrom, self._consensus, self._soft
        template, coarse = _at_resolution(consensus * soft, px, resolution_angstrom)
        support = _at_resolution(soft, px, resolution_angstrom)[0] > _SUPPORT
        rest = _at_resolution(consensus * (1 - soft), px, resolution_angstrom)[0]
        fixed = None
        if self._fixed is not None:
            # nothing is taken out of the class map for this fit, so nothing is masked away here
            whole = _at_resolution(consensus, px, resolution_angstrom)[0]
            around = _at_resolution(self._fixed, px, resolution_angstrom)[0] > _INSIDE
            centre = _centre_of_mass(consensus, self._fixed, px, "fixed part")
            fixed = _domain(whole, around, coarse, centre)
        domain = _domain(template, support, coarse, self._centre)
        still = resolution_angstrom * (_STILL_AT_LAST if last else _STILL)
        return _Scale(
            resolution_angstrom, coarse, template, support, rest, domain, fixed, px, still
        )


def _schedule(finest: float, radius: float) -> list[float]:
    """Resolutions from coarse to fine, A."""
    coarsest = max(finest, min(_COARSEST_SHARE * radius, _COARSEST_ANGSTROM))
    if coarsest < 1.2 * finest:
        return [finest]
    if coarsest < 2 * finest:
        return [coarsest, finest]
    return [coarsest, math.sqrt(coarsest * finest), finest]


def _at_resolution(
    volume: Volume, pixel_size_angstrom: float, resolution_angstrom: float
) -> tuple[Floats, float]:
    """A low-passed map on a coarser grid of the same extent, and that grid's pixel size."""
    import torch

    from napari_conformix.imaging import low_pass, resample_3d

    box = len(volume)
    array = torch.from_numpy(np.ascontiguousarray(volume, np.float32))
    smooth = low_pass(array, pixel_size_angstrom, resolution_angstrom)
    coarse = max(pixel_size_angstrom, resolution_angstrom / _PIXELS_OF_RESOLUTION)
    if coarse > 1.05 * pixel_size_angstrom:
        size = 2 * math.ceil(box * pixel_size_angstrom / (2 * coarse))
        smooth = resample_3d(smooth, pixel_size_angstrom, size, coarse)
        return smooth.double().numpy(), coarse
    return smooth.double().numpy(), pixel_size_angstrom


def _centre_of_mass(
    consensus: Volume, mask: Volume, pixel_size_angstrom: float, name: str
) -> Floats:
    weight = np.clip(consensus * mask, 0.0, None).astype(np.float64)
    total = float(weight.sum())
    if not total > 0:
        raise UserError(f"The consensus map has no density inside the mask of the {name}.")
    positions = grid_positions(len(mask), pixel_size_angstrom)
    return np.asarray(np.tensordot(weight, positions, axes=3) / total)


def _domain(
    density: Floats, support: npt.NDArray[np.bool_], pixel_size_angstrom: float, centre: Floats
) -> Domain:
    inside = np.argwhere(support)
    step = -(-len(inside) // _MOST_VOXELS)
    step |= 1  # odd, not to line up with rows
    inside = inside[::step]
    xyz = (inside[:, ::-1] - len(support) // 2) * pixel_size_angstrom
    voxel = step * pixel_size_angstrom**3
    return Domain(xyz.astype(float), density[tuple(inside.T)], centre, voxel)


def _weighted_median(values: Floats, weights: Floats) -> float:
    if not len(values):
        return 0.0
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, 0.5 * below[-1])])


# -- fitting --------------------------------------------------------------------------------------


def _fixed_frame(class_map: Volume, scales: list[_Scale]) -> Placement | None:
    """Where the fixed part lies in the class map: the nearest best fit, coarse to fine."""
    placement = None
    for scale in scales:
        if scale.fixed is not None:
            start = placement or Placement.rest(scale.fixed.centre)
            density = SplineMap(scale.of(class_map), scale.pixel_size_angstrom)
            placement = refine(scale.fixed, density, start, scale.still).placement
    return placement


def _place(
    class_map: Volume,
    scales: list[_Scale],
    frame: Placement | None,
    limits: tuple[float, float],
    stop: Callable[[], bool],
) -> tuple[Fit, float, float]:
    """The best fit at the finest scale, the correlation without any motion, and the factor of the
    consensus's grey values in the class map."""
    max_rotation_degrees, max_shift_angstrom = limits
    fits: list[Fit] = []
    placements = [Placement.rest(scales[0].domain.centre)]
    before = factor = 0.0
    for number, scale in enumerate(scales):
        left, factor = scale.without_rest(scale.in_frame(class_map, frame))
        density = SplineMap(left, scale.pixel_size_angstrom)
        if number == 0:
            step = np.rad2deg(scale.resolution_angstrom / (2 * scale.domain.radius))
            placements += search(
                left,
                scale.template,
                scale.support,
                scale.pixel_size_angstrom,
                scale.domain.centre,
                rotations_within(max_rotation_degrees, float(step)),
                max_shift_angstrom,
                _KEPT[0],
                stop,
            )
        else:
            # what is best at a low resolution may be another place that looks alike there
            placements.append(Placement.rest(scale.domain.centre))
        fits = [refine(scale.domain, density, start, scale.still) for start in placements]
        allowed = [
            one
            for one in fits
            if one.placement.degrees <= 1.2 * max_rotation_degrees
            and one.placement.shift_angstrom <= 1.2 * max_shift_angstrom
        ]
        at_rest = fit_at(scale.domain, density, Placement.rest(scale.domain.centre))
        before = at_rest.correlation
        fits = _distinct(allowed or [at_rest], scale)[: _KEPT[min(number + 1, 2)]]
        placements = [one.placement for one in fits]
    return fits[0], before, factor


def _distinct(fits: list[Fit], scale: _Scale) -> list[Fit]:
    """The best first; of fits that put the domain within a quarter of the resolution, one."""
    fits = sorted(fits, key=lambda one: -one.correlation)
    kept: list[Fit] = []
    corners = scale.domain.xyz[:: max(1, len(scale.domain.xyz) // 50)]
    for one in fits:
        places = one.placement(corners)
        apart = [np.linalg.norm(places - other.placement(corners), axis=1).max() for other in kept]
        if all(distance > 0.25 * scale.resolution_angstrom for distance in apart):
            kept.append(one)
    return kept


def _why_not(fit: Fit, density: float) -> str:
    """Why a fit is none; empty if it is one."""
    if density < LEAST_DENSITY:
        share = max(round(100 * density), 0)
        return f"the domain is missing in this class: {share} % of its density is there"
    if fit.correlation < LEAST_CORRELATION:
        return (
            f"nothing in this class looks like the domain: correlation {fit.correlation:.2f} at "
            "the best place"
        )
    return ""


# -- errors ---------------------------------------------------------------------------------------


def _error_of_halves(
    half_maps: Sequence[Volume], scale: _Scale, frame: Placement | None, start: Placement
) -> tuple[float, float]:
    """Standard deviations of turn (degrees) and shift (A) of the fit to both halves together: half
    the distance between the fits to each."""
    found = []
    for volume in half_maps:
        own = frame
        if frame is not None and scale.fixed is not None:
            density = SplineMap(scale.of(volume), scale.pixel_size_angstrom)
            own = refine(scale.fixed, density, frame, scale.still).placement
        left, _ = scale.without_rest(scale.in_frame(volume, own))
        density = SplineMap(left, scale.pixel_size_angstrom)
        found.append(refine(scale.domain, density, start, scale.still))
    one, other = (fit.placement for fit in found)
    between = Rotation.from_matrix(one.matrix @ other.matrix.T).magnitude()
    return float(np.rad2deg(between)) / 2, float(np.linalg.norm(one.shift - other.shift)) / 2


def _error_of_misfit(
    fit: Fit, scale: _Scale, class_map: Volume, frame: Placement | None
) -> tuple[float, float]:
    """As :func:`_error_of_halves` from the misfit in the domain, and in the fixed part if there is
    one."""
    covariance = covariance_of(fit, scale.domain, scale.resolution_angstrom)
    turn, shift = np.trace(covariance[:3, :3]), np.trace(covariance[3:, 3:])
    if frame is not None and scale.fixed is not None:
        density = SplineMap(scale.of(class_map), scale.pixel_size_angstrom)
        at_frame = fit_at(scale.fixed, density, frame)
        other = covariance_of(at_frame, scale.fixed, scale.resolution_angstrom)
        arm = float(np.linalg.norm(scale.domain.centre - scale.fixed.centre))
        turn += np.trace(other[:3, :3])
        shift += np.trace(other[3:, 3:]) + arm**2 * np.trace(other[:3, :3]) * 2 / 3
    if not np.isfinite([turn, shift]).all():
        return math.nan, math.nan
    return float(np.rad2deg(math.sqrt(turn))), math.sqrt(float(shift))
