"""A data set: poses, shifts, CTF, half sets and where the images are."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from napari_conformix.particles.optics import OpticsGroup
from napari_conformix.particles.problems import Problem

Format = Literal["relion2", "relion3", "relion31", "cryosparc"]


class Columns(Protocol):
    """The particle table of a file, as it was read."""

    def __len__(self) -> int: ...

    @property
    def labels(self) -> Sequence[str]:
        """Names of the columns."""

    def column(self, label: str) -> npt.NDArray[np.generic]:
        """(n,) numbers where every value is one, otherwise texts (object array of str)."""


@dataclass(frozen=True)
class Source:
    """The file that the particles came from, its tables untouched.

    path         the STAR or .cs file
    passthrough  the cryoSPARC passthrough file that was joined to it, if any
    table        the particle table: a StarTable or a CsTable
    document     the whole StarFile (optics and every other table); None for cryoSPARC
    notes        what the reader assumed or left out, for the checks to repeat
    """

    path: Path
    format: Format
    table: Columns = field(repr=False)
    document: object | None = field(default=None, repr=False)
    passthrough: Path | None = None
    notes: tuple[Problem, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class ParticleSet:
    """Particles in the order of their file. Arrays are read-only; n is the number of particles.

    Conventions are those of RELION 3.1: A = Rz(rot) Ry(tilt) Rz(psi) maps image xyz to volume
    xyz; the particle sits at minus the RELION origin; defocus angles go from image +x to +y.

    optics_index         (n,) int32 into `optics`
    rotation             (n, 3, 3) float32, A; NaN where the file has no pose
    shift_angstrom       (n, 2) float32, (x, y) of the particle from the image centre
    defocus_*_angstrom, defocus_angle_degrees, phase_shift_degrees   (n,) float64, NaN if absent
    ctf_b_factor, ctf_scale   (n,) float32, 0 and 1 if absent
    half                 (n,) int8: 1, 2; 0 where the file has no half sets
    stacks               files, as found; a stack that was not found keeps a path that is not there
    stack_index          (n,) int32 into `stacks`
    image_index          (n,) int32 within the stack, from 0
    image_sign           (n,) float32: factor that makes the protein white (`blob/sign`), else 1
    row                  (n,) int64: row of the file, from 0
    """

    source: Source
    optics: list[OpticsGroup]
    optics_index: npt.NDArray[np.int32]
    rotation: npt.NDArray[np.float32]
    shift_angstrom: npt.NDArray[np.float32]
    defocus_u_angstrom: npt.NDArray[np.float64]
    defocus_v_angstrom: npt.NDArray[np.float64]
    defocus_angle_degrees: npt.NDArray[np.float64]
    phase_shift_degrees: npt.NDArray[np.float64]
    ctf_b_factor: npt.NDArray[np.float32]
    ctf_scale: npt.NDArray[np.float32]
    half: npt.NDArray[np.int8]
    stacks: list[Path]
    stack_index: npt.NDArray[np.int32]
    image_index: npt.NDArray[np.int32]
    image_sign: npt.NDArray[np.float32]
    row: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        for array in self._arrays().values():
            if len(array) != len(self.row):
                raise ValueError("the arrays of a ParticleSet differ in length")
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.row)

    def __repr__(self) -> str:
        return f"<ParticleSet of {len(self)} particles from {self.source.path}>"

    @property
    def columns(self) -> list[str]:
        """Names of all columns of the particle table."""
        return list(self.source.table.labels)

    def column(self, name: str) -> npt.NDArray[np.generic]:
        """(n,) any column of the file: float64 when all are numbers, otherwise str objects.

        Raises KeyError when there is no such column.
        """
        if name not in self.source.table.labels:
            raise KeyError(f"{self.source.path} has no column {name}")
        if name not in self._column_cache:
            self._column_cache[name] = self.source.table.column(name)
        return self._column_cache[name][self.row]

    @cached_property
    def _column_cache(self) -> dict[str, npt.NDArray[np.generic]]:
        return {}

    @property
    def pixel_size_angstrom(self) -> npt.NDArray[np.float64]:
        """(n,) pixel size of each particle's image, from its optics group."""
        sizes = np.array([g.pixel_size_angstrom for g in self.optics], np.float64)
        return sizes[self.optics_index]

    @property
    def image_key(self) -> npt.NDArray[np.int64]:
        """(n,) a number for each image: equal where rows show the same image of the same stack."""
        return self.stack_index.astype(np.int64) << 32 | self.image_index

    @cached_property
    def images_digest(self) -> str:
        """A digest of which image of which stack (by file name, wherever it lies) each row is."""
        names = "\n".join(path.name for path in self.stacks)
        digest = hashlib.sha256(names.encode("utf-8", "surrogateescape"))
        for array in (self.stack_index, self.image_index):
            digest.update(array.astype("<i4").tobytes())
        return digest.hexdigest()

    def subset(self, rows: npt.ArrayLike) -> "ParticleSet":
        """The particles at `rows` (indices or a boolean mask of this set), in that order."""
        chosen = np.arange(len(self))[_as_index(rows, len(self))]
        parts = {name: array[chosen] for name, array in self._arrays().items()}
        return replace(self, **parts)

    def _arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: v for name, v in values.items() if isinstance(v, np.ndarray)}


def _as_index(rows: npt.ArrayLike, n: int) -> npt.NDArray[np.generic]:
    index = np.asarray(rows)
    if index.dtype == bool:
        if index.shape != (n,):
            raise IndexError(f"a mask of {index.shape} does not fit {n} particles")
        return index
    if index.size == 0:
        return np.empty(0, np.int64)
    return index.astype(np.int64, casting="same_kind").reshape(-1)
