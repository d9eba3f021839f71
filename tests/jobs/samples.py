"""A tiny particle set with a consensus map, and jobs on it."""

import os
import time
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np

from napari_conformix.jobs import Job

PLUGIN = Path(__file__).parent / "plugin"
BOX = 16
PIXEL = 2.0
COUNT = 48

STAR = """
data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnVoltage #3
_rlnSphericalAberration #4
_rlnAmplitudeContrast #5
_rlnImagePixelSize #6
_rlnImageSize #7
_rlnImageDimensionality #8
1 opticsGroup1 300.0 2.7 0.1 {pixel} {box} 2

data_particles

loop_
_rlnImageName #1
_rlnAngleRot #2
_rlnAngleTilt #3
_rlnAnglePsi #4
_rlnOriginXAngst #5
_rlnOriginYAngst #6
_rlnDefocusU #7
_rlnDefocusV #8
_rlnDefocusAngle #9
_rlnOpticsGroup #10
{half_column}
"""


def write_particles(folder: Path, count: int = COUNT, halves: bool = True, seed: int = 0) -> Path:
    """particles.star with stack.mrcs and consensus.mrc; images vary along one direction."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    state = random.uniform(-1, 1, count)
    images = np.exp(-((x[None] - 2 * state[:, None, None]) ** 2 + y[None] ** 2) / 4)
    images = (images + 0.1 * random.normal(size=images.shape)).astype(np.float32)
    with mrcfile.new(folder / "stack.mrcs", overwrite=True) as stack:
        stack.set_data(images)
        stack.set_image_stack()
        stack.voxel_size = PIXEL
    z = np.arange(BOX) - BOX // 2
    volume = np.exp(-(x[None] ** 2 + y[None] ** 2 + z[:, None, None] ** 2) / 4)
    with mrcfile.new(folder / "consensus.mrc", overwrite=True) as mrc:
        mrc.set_data(volume.astype(np.float32))
        mrc.voxel_size = PIXEL
    rows = []
    for i in range(count):
        angles = random.uniform(0, 180, 3)
        row = f"{i + 1:06d}@stack.mrcs {angles[0]:.3f} {angles[1]:.3f} {angles[2]:.3f} 0.5 -0.5"
        row += f" {10000 + 10 * i} {10000 + 10 * i} 0 1"
        rows.append(row + (f" {i % 2 + 1}" if halves else ""))
    column = "_rlnRandomSubset #11" if halves else ""
    head = STAR.format(pixel=PIXEL, box=BOX, half_column=column).replace("\n\n\n", "\n")
    path = folder / "particles.star"
    path.write_text(head.rstrip() + "\n" + "\n".join(rows) + "\n")
    return path


def make_job(folder: Path, method: str = "linear", *, halves: bool = True, **settings: Any) -> Job:
    """A job on the tiny set in `folder`/data."""
    data = folder / "data"
    if not data.exists():
        data.mkdir(parents=True)
        write_particles(data, halves=halves)
    number = len(list(folder.glob("job*")))
    defaults = {"epochs": 3, "batch_size": 4, "validation_fraction": 0.25, "threads": 1}
    return Job.create(
        folder / f"job{number}",
        method=method,
        particles=data / "particles.star",
        consensus=data / "consensus.mrc",
        settings=defaults | settings,
        check=False,
    )


def read_volume(path: Path) -> np.ndarray:
    """(z, y, x) of a map."""
    with mrcfile.open(path) as mrc:
        return np.array(mrc.data)


def environment() -> dict[str, str]:
    """For subprocesses that must find the test methods."""
    paths = [str(PLUGIN), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    """Until `condition()` is true; AssertionError when it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)
