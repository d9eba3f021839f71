"""One entrance for all particle files."""

from pathlib import Path

from napari_conformix.errors import UserError
from napari_conformix.particles.cryosparc import is_cryosparc, read_cryosparc
from napari_conformix.particles.particle_set import ParticleSet
from napari_conformix.particles.relion import read_relion


def read_particles(
    path: Path | str,
    *,
    datadir: Path | str | None = None,
    passthrough: Path | str | None = None,
) -> ParticleSet:
    """Read a STAR file of RELION 2 to 5, or a cryoSPARC .cs file, by what it holds.

    datadir      folder under which the stacks are, when they are not where the file says
    passthrough  for .cs: the passthrough file; without it, the one next to the file is used when
                 the file itself lacks images, CTF or poses

    A missing stack, pose or CTF is no error here: `check_particles` reports all of them together.
    Errors: UserError when a file is missing, cut short, or not a file of particles.
    """
    path = Path(path)
    folder = Path(datadir) if datadir is not None else None
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise UserError(f"The particle file {path} {what}.")
    if is_cryosparc(path):
        return read_cryosparc(path, folder, Path(passthrough) if passthrough else None)
    if passthrough is not None:
        raise UserError(f"{path} is not a cryoSPARC file, so a passthrough file has no use.")
    return read_relion(path, folder)
