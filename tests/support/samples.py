"""A tiny particle set with a consensus map, and jobs on it."""

import os
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from particle_star import star_head

from napari_conformix.jobs import Job

PLUGIN = Path(__file__).parent / "plugin"
BOX = 16
PIXEL = 2.0
COUNT = 48


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
    head = star_head(PIXEL, BOX, halves=halves)
    path = folder / "particles.star"
    path.write_text(head + "\n".join(rows) + "\n")
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
