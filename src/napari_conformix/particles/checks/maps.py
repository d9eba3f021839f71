"""Checks of the consensus map and the mask, and of their fit to the images."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.particles.mrc import read_map
from napari_conformix.particles.particle_set import ParticleSet
from napari_conformix.particles.problems import Problem

#: map and images of the largest optics group must cover the same length to this share
EXTENT_TOLERANCE = 0.01
#: other optics groups are cropped or padded to the map, up to this share
GROUP_TOLERANCE = 0.10


@dataclass(frozen=True, eq=False)
class Map:
    """A map as read: (z, y, x) float32 and its pixel size in Angstrom (0: header has none)."""

    path: Path
    data: npt.NDArray[np.float32]
    pixel_size_angstrom: float


def check_maps(
    particles: ParticleSet,
    boxes: dict[int, int],
    consensus: Path | None,
    mask: Path | None,
) -> tuple[list[Problem], Map | None, Map | None]:
    """Check a consensus map and a mask, and return what could be read.

    boxes  box of the images of each optics group that is used: index into `optics` -> pixels
    """
    problems: list[Problem] = []
    consensus_map = _read(consensus, "consensus map", problems)
    mask_map = _read(mask, "mask", problems)
    if consensus_map is not None:
        problems += _consensus(consensus_map, swapped=mask_map is not None)
        if _is_cube(consensus_map):
            problems += _fit(particles, boxes, consensus_map)
    if mask_map is not None:
        problems += _mask(mask_map, consensus_map)
    return problems, consensus_map, mask_map


def _read(path: Path | None, role: str, problems: list[Problem]) -> Map | None:
    if path is None:
        return None
    try:
        data, pixel_size = read_map(path)
    except UserError as error:
        problems.append(Problem("error", f"The {role} cannot be used: {error}", str(path)))
        return None
    loaded = Map(path, data, pixel_size)
    problems += _cube(loaded, role)
    return loaded


def _is_cube(loaded: Map) -> bool:
    return len(set(loaded.data.shape)) == 1


def _cube(loaded: Map, role: str) -> Iterator[Problem]:
    where = str(loaded.path)
    if not _is_cube(loaded):
        shape = " x ".join(map(str, loaded.data.shape[::-1]))
        yield Problem("error", f"The {role} is not a cube: {shape} voxels; resample it.", where)
    elif loaded.data.shape[0] % 2:
        message = f"The {role}'s box is {loaded.data.shape[0]}, an odd number; pad or crop it by 1."
        yield Problem("error", message, where)
    if not np.isfinite(loaded.data).all():
        yield Problem("error", f"The {role} holds NaN or infinite voxels; make it again.", where)
    elif loaded.data.min() == loaded.data.max():
        yield Problem("error", f"All voxels of the {role} have one value.", where)


def _looks_like_mask(data: npt.NDArray[np.float32]) -> bool:
    """All values in [0, 1], and both ends common: densities are never so."""
    if data.min() < 0 or data.max() > 1.0001:
        return False
    zero, one = (data == 0).mean(), (data > 0.999).mean()
    return bool(zero > 0.2 and one > 0.001)


def _consensus(consensus: Map, *, swapped: bool) -> Iterator[Problem]:
    if _looks_like_mask(consensus.data):
        cure = "are map and mask swapped?" if swapped else "give the density map."
        message = f"The consensus map looks like a mask (values 0 to 1); {cure}"
        yield Problem("error", message, str(consensus.path))


def _mask(mask: Map, consensus: Map | None) -> Iterator[Problem]:
    where = str(mask.path)
    low, high = float(mask.data.min()), float(mask.data.max())
    if low < -1e-3 or high > 1.001:
        message = (
            f"The mask's values go from {low:.3g} to {high:.3g}, outside 0 to 1; give a mask, not "
            "a density map (relion_mask_create makes one)."
        )
        yield Problem("error", message, where)
    elif high > low and (mask.data > 0.5).mean() > 0.9:
        yield Problem("warning", "The mask covers nearly the whole box.", where)
    if consensus is None:
        return
    if mask.data.shape != consensus.data.shape:
        sizes = (" x ".join(map(str, m.data.shape[::-1])) for m in (mask, consensus))
        message = "The mask's box is {} and the map's is {}; they must be equal.".format(*sizes)
        yield Problem("error", message, where)
    sizes_known = mask.pixel_size_angstrom > 0 and consensus.pixel_size_angstrom > 0
    if sizes_known and not np.isclose(
        mask.pixel_size_angstrom, consensus.pixel_size_angstrom, rtol=EXTENT_TOLERANCE
    ):
        message = (
            f"The mask's pixel size is {mask.pixel_size_angstrom:g} A in its header and the map's "
            f"is {consensus.pixel_size_angstrom:g} A; the map's is used."
        )
        yield Problem("warning", message, where)


def _fit(particles: ParticleSet, boxes: dict[int, int], consensus: Map) -> Iterator[Problem]:
    """Do images and map cover the same length?"""
    where, box = str(consensus.path), consensus.data.shape[0]
    if not consensus.pixel_size_angstrom:
        message = "The map's header has no pixel size; its box is taken to cover what images do."
        yield Problem("warning", message, where)
        return
    extent = box * consensus.pixel_size_angstrom
    counts = np.bincount(particles.optics_index, minlength=len(particles.optics))
    for k in sorted(boxes, key=lambda k: -counts[k]):
        group = particles.optics[k]
        length = boxes[k] * group.pixel_size_angstrom
        if not np.isfinite(length):
            continue
        main = counts[k] == max(counts)
        apart = abs(length - extent) / extent
        message = (
            f"The images of optics group {group.number} ({group.name}) are {boxes[k]} px of "
            f"{group.pixel_size_angstrom:g} A = {length:.1f} A, but the map is {box} px of "
            f"{consensus.pixel_size_angstrom:g} A = {extent:.1f} A"
        )
        if apart > (EXTENT_TOLERANCE if main else GROUP_TOLERANCE):
            message += "; use the map of the refinement of these particles, or correct its header."
            yield Problem("error", message, where)
        elif apart > EXTENT_TOLERANCE:
            yield Problem("warning", message + "; they are cropped or padded to it.", where)
