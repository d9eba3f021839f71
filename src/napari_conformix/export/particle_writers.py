"""Some particles of a file as a file of each kind; the table of kinds is in `formats`."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.export.relion_from_cryosparc import write_relion_star
from napari_conformix.particles import ParticleSet, write_particles
from napari_conformix.particles.latents import write_indices
from napari_conformix.runs import whole_file


def write_star(
    particles: ParticleSet, rows: npt.ArrayLike, path: Path, half: npt.ArrayLike | None
) -> None:
    """Write a STAR file: of particles of a STAR file every column and table as they were, of those
    of a .cs file poses, CTF and image names in RELION 3.1's columns."""
    if particles.source.format == "cryosparc":
        write_relion_star(particles, rows, path, half=half)
    else:
        write_particles(particles, rows, path, half=half)


def write_rows(particles: ParticleSet, rows: npt.ArrayLike, path: Path) -> None:
    """Write (n,) int64: the rows of the particle file, from 0."""
    index = _indices(particles, rows, path)
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.save(file, index, allow_pickle=False)


def write_cryodrgn_indices(particles: ParticleSet, rows: npt.ArrayLike, path: Path) -> None:
    """Write the rows of the particle file as cryoDRGN takes them (`--ind`)."""
    write_indices(path, _indices(particles, rows, path))


def _indices(particles: ParticleSet, rows: npt.ArrayLike, path: Path) -> npt.NDArray[np.int64]:
    index = particles.subset(rows).row
    if len(index) == 0:
        raise UserError(f"The selection is empty, so {path} was not written.")
    return index
