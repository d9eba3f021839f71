"""Particles back into files of the kind they came from, nothing lost.

STAR: the chosen rows and everything around them (other tables, comments, number text, order of
columns) are the bytes of the source file, but for line ends, which are those of Unix. Names of
stacks stay as they are: RELION finds them from its project directory, not from where the STAR file
lies.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.lib.recfunctions as recfunctions
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.particles.cryosparc import CsTable
from napari_conformix.particles.particle_set import ParticleSet
from napari_conformix.particles.star import StarTable, join_rows, replace_values
from napari_conformix.runs import whole_file

_SUBSET = "rlnRandomSubset"
_SPLIT = "alignments3D/split"


def write_particles(
    particles: ParticleSet,
    rows: npt.ArrayLike,
    path: Path | str,
    *,
    half: npt.ArrayLike | None = None,
) -> None:
    """Write some particles to a file of the same format, in the order of `rows`.

    rows  indices or a boolean mask of `particles`
    path  .star for RELION's files, .cs for cryoSPARC's; replaced when it exists
    half  (len(particles),) of 1 and 2: written as rlnRandomSubset (alignments3D/split), the column
          being added when the file has none; None leaves the file's own half sets

    Every column, every other table, the order of columns and the text of every number stay.
    Errors: UserError when nothing is selected, `path` is the source file, or cannot be written.
    """
    path = Path(path)
    chosen = particles.subset(rows)
    _refuse(particles, chosen, path)
    halves = None if half is None else _halves(particles, rows, half)
    table = particles.source.table
    if isinstance(table, StarTable):
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            # RELION takes the \r of a file from Windows for a part of the last label
            file.writelines(
                part.replace(b"\r\n", b"\n") for part in _star_bytes(table, chosen.row, halves)
            )
    elif isinstance(table, CsTable):
        array = _with_split(table.array[chosen.row], halves)
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            np.save(file, array, allow_pickle=False)
    else:
        raise TypeError(f"cannot write particles of {type(table).__name__}")


def _refuse(particles: ParticleSet, chosen: ParticleSet, path: Path) -> None:
    if len(chosen) == 0:
        raise UserError(f"The selection is empty, so {path} was not written.")
    for source in (particles.source.path, particles.source.passthrough):
        if source is not None and path.exists() and source.exists() and path.samefile(source):
            raise UserError(f"{path} is the file the particles came from; choose another name.")
    suffix = ".cs" if particles.source.format == "cryosparc" else ".star"
    if path.suffix != suffix:
        raise UserError(
            f"Particles of {particles.source.path.name} are written as {suffix}, not as "
            f"{path.name}; end the name with {suffix}."
        )


def _halves(
    particles: ParticleSet, rows: npt.ArrayLike, half: npt.ArrayLike
) -> npt.NDArray[np.int64]:
    every = np.asarray(half)
    if every.shape != (len(particles),):
        raise ValueError(f"half has shape {every.shape} for {len(particles)} particles")
    index = np.arange(len(particles))[np.asarray(rows)]
    halves: npt.NDArray[np.int64] = every[index].astype(np.int64)
    if not np.isin(halves, (1, 2)).all():
        raise ValueError("half sets are 1 and 2")
    return halves


def _star_bytes(
    table: StarTable, rows: npt.NDArray[np.int64], halves: npt.NDArray[np.int64] | None
) -> Iterator[bytes]:
    start, stop = table.body
    lines = join_rows(table, rows.tolist())
    if halves is None:
        yield table.data[:start]
        yield from lines
    elif _SUBSET in table:
        yield table.data[:start]
        position = table.labels.index(_SUBSET)
        yield from replace_values(lines, position, (b"%d" % h for h in halves.tolist()))
    else:
        label = b"_%s #%d \n" % (_SUBSET.encode(), len(table.labels) + 1)
        yield table.data[: table.header_end] + label + table.data[table.header_end : start]
        for line, half in zip(lines, halves.tolist(), strict=True):
            text = line.rstrip(b"\r\n")
            yield b"%s %d%s" % (text, half, line[len(text) :])
    yield table.data[stop:]


def _with_split(
    array: npt.NDArray[np.void], halves: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.void]:
    if halves is None:
        return array
    split = (halves - 1).astype(np.uint32)
    if _SPLIT in (array.dtype.names or ()):
        array[_SPLIT] = split
        return array
    return np.asarray(recfunctions.append_fields(array, _SPLIT, split, usemask=False))
