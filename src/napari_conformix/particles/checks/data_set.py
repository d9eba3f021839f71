"""One pass over everything that can be wrong with a data set, before any work."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_conformix.particles.checks.images import check_sample, check_stacks
from napari_conformix.particles.checks.maps import Map, check_maps
from napari_conformix.particles.checks.values import check_values
from napari_conformix.particles.images import ImageReader
from napari_conformix.particles.particle_set import ParticleSet
from napari_conformix.particles.problems import Problem

_ORDER = {"error": 0, "warning": 1, "note": 2}


def check_particles(
    particles: ParticleSet,
    consensus: Path | str | None = None,
    mask: Path | str | None = None,
    *,
    sample: int = 200,
    seed: int = 1,
) -> list[Problem]:
    """All problems of a data set together, errors first.

    Reads the headers of all stacks, the maps, and a random `sample` of the images.
    """
    return check_data(particles, consensus, mask, sample=sample, seed=seed).problems


@dataclass(frozen=True, eq=False)
class DataCheck:
    """What `check_data` found and read.

    problems   errors first
    consensus, mask   as read, or None
    boxes      box of the images of each optics group in use: index into `optics` -> pixels
    readable   (n,) particles whose image can be read
    """

    problems: list[Problem]
    consensus: Map | None
    mask: Map | None
    boxes: dict[int, int]
    readable: npt.NDArray[np.bool_]


def check_data(
    particles: ParticleSet,
    consensus: Path | str | None,
    mask: Path | str | None,
    *,
    sample: int = 200,
    seed: int = 1,
) -> DataCheck:
    """As `check_particles`, keeping what was read for those who go on with it."""
    problems, readable = check_stacks(particles)
    problems += check_values(particles)
    problems += check_sample(particles, readable, sample, seed)
    boxes = _boxes(particles, readable)
    found, consensus_map, mask_map = check_maps(
        particles, boxes, Path(consensus) if consensus else None, Path(mask) if mask else None
    )
    return DataCheck(in_order([*problems, *found]), consensus_map, mask_map, boxes, readable)


def in_order(problems: list[Problem]) -> list[Problem]:
    """Errors first, then warnings, then notes."""
    return sorted(problems, key=lambda p: _ORDER[p.severity])


def _boxes(particles: ParticleSet, readable: npt.NDArray[np.bool_]) -> dict[int, int]:
    """From the header of a stack of the group, else from the optics table."""
    reader = ImageReader(particles)
    boxes = {}
    for k in np.unique(particles.optics_index).tolist():
        rows = np.flatnonzero((particles.optics_index == k) & readable)
        if len(rows):
            boxes[k] = reader.header(int(rows[0])).width
        elif particles.optics[k].box:
            boxes[k] = particles.optics[k].box
    return boxes
