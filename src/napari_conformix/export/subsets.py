"""A selection of particles as a file that RELION, cryoSPARC or a script takes as it is."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.export.relion_from_cryosparc import write_relion_star
from napari_conformix.particles import ParticleSet, write_particles
from napari_conformix.particles.latents import write_indices
from napari_conformix.runs import whole_file


def export_subset(
    particles: ParticleSet,
    rows: npt.ArrayLike,
    path: Path | str,
    *,
    half: npt.ArrayLike | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the particles at `rows` to `path`; its suffix chooses the format.

    .star  for particles of a STAR file: every column and table as they were (`write_particles`);
           for particles of a .cs file: a RELION 3.1 file of poses, CTF and image names
    .cs    for particles of a .cs file only
    .npy   (n,) int64: the rows of the particle file, from 0
    .pkl   the same as cryoDRGN takes it (`--ind`)

    half   (len(particles),) of 1 and 2, recorded as the half sets; None leaves the file's own.
    Returns the path. Errors: UserError when nothing is selected, the suffix is unknown, the path
    is the source file, or it exists and `overwrite` is False.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise UserError(f"The folder {path.parent} is not there; make it first.")
    if path.exists() and not overwrite:
        raise UserError(
            f"{path} exists; choose another name, or ask to overwrite it (--overwrite)."
        )
    kind = path.suffix.lower()
    cryosparc = particles.source.format == "cryosparc"
    if kind in (".npy", ".pkl"):
        _write_indices(particles, rows, path)
    elif kind == ".star" and cryosparc:
        write_relion_star(particles, rows, path, half=half)
    elif kind == ".star" or (kind == ".cs" and cryosparc):
        write_particles(particles, rows, path, half=half)
    elif kind == ".cs":
        raise UserError(
            f"{particles.source.path.name} is a STAR file and cannot become {path.name}; export a "
            "STAR file, which cryoSPARC imports."
        )
    else:
        raise UserError(f"{path.name} must end with .star, .cs, .npy or .pkl.")
    return path


def _write_indices(particles: ParticleSet, rows: npt.ArrayLike, path: Path) -> None:
    index = particles.subset(rows).row
    if len(index) == 0:
        raise UserError(f"The selection is empty, so {path} was not written.")
    if path.suffix.lower() == ".pkl":
        write_indices(path, index)
        return
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.save(file, index, allow_pickle=False)
