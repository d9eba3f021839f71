"""RELION's own programs as referees, and the files they read."""

import shutil
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest
import starfile


def requires_relion(program: str) -> str:
    """The path of a RELION program; the test is skipped, with the reason, where it is missing."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not on the PATH (Debian and Ubuntu: package relion)")
    return path


def run_relion(program: str, *arguments: object, folder: Path) -> str:
    """Run a RELION program in a folder and return what it printed."""
    command = [requires_relion(program), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_mrc(path: Path, array: np.ndarray, pixel_size: float, *, stack: bool = False) -> None:
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(np.asarray(array, np.float32))
        if stack:
            mrc.set_image_stack()
        mrc.voxel_size = pixel_size


def read_mrc(path: Path) -> np.ndarray:
    return mrcfile.read(path).astype(np.float64)


def write_star(
    path: Path, particles: dict[str, object], *, box: int, pixel_size: float, **optics: object
) -> None:
    """A RELION 3.1 particle file with one optics group; `optics` adds columns to its table."""
    group = {
        "rlnOpticsGroup": 1,
        "rlnOpticsGroupName": "opticsGroup1",
        "rlnVoltage": 300.0,
        "rlnSphericalAberration": 2.7,
        "rlnAmplitudeContrast": 0.1,
        "rlnImagePixelSize": pixel_size,
        "rlnImageSize": box,
        "rlnImageDimensionality": 2,
        **optics,
    }
    tables = {
        "optics": pd.DataFrame({name: [value] for name, value in group.items()}),
        "particles": pd.DataFrame({**particles, "rlnOpticsGroup": 1}),
    }
    starfile.write(tables, path, overwrite=True, float_format="%.9f")
