"""What is made of a job's particles: subsets as files, half maps."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_conformix.particles import ParticleSet
    from napari_conformix.reconstruction import HalfMaps, Warp
    from napari_conformix.training.contract import Batch, Frame
    from napari_conformix.training.settings import TrainingSettings
    from napari_conformix.training.split import Split

#: particles read at once; a box of 256 takes 64 MB then
PARTICLES_AT_ONCE = 128


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


def half_maps(
    particles: "ParticleSet",
    rows: NDArray[np.int64],
    frame: "Frame",
    settings: "TrainingSettings",
    split: "Split",
    mask: Path | None,
    folder: Path,
    progress: Callable[[int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    *,
    warps: "Mapping[int, Warp] | None" = None,
) -> "HalfMaps | None":
    """Reconstruction of both half sets of `rows` on the consensus grid, written to `folder`; None
    when stopped. With warps the maps are deformed, and `plain` of the result holds the others."""
    import torch

    from napari_conformix.particles import read_map
    from napari_conformix.reconstruction import reconstruct_half_maps, write_half_maps

    maps = reconstruct_half_maps(
        full_size_batches(particles, rows, frame, settings),
        split.half,
        frame.box,
        frame.pixel_size_angstrom,
        mask=None if mask is None else torch.from_numpy(read_map(mask)[0].copy()),
        warps=warps,
        progress=progress,
        stop=stop,
    )
    if maps is not None:
        write_half_maps(maps, folder)
        if maps.plain is not None:
            write_half_maps(maps.plain, folder, name="plain")
    return maps


def full_size_batches(
    particles: "ParticleSet",
    rows: NDArray[np.int64],
    frame: "Frame",
    settings: "TrainingSettings",
) -> "Iterator[Batch]":
    """Images on the consensus grid, whatever the working grid of training was."""
    from napari_conformix.training.data import TrainingData
    from napari_conformix.training.plan import cut
    from napari_conformix.training.prefetch import prefetched

    full = replace(
        frame,
        working_box=frame.box,
        working_pixel_size_angstrom=frame.pixel_size_angstrom,
    )
    streaming = settings.model_copy(update={"images": "stream"})
    data = TrainingData(particles, full, streaming)
    with prefetched(data.batch, cut(rows, PARTICLES_AT_ONCE)) as batches:
        for _, batch in batches:
            yield batch
