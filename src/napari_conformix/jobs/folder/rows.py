"""What is made of a job's particles: subsets as files, and their images at full size."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.contract import Batch, Frame
    from napari_conformix.training.settings import TrainingSettings
    from napari_conformix.training.split import Split

#: particles read at once for a reconstruction, and pixels of them
PARTICLES_AT_ONCE = 128
PIXELS_AT_ONCE = 1 << 23


def export_rows(
    particles: "ParticleSet",
    rows: NDArray[np.int64],
    path: Path,
    *,
    split: "Split | None",
    overwrite: bool,
) -> Path:
    """Write some particles with every column; half sets that the program made are written too."""
    from napari_conformix.export.subsets import export_subset

    half = split.half if split is not None and split.made_halves else None
    return export_subset(particles, rows, path, half=half, overwrite=overwrite)


def image_batches(rows: NDArray[np.int64], box: int) -> list[NDArray[np.int64]]:
    """Rows cut for reading at full size, so few that a pause is heard within seconds."""
    from napari_conformix.training.batches import cut

    return cut(rows, max(1, min(PARTICLES_AT_ONCE, PIXELS_AT_ONCE // box**2)))


def full_size_batches(
    particles: "ParticleSet",
    chunks: Iterable[NDArray[np.int64]],
    frame: "Frame",
    settings: "TrainingSettings",
) -> "Iterator[Batch]":
    """Images of the rows of each chunk on the consensus grid, whatever the working grid of
    training was; the next ones are read meanwhile."""
    from napari_conformix.training.batches import TrainingData, prefetched

    full = replace(
        frame,
        working_box=frame.box,
        working_pixel_size_angstrom=frame.pixel_size_angstrom,
    )
    streaming = settings.model_copy(update={"images": "stream"})
    data = TrainingData(particles, full, streaming)
    with prefetched(data.batch, chunks) as batches:
        for _, batch in batches:
            yield batch
