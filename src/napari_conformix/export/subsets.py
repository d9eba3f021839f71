"""A selection of particles as a file that RELION, cryoSPARC or a script takes as it is."""

from pathlib import Path

import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.export.formats import PARTICLE_FILES, offered_to, program_of
from napari_conformix.particles import ParticleSet


def export_subset(
    particles: ParticleSet,
    rows: npt.ArrayLike,
    path: Path | str,
    *,
    half: npt.ArrayLike | None = None,
    overwrite: bool = False,
) -> Path:
    """Write some particles to a file; its suffix chooses the format.

    Parameters
    ----------
    particles
        All particles of the file, n of them.
    rows
        Indices or (n,) bool: those to be written.
    path
        Where to; the formats are those of `export.formats.PARTICLE_FILES`.
    half
        (n,) of 1 and 2, recorded as the half sets; None leaves the file's own.
    overwrite
        Replace a file that is there.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    UserError
        When nothing is selected, the suffix is unknown or not for particles of such a file, the
        path is the source file, or it exists and `overwrite` is False.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise UserError(f"The folder {path.parent} is not there; make it first.")
    if path.exists() and not overwrite:
        raise UserError(
            f"{path} exists; choose another name, or ask to overwrite it (--overwrite)."
        )
    program = program_of(particles.source.format)
    kind = PARTICLE_FILES.of(path)
    if kind is None:
        raise UserError(f"{path.name} must end with {offered_to(program).suffixes}.")
    if program not in kind.sources:
        own = offered_to(program).usual
        raise UserError(
            f"{particles.source.path.name} is a {own.name} and cannot become {path.name}; "
            f"{kind.otherwise}."
        )
    kind.write(particles, rows, path, half)
    return path
