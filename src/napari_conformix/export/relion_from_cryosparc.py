"""Particles of a cryoSPARC file as a RELION 3.1 STAR file."""

import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import starfile
from scipy.spatial.transform import Rotation

from napari_conformix.errors import UserError
from napari_conformix.particles import ParticleSet
from napari_conformix.runs import whole_file

_SPACE = re.compile(r"\s")
#: name -> values of every row
Columns = dict[str, Any]


def write_relion_star(
    particles: ParticleSet,
    rows: npt.ArrayLike,
    path: Path,
    *,
    half: npt.ArrayLike | None = None,
) -> None:
    """Write poses, CTF, half sets and image names; what RELION has no column for is left out.

    Names of images are relative to the cryoSPARC project directory. Stacks whose `blob/sign` is -1
    hold black protein, which STAR cannot say: a comment at the top of the file does.
    """
    chosen = particles.subset(rows)
    if len(chosen) == 0:
        raise UserError(f"The selection is empty, so {path} was not written.")
    halves = chosen.half if half is None else np.asarray(half)[np.asarray(rows)]
    optics = starfile.to_string({"optics": _optics(chosen)}, float_format="%.6f")
    with whole_file(path) as temporary, open(temporary, "w") as file:
        if (chosen.image_sign < 0).any():
            file.write(
                "# The protein in these stacks is black (cryoSPARC's blob/sign is -1): multiply "
                "the images by -1 before RELION uses them.\n"
            )
        file.write("# version 30001\n")
        file.write(optics.rstrip("\n") + "\n\n\n# version 30001\n")
        file.writelines(_table_lines("particles", _particles(chosen, halves)))


def _optics(particles: ParticleSet) -> pd.DataFrame:
    groups = [particles.optics[k] for k in np.unique(particles.optics_index)]
    return pd.DataFrame(
        {
            "rlnOpticsGroup": [g.number for g in groups],
            "rlnOpticsGroupName": [g.name for g in groups],
            "rlnVoltage": [g.voltage_kv for g in groups],
            "rlnSphericalAberration": [g.cs_mm for g in groups],
            "rlnAmplitudeContrast": [g.amplitude_contrast for g in groups],
            "rlnImagePixelSize": [g.pixel_size_angstrom for g in groups],
            "rlnImageSize": [g.box for g in groups],
            "rlnImageDimensionality": [2] * len(groups),
        }
    )


def _table_lines(name: str, columns: Columns) -> Iterator[str]:
    """The lines of a table. Row by row this takes a tenth of the time of pandas' writer, which
    formats every number by itself."""
    yield f"\ndata_{name}\n\nloop_\n"
    yield from (f"_{label} #{number}\n" for number, label in enumerate(columns, start=1))
    kinds = [np.asarray(values).dtype.kind for values in columns.values()]
    row = "\t".join({"f": "%.6f", "i": "%d", "u": "%d"}.get(kind, "%s") for kind in kinds) + "\n"
    lists = [
        _quoted(values) if kind not in "fiu" else np.asarray(values).tolist()
        for kind, values in zip(kinds, columns.values(), strict=True)
    ]
    yield from (row % values for values in zip(*lists, strict=True))


def _quoted(values: Iterable[object]) -> list[str]:
    """Texts, in quotes where they have spaces or nothing in them."""
    texts = [str(value) for value in values]
    return [text if text and not _SPACE.search(text) else f'"{text}"' for text in texts]


def _particles(particles: ParticleSet, half: npt.NDArray[np.integer]) -> Columns:
    names = [str(name).lstrip(">") for name in particles.column("blob/path")]
    numbers = (particles.image_index + 1).tolist()
    columns: Columns = {
        "rlnImageName": [f"{k:06d}@{name}" for k, name in zip(numbers, names, strict=True)],
        "rlnOpticsGroup": [particles.optics[k].number for k in particles.optics_index],
        "rlnDefocusU": particles.defocus_u_angstrom,
        "rlnDefocusV": particles.defocus_v_angstrom,
        "rlnDefocusAngle": particles.defocus_angle_degrees,
        "rlnPhaseShift": particles.phase_shift_degrees,
        "rlnCtfBfactor": particles.ctf_b_factor,
        "rlnCtfScalefactor": particles.ctf_scale,
    }
    if np.isfinite(particles.rotation).all():
        with warnings.catch_warnings():
            # at tilt 0 or 180 only rot +- psi counts; scipy says which of the pairs it chose
            warnings.filterwarnings("ignore", message="Gimbal lock")
            angles = Rotation.from_matrix(particles.rotation).as_euler("ZYZ", degrees=True)
        columns |= dict(zip(("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"), angles.T, strict=True))
        columns["rlnOriginXAngst"] = -particles.shift_angstrom[:, 0]
        columns["rlnOriginYAngst"] = -particles.shift_angstrom[:, 1]
    if half.any():
        columns["rlnRandomSubset"] = half
    if "location/micrograph_path" in particles.columns:
        columns["rlnMicrographName"] = particles.column("location/micrograph_path")
    return columns
