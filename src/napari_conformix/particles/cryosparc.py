"""cryoSPARC's .cs files, with their passthrough files, as particles (design, section 5).

A .cs file is a numpy structured array (or cryoSPARC's compressed form of one, which its own
library reads). Poses are rotation vectors of A; shifts are RELION origins in pixels of
`alignments3D/psize_A`; angles are radians.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.transform import Rotation

from napari_conformix.errors import UserError
from napari_conformix.particles.optics import OpticsGroup, group_equal_rows
from napari_conformix.particles.particle_set import ParticleSet, Source
from napari_conformix.particles.paths import StackFinder
from napari_conformix.particles.problems import Problem

_NUMPY, _COMPRESSED = b"\x93NUMPY", b"\x95CSDAT"
#: what a particle needs; a file without one of these looks for its passthrough file
_NEEDED = ("blob/path", "ctf/df1_A", "alignments3D/pose")
_ABERRATIONS = ("ctf/tilt_A", "ctf/trefoil_A", "ctf/tetra_A", "ctf/anisomag")


@dataclass(frozen=True, eq=False)
class CsTable:
    """The structured array of a .cs file; `own` counts the fields of the file itself.

    The fields after those came from the passthrough file.
    """

    array: npt.NDArray[np.void] = field(repr=False)
    own: int

    def __len__(self) -> int:
        return len(self.array)

    def __contains__(self, name: str) -> bool:
        return name in (self.array.dtype.names or ())

    @cached_property
    def _places(self) -> dict[str, tuple[str, int | None]]:
        places: dict[str, tuple[str, int | None]] = {}
        for name in self.array.dtype.names or ():
            size = math.prod(self.array.dtype[name].shape)
            if self.array.dtype[name].shape == ():
                places[name] = name, None
            else:
                places |= {f"{name}[{k}]": (name, k) for k in range(size)}
        return places

    @property
    def labels(self) -> list[str]:
        """Names of the fields; components of vectors as `alignments3D/shift[0]`."""
        return list(self._places)

    def column(self, label: str) -> npt.NDArray[np.generic]:
        """(n,) float64, or str objects for texts."""
        name, component = self._places[label]
        values = self.array[name]
        if component is not None:
            values = values.reshape(len(values), -1)[:, component]
        if values.dtype.kind in "SU":
            return np.array(_strings(values), dtype=object)
        return values.astype(np.float64)


def is_cryosparc(path: Path) -> bool:
    """True when the file's first bytes, or its suffix, are those of a .cs file."""
    try:
        with open(path, "rb") as file:
            return file.read(6) in (_NUMPY, _COMPRESSED) or path.suffix == ".cs"
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error


def read_cryosparc(path: Path, datadir: Path | None, passthrough: Path | None) -> ParticleSet:
    """Read a .cs file and join its passthrough file by `uid`."""
    array = load_table(path)
    own = len(array.dtype.names or ())
    notes: list[Problem] = []
    if passthrough is None and any(name not in (array.dtype.names or ()) for name in _NEEDED):
        passthrough = _passthrough_beside(path)
        if passthrough is not None:
            message = f"The passthrough file {passthrough.name} next to the file was joined."
            notes.append(Problem("note", message))
    if passthrough is not None:
        array = _join(path, array, passthrough, load_table(passthrough))
    table = CsTable(array, own)
    if "blob/path" not in table or "blob/idx" not in table:
        raise UserError(
            f"{path} does not say where its images are (no blob/path and blob/idx); "
            "give the passthrough file of the job, too."
        )
    return _particles(Source(path, "cryosparc", table, None, passthrough), table, datadir, notes)


def load_table(path: Path) -> npt.NDArray[np.void]:
    """(n,) the records of a .cs file; UserError when it is none or not whole."""
    try:
        with open(path, "rb") as file:
            compressed = file.read(6) == _COMPRESSED
        array = _load_compressed(path) if compressed else np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(
            f"{path} is not a whole cryoSPARC file ({error}); copy or export it again."
        ) from error
    if not isinstance(array, np.ndarray) or not array.dtype.names or array.ndim != 1:
        raise UserError(f"{path} is not a cryoSPARC file: it holds no table.")
    return array


def _load_compressed(path: Path) -> npt.NDArray[np.void]:
    from cryosparc.dataset import Dataset
    from cryosparc.errors import DatasetLoadError

    try:
        return np.asarray(Dataset.load(path).to_records(fixed=True)).view(np.ndarray)
    except DatasetLoadError as error:
        raise ValueError(str(error)) from error


def _passthrough_beside(path: Path) -> Path | None:
    """The passthrough file of the same job in the same folder, when there is exactly one."""
    found = [p for p in path.parent.glob("*passthrough*particles*.cs") if p != path]
    same_job = [p for p in found if p.name.split("_passthrough")[0] in path.name]
    return same_job[0] if len(same_job) == 1 else None


def _join(
    path: Path, array: npt.NDArray[np.void], other_path: Path, other: npt.NDArray[np.void]
) -> npt.NDArray[np.void]:
    names, more = array.dtype.names or (), other.dtype.names or ()
    for file, fields in ((path, names), (other_path, more)):
        if "uid" not in fields:
            raise UserError(f"{file} has no field uid, so the two files cannot be joined.")
    place = pd.Series(np.arange(len(other)), index=other["uid"])
    if place.index.has_duplicates:
        raise UserError(f"{other_path} holds some uid twice, so the two files cannot be joined.")
    found = place.reindex(array["uid"]).to_numpy(np.float64)
    missing = int(np.isnan(found).sum())
    if missing:
        raise UserError(
            f"{missing} of the {len(array)} particles of {path} are not in {other_path}; "
            "give the passthrough file of the same job."
        )
    added = [name for name in more if name not in names]
    kinds = [(n, array.dtype[n]) for n in names] + [(n, other.dtype[n]) for n in added]
    joined = np.empty(len(array), np.dtype(kinds))
    for name in names:
        joined[name] = array[name]
    rows = found.astype(np.int64)
    for name in added:
        joined[name] = other[name][rows]
    return joined


def _strings(values: npt.NDArray[np.generic]) -> list[str]:
    return [
        v.decode("utf-8", "surrogateescape") if isinstance(v, bytes) else str(v) for v in values
    ]


def _particles(
    source: Source, table: CsTable, datadir: Path | None, notes: list[Problem]
) -> ParticleSet:
    a, n = table.array, len(table)
    stacks, stack_index = _stacks(source.path, a["blob/path"], datadir)
    optics, optics_index = _optics(table)
    shift = _shift(table, notes)
    ignored = [name for name in _ABERRATIONS if name in table and np.any(a[name] != 0)]
    if ignored:
        message = f"The aberrations {', '.join(ignored)} are not zero; they are not applied."
        notes.append(Problem("warning", message))

    def values(name: str, default: float) -> npt.NDArray[np.float64]:
        return a[name].astype(np.float64) if name in table else np.full(n, default)

    return ParticleSet(
        source=Source(
            source.path, "cryosparc", table, None, source.passthrough, notes=tuple(notes)
        ),
        optics=optics,
        optics_index=optics_index,
        rotation=_rotation(table),
        shift_angstrom=shift,
        defocus_u_angstrom=values("ctf/df1_A", math.nan),
        defocus_v_angstrom=values("ctf/df2_A", math.nan),
        defocus_angle_degrees=np.rad2deg(values("ctf/df_angle_rad", 0.0)),
        phase_shift_degrees=np.rad2deg(values("ctf/phase_shift_rad", 0.0)),
        ctf_b_factor=values("ctf/bfactor", 0.0).astype(np.float32),
        ctf_scale=values("ctf/scale", 1.0).astype(np.float32),
        half=_half(table),
        stacks=stacks,
        stack_index=stack_index,
        image_index=a["blob/idx"].astype(np.int32),
        image_sign=np.where(values("blob/sign", 1.0) < 0, -1, 1).astype(np.float32),
        row=np.arange(n),
    )


def _stacks(
    path: Path, names: npt.NDArray[np.generic], datadir: Path | None
) -> tuple[list[Path], npt.NDArray[np.int32]]:
    finder = StackFinder(path, datadir)
    codes, unique = pd.factorize(np.array([s.lstrip(">") for s in _strings(names)], dtype=object))
    return [finder.find(s) or finder.expected(s) for s in unique], codes.astype(np.int32)


def _rotation(table: CsTable) -> npt.NDArray[np.float32]:
    if "alignments3D/pose" not in table:
        return np.full((len(table), 3, 3), np.nan, np.float32)
    pose = table.array["alignments3D/pose"].astype(np.float64)
    known = np.isfinite(pose).all(axis=1)
    matrix = np.full((len(table), 3, 3), np.nan, np.float32)
    if known.any():
        matrix[known] = Rotation.from_rotvec(pose[known]).as_matrix()
    return matrix


def _shift(table: CsTable, notes: list[Problem]) -> npt.NDArray[np.float32]:
    if "alignments3D/shift" not in table:
        message = "There is no field alignments3D/shift; shifts are taken as 0."
        notes.append(Problem("note", message))
        return np.zeros((len(table), 2), np.float32)
    scale = "alignments3D/psize_A" if "alignments3D/psize_A" in table else "blob/psize_A"
    if scale not in table:
        return np.full((len(table), 2), np.nan, np.float32)
    pixel = table.array[scale].astype(np.float64)
    return (-table.array["alignments3D/shift"] * pixel[:, None]).astype(np.float32)


def _half(table: CsTable) -> npt.NDArray[np.int8]:
    """Split 0 and 1 are halves 1 and 2; a file where all are alike has no half sets."""
    if "alignments3D/split" not in table:
        return np.zeros(len(table), np.int8)
    split = table.array["alignments3D/split"]
    if len(np.unique(split)) < 2:
        return np.zeros(len(table), np.int8)
    return np.where(split <= 1, split + 1, 0).astype(np.int8)


def _clean(value: np.generic) -> float:
    """2.95 rather than 2.950000047683716, which is what float32 makes of it."""
    return float(f"{float(value):.7g}")


def _optics(table: CsTable) -> tuple[list[OpticsGroup], npt.NDArray[np.int32]]:
    """Exposure groups, told apart further by whatever else differs between their particles."""
    names = [
        "ctf/exp_group_id",
        *("ctf/accel_kv", "ctf/cs_mm", "ctf/amp_contrast", "blob/psize_A"),
    ]
    values = {name: table.array[name] for name in names if name in table}
    if "blob/shape" in table:
        values["box"] = table.array["blob/shape"][:, 0]
    if not values or len(table) == 0:
        nan = math.nan
        return [OpticsGroup(1, "opticsGroup1", nan, nan, nan, nan)], np.zeros(len(table), np.int32)
    index, rows = group_equal_rows(values)
    groups = []
    for k, row in enumerate(rows):
        own = {name: _clean(column[row]) for name, column in values.items()}
        kv, cs, q0, pixel = (own.get(name, math.nan) for name in names[1:])
        box = int(own.get("box", 0))
        groups.append(OpticsGroup(k + 1, f"opticsGroup{k + 1}", kv, cs, q0, pixel, box))
    return groups, index
