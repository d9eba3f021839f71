"""What a subset of particles is written as."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from napari_conformix.export.formats.table import FileFormat, FormatTable

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_conformix.particles import ParticleSet

    #: particles, rows of them, the path, and (n,) half sets of all particles or None
    Writer = Callable[[ParticleSet, npt.ArrayLike, Path, npt.ArrayLike | None], None]

#: whose particle file it is
Program = Literal["RELION", "cryoSPARC"]
ANY: Final[tuple[Program, ...]] = ("RELION", "cryoSPARC")


@dataclass(frozen=True, kw_only=True)
class ParticleFormat(FileFormat):
    """A kind of file for some of the particles of a file.

    write         writes it; the caller has looked whether it may
    native        the program whose own particle files are of this kind
    sources       the programs whose particles can be written so
    otherwise     what to do with the particles of another program
    names_images  whether the file names the images, so that they must be found from where it lies
    """

    write: "Writer"
    native: Program | None = None
    sources: tuple[Program, ...] = ANY
    otherwise: str = ""
    names_images: bool = True


def program_of(source_format: str) -> Program:
    """Whose file particles come from, by the `format` of their source."""
    return "cryoSPARC" if source_format == "cryosparc" else "RELION"


def program_of_file(particles: Path | None) -> Program:
    """Whose file it is, by its suffix alone: it need not be read."""
    own = None if particles is None else PARTICLE_FILES.of(particles)
    return (own and own.native) or "RELION"


def offered_to(program: Program) -> FormatTable[ParticleFormat]:
    """What the particles of that program can be written as, its own kind of file first."""
    possible = [one for one in PARTICLE_FILES if program in one.sources]
    possible.sort(key=lambda one: one.native != program)
    return FormatTable(*possible, known=PARTICLE_FILES)


def _write_star(
    particles: "ParticleSet", rows: "npt.ArrayLike", path: Path, half: "npt.ArrayLike | None"
) -> None:
    from napari_conformix.export.particle_writers import write_star

    write_star(particles, rows, path, half)


def _write_own(
    particles: "ParticleSet", rows: "npt.ArrayLike", path: Path, half: "npt.ArrayLike | None"
) -> None:
    from napari_conformix.particles import write_particles

    write_particles(particles, rows, path, half=half)


def _write_rows(
    particles: "ParticleSet", rows: "npt.ArrayLike", path: Path, half: "npt.ArrayLike | None"
) -> None:
    from napari_conformix.export.particle_writers import write_rows

    write_rows(particles, rows, path)


def _write_indices(
    particles: "ParticleSet", rows: "npt.ArrayLike", path: Path, half: "npt.ArrayLike | None"
) -> None:
    from napari_conformix.export.particle_writers import write_cryodrgn_indices

    write_cryodrgn_indices(particles, rows, path)


#: a file of the kind that the particles came from has every column and table as they were; a STAR
#: file of cryoSPARC's particles is one of RELION 3.1 with poses, CTF and image names
PARTICLE_FILES: Final = FormatTable(
    ParticleFormat(
        suffix=".star",
        name="STAR file",
        line="STAR file, every column kept",
        example="subset.star",
        native="RELION",
        write=_write_star,
    ),
    ParticleFormat(
        suffix=".cs",
        name="cryoSPARC file",
        line="cryoSPARC file, every field kept",
        example="subset.cs",
        native="cryoSPARC",
        sources=("cryoSPARC",),
        otherwise="export a STAR file, which cryoSPARC imports",
        write=_write_own,
    ),
    ParticleFormat(
        suffix=".npy",
        name="Row numbers",
        line="Row numbers, from 0",
        example=".npy for the rows",
        names_images=False,
        write=_write_rows,
    ),
    ParticleFormat(
        suffix=".pkl",
        name="Row numbers for cryoDRGN",
        line="Row numbers for cryoDRGN's --ind",
        example=".pkl for cryoDRGN's --ind",
        names_images=False,
        write=_write_indices,
    ),
)
