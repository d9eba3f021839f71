"""Latents that any program wrote: arrays, text, or columns of STAR and .cs files.

Where the file names the particles too (rlnImageName, uid), rows are matched by that; an array says
nothing of whose its rows are, so there the order must be that of the particle file.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.particles.cryosparc import CsTable, load_table
from napari_conformix.particles.latents.cryodrgn import read_z, read_z_spread
from napari_conformix.particles.latents.numbers import Floats, as_table, read_table
from napari_conformix.particles.particle_set import ParticleSet
from napari_conformix.particles.star import StarTable, read_star

#: what cryoSPARC's 3D Variability and 3D Flex call the coordinates of particles
CRYOSPARC_LATENTS = re.compile(r"components_mode_(\d+)/value")
#: columns named in an error
MOST_NAMED = 40
TEXT_SUFFIXES = (".txt", ".csv", ".tsv", ".dat")
SUFFIXES = (".pkl", ".npy", ".star", ".cs", *TEXT_SUFFIXES)


@dataclass(frozen=True)
class LatentFile:
    """What a file holds, row by row.

    mean     (n, d) float32; a row of NaN has no latent
    spread   (n, d) standard deviations, or None where the file has none
    columns  (d,) their names; () where the file has none
    images   (n,) what each row shows, by the name that the particle file has for it too, or None
    """

    mean: Floats
    spread: Floats | None = None
    columns: tuple[str, ...] = ()
    images: npt.NDArray[np.generic] | None = None


def read_latents(path: str | Path, columns: Sequence[str] = ()) -> LatentFile:
    """Read latents: .pkl (as cryoDRGN's z), .npy, text, or columns of a .star or .cs file.

    `columns` are names of columns of a STAR or .cs file; for arrays and
    text they are numbers from 1. Errors: UserError when the file or a column cannot be read as
    numbers.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder; give a file" if path.is_dir() else "is not there"
        raise UserError(f"The latents file {path} {what}.")
    suffix = path.suffix.lower()
    if suffix == ".star":
        return _of_star(path, columns)
    if suffix == ".cs":
        return _of_cryosparc(path, columns)
    if suffix in TEXT_SUFFIXES:
        return LatentFile(*_chosen(read_table(path), None, columns, path))
    if suffix in (".pkl", ".npy"):
        return LatentFile(*_chosen(read_z(path), read_z_spread(path), columns, path))
    raise UserError(
        f"{path} is of no kind that latents are read from; give a .pkl of cryoDRGN, .npy, a table "
        "in text, or a .star or .cs file and the names of its columns."
    )


def number_columns(path: str | Path) -> list[str]:
    """Names of the columns of a STAR or .cs file that could be latents; [] for other files."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".star":
        table = _particle_table(path)
        return [label for label in table.labels if table.column(label).dtype.kind == "f"]
    if suffix != ".cs":
        return []
    fields = CsTable(load_table(path), own=0)
    return [label for label in fields.labels if fields.column(label).dtype.kind == "f"]


def proposed_columns(names: Sequence[str]) -> list[str]:
    """Those that are latents by their name."""
    found = [(int(m[1]), name) for name in names if (m := CRYOSPARC_LATENTS.fullmatch(name))]
    return [name for _, name in sorted(found)]


# -- rows ------------------------------------------------------------------------------------------


def on_particles(
    found: LatentFile, particles: ParticleSet, rows: npt.NDArray[np.int64] | None, source: Path
) -> tuple[Floats, Floats, str]:
    """Latents and spreads (N, d) of every particle, NaN where there are none, and how rows were
    matched, in a sentence.

    `rows` (n,) are those of the particle file that the rows of the latents belong to; without, the
    latents are of all particles in their order, or of the images that they name. UserError when
    they do not fit.
    """
    total, n = len(particles), len(found.mean)
    if rows is not None:
        _refuse_rows(rows, n, total, source, particles)
        told = f"They belong to the {n:,} of {total:,} particles that the file of rows lists."
        return *_spread_out(found, rows, np.arange(n), total), told
    named = _by_image(found, particles, source)
    if named is not None:
        mine, theirs = named
        if len(mine) == total == n and (mine == theirs).all():
            told = "Both files name the same images in the same order."
        else:
            told = (
                f"{len(mine):,} of {total:,} particles were found among the {n:,} rows by the "
                "images that they name."
            )
        return *_spread_out(found, mine, theirs, total), told
    if n != total:
        raise UserError(
            f"{source} has {n:,} rows and {particles.source.path} has {total:,} particles. They "
            "must be the same particles in the same order. If the latents are of some of them "
            "(cryoDRGN with --ind), give the file of their rows too (--rows ind.pkl); otherwise "
            "give the particle file that the other program was run with."
        )
    every = np.arange(total)
    told = "Row by row: the file does not say whose they are, so both must have one order."
    return *_spread_out(found, every, every, total), told


def _refuse_rows(
    rows: npt.NDArray[np.int64], n: int, total: int, source: Path, particles: ParticleSet
) -> None:
    if len(rows) != n:
        raise UserError(
            f"The file of rows lists {len(rows):,} particles, but {source} has latents of {n:,}. "
            "Give the index that the other program was run with."
        )
    if len(rows) and rows.max() >= total:
        raise UserError(
            f"The file of rows lists row {rows.max()}, but {particles.source.path} has rows 0 to "
            f"{total - 1}. Give the particle file that the index was made for."
        )
    if len(np.unique(rows)) < len(rows):
        values, counts = np.unique(rows, return_counts=True)
        twice = int(values[counts > 1][0])
        raise UserError(f"The file of rows lists row {twice} more than once; it has one latent.")


def _by_image(
    found: LatentFile, particles: ParticleSet, source: Path
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """Rows of the particles and of the latents that show the same image; None where the files do
    not both say. UserError where an image is there twice and the rows are in another order."""
    own = _images_of(particles)
    if found.images is None or own is None or found.images.dtype.kind != own.dtype.kind:
        return None
    if len(own) == len(found.images) and (own == found.images).all():
        every = np.arange(len(own))
        return every, every
    order = np.argsort(found.images, kind="stable")
    theirs = found.images[order]
    if len(np.unique(own)) < len(own) or len(np.unique(theirs)) < len(theirs):
        raise UserError(
            f"{source} and {particles.source.path} list images more than once (as after symmetry "
            "expansion) and in another order, so it is not known which row is which; give both "
            "in one order."
        )
    at = np.searchsorted(theirs, own).clip(max=len(theirs) - 1)
    there = np.flatnonzero(theirs[at] == own)
    if not len(there):
        raise UserError(
            f"{source} and {particles.source.path} have no image in common; give the "
            "particle file that the latents belong to."
        )
    return there, order[at[there]]


def _images_of(particles: ParticleSet) -> npt.NDArray[np.generic] | None:
    """(N,) what each row of the file shows: uid of cryoSPARC (whole; as a column it is rounded), or
    rlnImageName."""
    table = particles.source.table
    if isinstance(table, CsTable):
        return table.array["uid"][particles.row] if "uid" in table else None
    return particles.column("rlnImageName") if "rlnImageName" in particles.columns else None


def _spread_out(
    found: LatentFile,
    mine: npt.NDArray[np.int64],
    theirs: npt.NDArray[np.int64],
    total: int,
) -> tuple[Floats, Floats]:
    mean = np.full((total, found.mean.shape[1]), np.nan, np.float32)
    spread = mean.copy()
    mean[mine] = found.mean[theirs]
    if found.spread is not None:
        spread[mine] = found.spread[theirs]
    mean[~np.isfinite(mean).all(axis=1)] = np.nan  # a latent is known as a whole or not at all
    if not np.isfinite(mean).any():
        raise UserError("No particle has a latent: every row of the file has a NaN.")
    return mean, spread


# -- kinds of files --------------------------------------------------------------------------------


def _particle_table(path: Path) -> StarTable:
    document = read_star(path)
    table = document.table("particles") or max(document.tables, key=len)
    if not len(table):
        raise UserError(f"{path} has no rows.")
    return table


def _of_star(path: Path, columns: Sequence[str]) -> LatentFile:
    table = _particle_table(path)
    names = _named(columns, table.labels, path)
    numbers = table.numbers(names)
    images = table.texts("rlnImageName") if "rlnImageName" in table else None
    mean = as_table(np.stack([numbers[name] for name in names], axis=1), path)
    return LatentFile(mean, None, names, images)


def _of_cryosparc(path: Path, columns: Sequence[str]) -> LatentFile:
    table = CsTable(load_table(path), own=0)
    names = _named(columns or proposed_columns(table.labels), table.labels, path)
    values = [table.column(name) for name in names]
    words = [name for name, column in zip(names, values, strict=True) if column.dtype.kind != "f"]
    if words:
        raise UserError(f"The column {words[0]} of {path} holds words; latents are numbers.")
    mean = as_table(np.stack(values, axis=1), path)
    return LatentFile(mean, None, names, table.array["uid"] if "uid" in table else None)


# -- choosing columns ------------------------------------------------------------------------------


def _named(columns: Sequence[str], known: Sequence[str], path: Path) -> tuple[str, ...]:
    """The names asked for, each once; UserError lists those that there are."""
    there = ", ".join(known[:MOST_NAMED]) + (", ..." if len(known) > MOST_NAMED else "")
    if not columns:
        raise UserError(f"Say which columns of {path} hold the latents; it has {there}.")
    names = tuple(dict.fromkeys(name.strip().removeprefix("_") for name in columns))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserError(f"{path} has no column {unknown[0]!r}; it has {there}.")
    return names


def _chosen(
    mean: Floats, spread: Floats | None, columns: Sequence[str], path: Path
) -> tuple[Floats, Floats | None]:
    """The columns asked for by number, from 1; all without."""
    if not columns:
        return mean, spread
    wrong = [c for c in columns if not c.strip().isdecimal() or not 0 < int(c) <= mean.shape[1]]
    if wrong:
        raise UserError(
            f"{path} has {mean.shape[1]} columns without names; give their numbers from 1, not "
            f"{wrong[0]!r}."
        )
    chosen = [int(column) - 1 for column in dict.fromkeys(columns)]
    return mean[:, chosen], None if spread is None else spread[:, chosen]
