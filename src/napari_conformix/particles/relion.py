"""STAR files of RELION 2 to 5 as particles."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.transform import Rotation

from napari_conformix.errors import UserError
from napari_conformix.particles.optics import OpticsGroup, group_equal_rows
from napari_conformix.particles.particle_set import Format, ParticleSet, Source
from napari_conformix.particles.paths import StackFinder
from napari_conformix.particles.problems import Problem
from napari_conformix.particles.star import StarFile, StarTable, read_star

_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
_PARTICLE_NUMBERS = (
    *_ANGLES,
    *("rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginX", "rlnOriginY"),
    *("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle", "rlnPhaseShift"),
    *("rlnCtfBfactor", "rlnCtfScalefactor", "rlnRandomSubset", "rlnOpticsGroup"),
)
_OPTICS_NUMBERS = (
    *("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast"),
    *("rlnImagePixelSize", "rlnPixelSize", "rlnDetectorPixelSize", "rlnMagnification"),
    *("rlnImageSize", "rlnBeamTiltX", "rlnBeamTiltY"),
    *("rlnMagMat00", "rlnMagMat01", "rlnMagMat10", "rlnMagMat11"),
)
Numbers = dict[str, npt.NDArray[np.float64]]


def read_relion(path: Path, datadir: Path | None = None) -> ParticleSet:
    """Read a RELION STAR file. Absent poses, CTF and optics become NaN, for the checks to report.

    Errors: UserError when the file is no STAR of particles or a value cannot be understood.
    """
    document = read_star(path)
    table = _particle_table(document)
    optics_table = document.table("optics")
    notes: list[Problem] = []
    numbers, texts = table.read(_PARTICLE_NUMBERS, ["rlnImageName"])
    names = texts.pop("rlnImageName").tolist()
    stacks, stack_index, image_index = _images(table, names, StackFinder(path, datadir))
    if optics_table is not None:
        optics, optics_index = _optics_from_table(table, optics_table, numbers)
    else:
        optics, optics_index = _optics_from_particles(table)
    n = len(table)
    pixel_size = np.array([g.pixel_size_angstrom for g in optics])[optics_index]
    value = _reader_of(numbers, n, notes)
    defocus_u = value("rlnDefocusU", math.nan, "")
    defocus_angle = value("rlnDefocusAngle", 0.0, "taken as 0")
    shift = _shift(numbers, pixel_size, n, notes)
    return ParticleSet(
        source=Source(path, _format(document, table), table, document, notes=tuple(notes)),
        optics=optics,
        optics_index=optics_index,
        rotation=_rotation(numbers, n),
        shift_angstrom=shift,
        defocus_u_angstrom=defocus_u,
        defocus_v_angstrom=numbers.get("rlnDefocusV", defocus_u).copy(),
        defocus_angle_degrees=defocus_angle,
        phase_shift_degrees=value("rlnPhaseShift", 0.0, ""),
        ctf_b_factor=value("rlnCtfBfactor", 0.0, "").astype(np.float32),
        ctf_scale=value("rlnCtfScalefactor", 1.0, "").astype(np.float32),
        half=_half(numbers, n),
        stacks=stacks,
        stack_index=stack_index,
        image_index=image_index,
        image_sign=np.ones(n, np.float32),
        row=np.arange(n),
    )


def _particle_table(document: StarFile) -> StarTable:
    named = [document.table(name) for name in ("particles", "images", "")]
    for table in (*named, *document.tables):
        if table is not None and "rlnImageName" in table:
            return table
    names = ", ".join(f"data_{t.name}" for t in document.tables)
    raise UserError(
        f"{document.path} has no column rlnImageName, so it is not a file of particles "
        f"(its tables: {names}). Choose the particle STAR file, for example run_data.star."
    )


def _format(document: StarFile, table: StarTable) -> Format:
    if document.table("optics") is not None:
        return "relion31"
    head = document.data[:400]
    new = table.name == "images" or b"RELION; version 3" in head
    return "relion3" if new else "relion2"


def _reader_of(
    numbers: Numbers, n: int, notes: list[Problem]
) -> Callable[[str, float, str], npt.NDArray[np.float64]]:
    def value(label: str, default: float, note: str) -> npt.NDArray[np.float64]:
        if label not in numbers:
            if note:
                message = f"There is no column {label}; it is {note}, as RELION does."
                notes.append(Problem("note", message))
            return np.full(n, default)
        return numbers[label]

    return value


def _images(
    table: StarTable, names: list[str], finder: StackFinder
) -> tuple[list[Path], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Stacks, stack of each row, and image within the stack (from 0), from rlnImageName."""
    # a name without a number is a file with one image
    split = [name.partition("@") if "@" in name else ("1", "", name) for name in names]
    codes, files = pd.factorize(np.array([s[2] for s in split], dtype=object))
    first = pd.Series([s[0] for s in split], dtype=object)
    numbers: npt.NDArray[np.float64] = pd.to_numeric(first, errors="coerce").to_numpy(np.float64)
    good = np.logical_and(numbers >= 1, numbers < 2**31) & (numbers % 1 == 0)
    bad = np.flatnonzero(~good).tolist()
    if bad:
        row = bad[0]
        raise UserError(
            f"{table.path}: row {row + 1} (line {table.line_number(row)}), column rlnImageName: "
            f"{names[row]!r} is not of the form 000001@stack.mrcs."
        )
    stacks = [finder.find(str(name)) or finder.expected(str(name)) for name in files]
    return stacks, codes.astype(np.int32), (numbers - 1).astype(np.int32)


def _rotation(numbers: Numbers, n: int) -> npt.NDArray[np.float32]:
    """(n, 3, 3) A = Rz(rot) Ry(tilt) Rz(psi); NaN where an angle is missing."""
    if not all(label in numbers for label in _ANGLES):
        return np.full((n, 3, 3), np.nan, np.float32)
    angles = np.stack([numbers[label] for label in _ANGLES], axis=-1)
    known = np.isfinite(angles.sum(axis=1))
    matrix = np.empty((n, 3, 3), np.float32)
    for start in range(0, n, 100_000):
        part = slice(start, start + 100_000)
        safe = np.where(known[part, None], angles[part], 0.0)
        if len(safe):
            matrix[part] = Rotation.from_euler("ZYZ", safe, degrees=True).as_matrix()
    matrix[~known] = np.nan
    return matrix


def _shift(
    numbers: Numbers, pixel_size: npt.NDArray[np.float64], n: int, notes: list[Problem]
) -> npt.NDArray[np.float32]:
    """(n, 2) position of the particle in A: minus the origin, which RELION 3.0 has in pixels."""
    shift = np.zeros((n, 2), np.float32)
    for k, axis in enumerate("XY"):
        if f"rlnOrigin{axis}Angst" in numbers:
            shift[:, k] = -numbers[f"rlnOrigin{axis}Angst"]
        elif f"rlnOrigin{axis}" in numbers:
            shift[:, k] = -numbers[f"rlnOrigin{axis}"] * pixel_size
        else:
            message = f"There is no column rlnOrigin{axis}Angst; it is taken as 0, as RELION does."
            notes.append(Problem("note", message))
    return shift


def _half(numbers: Numbers, n: int) -> npt.NDArray[np.int8]:
    subset = numbers.get("rlnRandomSubset")
    if subset is None:
        return np.zeros(n, np.int8)
    return np.where((subset == 1) | (subset == 2), subset, 0).astype(np.int8)


def _optics_from_table(
    table: StarTable, optics: StarTable, numbers: Numbers
) -> tuple[list[OpticsGroup], npt.NDArray[np.int32]]:
    values = optics.numbers(["rlnOpticsGroup", *_OPTICS_NUMBERS])
    group = values.get("rlnOpticsGroup", np.arange(1.0, len(optics) + 1)).astype(int)
    of_row = numbers.get("rlnOpticsGroup")
    if of_row is None:
        if len(group) != 1:
            raise UserError(
                f"{table.path} has {len(group)} optics groups but no column rlnOpticsGroup in its "
                "particles; add the column."
            )
        of_row = np.full(len(table), float(group[0]))
    place = {float(number): k for k, number in enumerate(group.tolist())}
    index = pd.Series(of_row).map(place)
    if index.isna().any():
        row = int(np.flatnonzero(index.isna())[0])
        raise UserError(
            f"{table.path}: row {row + 1} (line {table.line_number(row)}) is in optics group "
            f"{of_row[row]:g}, which the table data_optics does not have."
        )
    names = _texts(optics, "rlnOpticsGroupName", [f"opticsGroup{g}" for g in group])
    odd, even = (_zernike(optics, f"rln{kind}Zernike") for kind in ("Odd", "Even"))
    optics_index = index.to_numpy().astype(np.int32)
    groups = []
    for k, number in enumerate(group.tolist()):
        own = {label: float(column[k]) for label, column in values.items()}
        own |= _from_particles(table, own, np.flatnonzero(optics_index == k))
        groups.append(_group(number, names[k], own, odd[k], even[k]))
    return groups, optics_index


def _from_particles(
    table: StarTable, own: dict[str, float], rows: npt.NDArray[np.intp]
) -> dict[str, float]:
    """Optics that the particle table holds where the optics table does not."""
    needed = ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnImagePixelSize")
    missing = [label for label in needed if label not in own and label in table]
    if not missing or not len(rows):
        return {}
    return {label: float(v[rows[0]]) for label, v in table.numbers(missing).items()}


def _optics_from_particles(
    table: StarTable,
) -> tuple[list[OpticsGroup], npt.NDArray[np.int32]]:
    """RELION 2 and 3.0 repeat the optics in each row: rows with equal values make a group."""
    values = table.numbers(_OPTICS_NUMBERS)
    if not values or len(table) == 0:
        first = dict.fromkeys(values, math.nan)
        return [_group(1, "opticsGroup1", first)], np.zeros(len(table), np.int32)
    index, rows = group_equal_rows(values)
    groups = [
        _group(k + 1, f"opticsGroup{k + 1}", {label: float(v[row]) for label, v in values.items()})
        for k, row in enumerate(rows)
    ]
    return groups, index


def _group(
    number: int,
    name: str,
    values: dict[str, float],
    odd: tuple[float, ...] = (),
    even: tuple[float, ...] = (),
) -> OpticsGroup:
    box = values.get("rlnImageSize", 0.0)
    magnification = [values.get(f"rlnMagMat{k}", float(k in ("00", "11"))) for k in _MATRIX]
    return OpticsGroup(
        number=number,
        name=name,
        voltage_kv=values.get("rlnVoltage", math.nan),
        cs_mm=values.get("rlnSphericalAberration", math.nan),
        # RELION reads a missing amplitude contrast as 0; the checks say so
        amplitude_contrast=values.get("rlnAmplitudeContrast", 0.0),
        pixel_size_angstrom=_pixel_size(values),
        box=int(box) if math.isfinite(box) else 0,
        beam_tilt_mrad=(values.get("rlnBeamTiltX", 0.0), values.get("rlnBeamTiltY", 0.0)),
        odd_zernike=odd,
        even_zernike=even,
        magnification=(magnification[0], magnification[1], magnification[2], magnification[3]),
    )


_MATRIX = ("00", "01", "10", "11")


def _pixel_size(values: dict[str, float]) -> float:
    if "rlnImagePixelSize" in values:
        return values["rlnImagePixelSize"]
    detector, magnification = (
        values.get("rlnDetectorPixelSize", math.nan),
        values.get("rlnMagnification", math.nan),
    )
    if math.isfinite(detector) and magnification > 0:
        return detector * 1e4 / magnification
    return values.get("rlnPixelSize", math.nan)


def _texts(table: StarTable, label: str, default: list[str]) -> list[str]:
    return [str(t) for t in table.texts(label)] if label in table else default


def _zernike(optics: StarTable, label: str) -> list[tuple[float, ...]]:
    """RELION writes coefficients as [a,b,c]."""
    found = []
    for text in _texts(optics, label, [""] * len(optics)):
        try:
            found.append(tuple(float(part) for part in re.findall(r"[^\[\],\s]+", text)))
        except ValueError:
            raise UserError(f"{optics.path}: {label} {text!r} is not a list of numbers.") from None
    return found
