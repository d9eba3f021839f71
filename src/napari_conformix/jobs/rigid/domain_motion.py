"""How a domain lies in the map of each cluster of a set: measured once, kept with the set."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from napari_conformix.analysis.rigid import SIGMAS, RigidFitter, RigidMotion
from napari_conformix.errors import UserError
from napari_conformix.jobs.clusters import ClusterSet
from napari_conformix.runs import atomic_json, formats

if TYPE_CHECKING:
    from napari_conformix.jobs.folder import JobFolder

Maps = Literal["decoded", "reconstructed"]
Volume = NDArray[np.float32]

#: reconstructions that are coarser than this are fitted at this resolution all the same, A
_COARSEST_FIT = 20.0
_PIXEL_TOLERANCE = 0.01


@dataclass(frozen=True)
class DomainMotion:
    """The motion of one domain in every cluster of a set, relative to the consensus.

    motions    one a cluster; None where the cluster has no map (not reconstructed yet)
    counts     particles of each cluster
    maps       what was fitted: 'decoded' maps, or what each cluster's particles 'reconstructed' to
    mask, fixed            file names of the masks; `fixed` is empty without a fixed part
    reference  the cluster (from 0) that motions are relative to; None: the consensus map
    mask_sha256            of the mask's file, to tell whether it was changed since
    """

    clusters: str
    motions: tuple[RigidMotion | None, ...]
    counts: tuple[int, ...]
    maps: Maps
    mask: str
    fixed: str
    reference: int | None
    epoch: int
    mask_sha256: str
    created: str

    @property
    def found(self) -> list[int]:
        """Clusters (from 0) in which the domain was found."""
        return [i for i, one in enumerate(self.motions) if one is not None and one.found]

    @property
    def missing(self) -> list[int]:
        """Clusters (from 0) whose maps do not have the domain."""
        return [i for i, one in enumerate(self.motions) if one is not None and not one.found]

    @property
    def unmeasured(self) -> list[int]:
        """Clusters (from 0) without a map."""
        return [i for i, one in enumerate(self.motions) if one is None]

    @property
    def main_directions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Unit vectors (3,): the axis that the domain turns about most, over all clusters, and the
        direction in which its centre of mass moves most with a turn about that axis."""
        turns = [self._motion(i).rotation_vector for i in self.found]
        shifts = [self._motion(i).translation for i in self.found]
        axis, direction = _main_direction(turns), _main_direction(shifts)
        together = sum((t @ axis) * (s @ direction) for t, s in zip(turns, shifts, strict=True))
        return axis, direction if together >= 0 else -direction

    def along(self, index: int) -> tuple[float, float]:
        """Turn (degrees) and shift (A) of a cluster with the sign of the main directions: what
        goes the other way is negative."""
        motion, (axis, direction) = self._motion(index), self.main_directions
        turn = np.copysign(motion.rotation_degrees, motion.rotation_vector @ axis)
        shift = np.copysign(motion.translation_angstrom, motion.translation @ direction)
        return float(turn), float(shift)

    @property
    def error_from(self) -> str:
        """Where the errors are from; empty where they are not known."""
        sources = {self.motions[i].error_from for i in self.found}  # type: ignore[union-attr]
        return ", ".join(sorted(sources - {""}))

    @property
    def of_what(self) -> str:
        """'decoded maps' or the like, and what the motion is relative to."""
        maps = "decoded maps" if self.maps == "decoded" else "reconstructions of own particles"
        to = "the consensus" if self.reference is None else f"cluster {self.reference + 1}"
        return f"{maps}, relative to {to}" + (f" and {Path(self.fixed).name}" if self.fixed else "")

    def sentences(self) -> list[str]:
        """What was found, in words."""
        text = self._apart_in_words() if self.smeared else self._moves_in_words()
        text += [f"Cluster {i + 1}: {self._motion(i).reason}." for i in self.missing]
        if self.missing:
            text.append(
                "There the clusters differ in composition, or their maps are too poor to say; no "
                "motion is given for them."
            )
        if self.unmeasured:
            text.append(f"Not measured, there is no map yet: {_clusters(self.unmeasured)}.")
        if self.found:
            text.append(_ERRORS.get(self.error_from, _NO_ERRORS))
        if self.smeared:
            fits = [self._motion(i).correlation for i in self.found]
            text.append(
                "The domain of the consensus fits the maps of the clusters less well than a sharp "
                f"one would (correlation {min(fits):.2f} to {max(fits):.2f}), as it does when it "
                "is smeared by the motion itself: the zero of the motion is uncertain by some "
                "degrees then, and no cluster is said to move from it. Measure again relative to "
                "one of the clusters."
            )
        return text

    @property
    def smeared(self) -> bool:
        """Whether the consensus is no good zero: its domain fits the classes poorly, as one does
        that is the mean of many places."""
        fits = [self._motion(i).correlation for i in self.found]
        return self.reference is None and bool(fits) and float(np.median(fits)) < _SMEARED

    def _moves_in_words(self) -> list[str]:
        """Which clusters move from where the reference lies, and by how much."""
        text = []
        moving = [i for i in self.found if self._motion(i).moves]
        resting = [i for i in self.found if i not in moving]
        if moving:
            turns = [self._motion(i).rotation_degrees for i in moving]
            shifts = [self._motion(i).translation_angstrom for i in moving]
            text.append(
                f"The domain moves in {_clusters(moving)}: by {_span(turns, 'degrees')} and "
                f"{_span(shifts, 'A')} (its centre of mass)."
            )
        ways = self._ways()
        if all(ways):
            text.append(
                f"{_clusters(ways[0]).capitalize()} and {_clusters(ways[1])} turn in opposite "
                "directions, which a plot of the sizes of turn and shift does not show."
            )
        if resting:
            text.append(f"It moves by no more than three times its error in {_clusters(resting)}.")
        return text

    def _apart_in_words(self) -> list[str]:
        """The two clusters that lie farthest apart, wherever the zero may be."""
        pairs = list(combinations(self.found, 2))
        if not pairs:
            return []
        i, j = max(pairs, key=lambda pair: self._apart(*pair)[0])
        turn, shift, turn_error, shift_error = self._apart(i, j)
        if turn <= SIGMAS * turn_error and shift <= SIGMAS * shift_error:
            return ["The domain lies alike in all clusters, within three times the error."]
        return [
            f"The domain lies farthest apart in clusters {i + 1} and {j + 1}: from one to the "
            f"other it turns by {_with_error(turn, turn_error)} degrees, and its centre of mass "
            f"shifts by {_with_error(shift, shift_error)} A."
        ]

    def _apart(self, i: int, j: int) -> tuple[float, float, float, float]:
        """Turn (degrees) and shift (A) from one cluster to another, and their errors."""
        one, other = self._motion(i), self._motion(j)
        turn = Rotation.from_matrix(one.matrix @ other.matrix.T).magnitude()
        errors = (
            np.hypot(one.rotation_error_degrees, other.rotation_error_degrees),
            np.hypot(one.translation_error_angstrom, other.translation_error_angstrom),
        )
        shift = np.linalg.norm(one.translation - other.translation)
        return float(np.rad2deg(turn)), float(shift), float(errors[0]), float(errors[1])

    def _ways(self) -> tuple[list[int], list[int]]:
        """Clusters that turn about the main axis, one way and the other."""
        axis = self.main_directions[0]
        turning = [i for i in self.found if self._motion(i).turns]
        about = {i: float(self._motion(i).axis @ axis) for i in turning}
        return [i for i in turning if about[i] > 0.5], [i for i in turning if about[i] < -0.5]

    def _motion(self, index: int) -> RigidMotion:
        motion = self.motions[index]
        assert motion is not None
        return motion

    # -- files ------------------------------------------------------------------------------------

    def save(self, folder: Path) -> Path:
        """Write domain_MASK.json, all or nothing."""
        path = folder / file_name(self.mask, self.maps)
        values = vars(self) | {"motions": [one and one.to_json() for one in self.motions]}
        atomic_json(path, formats.DOMAIN_MOTION.stamp() | values)
        return path

    @classmethod
    def load(cls, path: Path) -> "DomainMotion":
        """Read what :meth:`save` wrote; UserError when it is damaged."""
        try:
            written = formats.DOMAIN_MOTION.read_json(path.read_bytes(), path)
            values = formats.DOMAIN_MOTION.unstamped(written)
            motions = [None if one is None else RigidMotion.from_json(one)
                       for one in values.pop("motions")]  # fmt: skip
            counts = tuple(map(int, values.pop("counts")))
            return cls(motions=tuple(motions), counts=counts, **values)
        except FileNotFoundError as error:
            raise UserError(f"{path} is not there; measure the domain's motion first.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path} cannot be read ({error}); measure it again.") from error


#: below this median correlation the consensus is said to be smeared
_SMEARED = 0.95
_ERRORS = {
    "half maps and misfit": "The errors are one standard deviation: the larger of what fits to "
    "the half maps of each cluster and what the misfit show.",
    "misfit": "The errors are one standard deviation, from how well the maps fit; what the maps "
    "themselves have wrong is not in them.",
}
_NO_ERRORS = "The errors are not known everywhere."


def _clusters(indices: Sequence[int]) -> str:
    word = "cluster" if len(indices) == 1 else "clusters"
    return f"{word} {', '.join(str(i + 1) for i in indices)}"


def _main_direction(vectors: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The unit vector (3,) with the largest sum of squares along it."""
    if not vectors:
        return np.array([0.0, 0.0, 1.0])
    stacked = np.stack(vectors)
    axis = np.linalg.svd(stacked, full_matrices=False)[2][0]
    return np.asarray(axis if float((stacked @ axis).sum()) >= 0 else -axis)


def _span(values: Sequence[float], unit: str) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def _with_error(value: float, error: float) -> str:
    return f"{value:.1f}" + (f" +- {error:.1f}" if np.isfinite(error) else "")


def file_name(mask: str, maps: Maps) -> str:
    """domain_MASK.json, domain_MASK_reconstructed.json."""
    stem = re.sub(r"[^\w.-]", "_", Path(mask).stem)
    return f"domain_{stem}{'_reconstructed' if maps == 'reconstructed' else ''}.json"


def measured(clusters: ClusterSet) -> list[Path]:
    """Files of what was measured of a set, the newest first."""
    found = clusters.folder.glob("domain_*.json")
    return sorted(found, key=lambda path: (-path.stat().st_mtime_ns, path.name))


def measure_domain_motion(
    job: "JobFolder",
    set_name: str,
    mask: str | Path,
    fixed: str | Path | None = None,
    maps: Maps = "decoded",
    *,
    reference: int | None = None,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> DomainMotion | None:
    """Fit the domain in every cluster's map and keep the result with the set.

    `fixed` is the mask of a part that is taken to be at rest, `reference` a cluster (from 0) whose
    map is used in place of the consensus. `progress` receives the share done; None when `stop` said
    so. UserError for masks that do not fit, or without maps.
    """
    tell, asked = progress or (lambda share: None), stop or (lambda: False)
    clusters = ClusterSet(job, set_name)
    mask_path = Path(mask).absolute()
    fixed_path = None if fixed is None else Path(fixed).absolute()
    soft = read_mask(job, mask_path)
    rest = None if fixed_path is None else read_mask(job, fixed_path)
    sources = _sources(clusters, maps)
    consensus = _reference_map(job, clusters, sources, reference)
    fitter = RigidFitter(
        consensus,
        soft,
        job.spec.grids.pixel_size_angstrom,
        fixed=rest,
        resolution_angstrom=_resolution(job, sources),
    )
    motions: list[RigidMotion | None] = []
    for number, source in enumerate(sources):
        motions.append(None if source is None else fitter.fit(*source.read(), stop=asked))
        if asked():
            return None
        tell((number + 1) / len(sources))
    made = DomainMotion(
        clusters=set_name,
        motions=tuple(motions),
        counts=tuple(int(count) for count in clusters.counts),
        maps=maps,
        mask=str(mask_path),
        fixed="" if fixed_path is None else str(fixed_path),
        reference=reference,
        epoch=clusters.epoch,
        mask_sha256=digest(mask_path),
        created=datetime.now(UTC).replace(microsecond=0).isoformat(),
    )
    made.save(clusters.folder)
    return made


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_mask(job: "JobFolder", path: Path) -> Volume:
    """A mask on the job's grid, between 0 and 1; UserError when it is another's."""
    from napari_conformix.particles import read_map

    array, pixel_size = read_map(path)
    grids = job.spec.grids
    if array.shape != (grids.box,) * 3:
        shape = " x ".join(map(str, array.shape))
        raise UserError(
            f"The mask {path} has {shape} voxels, the maps of this job {grids.box} x {grids.box} x "
            f"{grids.box}; make it on the grid of the consensus map."
        )
    wanted = grids.pixel_size_angstrom
    if pixel_size > 0 and abs(pixel_size - wanted) > _PIXEL_TOLERANCE * wanted:
        raise UserError(
            f"The mask {path} has voxels of {pixel_size:g} A, the maps of this job {wanted:g} A; "
            "make it on the grid of the consensus map."
        )
    if not np.isfinite(array).all() or float(array.min()) < -0.01 or float(array.max()) > 1.01:
        raise UserError(
            f"{path} is no mask: its values go from {float(np.nanmin(array)):.3g} to "
            f"{float(np.nanmax(array)):.3g}, and those of a mask from 0 to 1."
        )
    return np.clip(array, 0.0, 1.0)


# -- maps -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    """Where the map of a cluster is read from, with half maps or without."""

    read: Callable[[], tuple[Volume, tuple[Volume, Volume] | None]]
    resolution_angstrom: float | None = None


def _sources(clusters: ClusterSet, maps: Maps) -> list[_Source | None]:
    """One a cluster; None where there is no map yet. UserError when there is none at all."""
    if maps == "decoded":
        if not clusters.maps():
            raise UserError(
                f"The clusters {clusters.name} were made without maps; make them again."
            )
        return [_Source(_decoded(clusters, index)) for index in range(len(clusters))]
    found: list[_Source | None] = []
    for result in clusters.results():
        done = result.state == "finished" and result.run is not None
        found.append(
            _Source(_reconstructed(result.run), result.resolution_angstrom) if done else None
        )
    if all(source is None for source in found):
        raise UserError(
            f"No cluster of {clusters.name} has been reconstructed from its own particles yet: "
            f"conformix clusters {clusters.job.folder} --of {clusters.name} --reconstruct"
        )
    return found


def _decoded(
    clusters: ClusterSet, index: int
) -> Callable[[], tuple[Volume, tuple[Volume, Volume] | None]]:
    return lambda: (clusters.volume(index), None)


def _reconstructed(run: Any) -> Callable[[], tuple[Volume, tuple[Volume, Volume] | None]]:
    def read() -> tuple[Volume, tuple[Volume, Volume]]:
        maps = run.half_maps()
        return maps.full.numpy(), (maps.half1.numpy(), maps.half2.numpy())

    return read


def _resolution(job: "JobFolder", sources: Sequence[_Source | None]) -> float | None:
    """The finest resolution worth fitting: that of the worst reconstruction, the same for all so
    that they compare; None for decoded maps, which have no noise."""
    known = [s.resolution_angstrom for s in sources if s is not None and s.resolution_angstrom]
    if not known:
        return None
    finest = max(3 * job.spec.grids.pixel_size_angstrom, 8.0)
    return max(finest, min(max(known), _COARSEST_FIT))


def _reference_map(
    job: "JobFolder",
    clusters: ClusterSet,
    sources: Sequence[_Source | None],
    reference: int | None,
) -> Volume:
    """What the domain is cut from: a cluster's map, else the consensus, else the mean of all."""
    from napari_conformix.particles import read_map

    if reference is not None:
        if not 0 <= reference < len(sources):
            raise UserError(
                f"There is no cluster {reference + 1} to be the reference; {clusters.name} has "
                f"clusters 1 to {len(sources)}."
            )
        source = sources[reference]
        if source is None:
            raise UserError(f"Cluster {reference + 1} has no map yet; take another reference.")
        return source.read()[0]
    if job.spec.inputs.consensus is not None:
        return read_map(job.spec.inputs.consensus)[0]
    there = [(s.read()[0], n) for s, n in zip(sources, clusters.counts, strict=True) if s]
    volumes, weights = zip(*there, strict=True)
    return np.asarray(np.average(volumes, axis=0, weights=weights), np.float32)
