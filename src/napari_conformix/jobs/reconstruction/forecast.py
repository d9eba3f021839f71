"""What a reconstruction would take on this machine, from a few particles of the job."""

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.reconstruction import HalfReconstructions

#: batches that are added, as large as those of a run; the first one is not counted
_BATCHES = 2
#: unless it took so long that it shows enough
_LONG_SECONDS = 4.0
#: of a process that has loaded torch and a model, before it holds any sums
_PROCESS_BYTES = 450_000_000


@dataclass(frozen=True)
class ReconstructionForecast:
    """Speed and memory, for any number of particles."""

    particles_per_second: float
    memory_bytes: int

    def seconds(self, particles: int) -> float:
        """To add so many particles; the maps and their comparison come on top."""
        return particles / self.particles_per_second


def forecast_reconstruction(job: "JobFolder", *, deformed: bool) -> ReconstructionForecast:
    """Add a few particles to sums that are then thrown away.

    UserError when they cannot be read, or when a deformed one is asked of a job without a model.
    """
    from napari_conformix.jobs.folder import full_size_batches, image_batches

    sums = _sums(job, deformed)
    chunks = image_batches(np.arange(len(job.particles)), job.spec.grids.box)[:_BATCHES]
    times = []
    begun = perf_counter()
    for batch in full_size_batches(job.particles, chunks, job.spec.grids.frame(), job.settings):
        sums.add(batch)
        taken = perf_counter() - begun
        times.append(taken / len(batch))
        if taken > _LONG_SECONDS:
            break
        begun = perf_counter()
    return ReconstructionForecast(
        particles_per_second=1 / max(times[-1], 1e-9),
        # the maps are made of the sums while these are still there
        memory_bytes=_PROCESS_BYTES + 2 * sums.memory_bytes(),
    )


def _sums(job: "JobFolder", deformed: bool) -> "HalfReconstructions":
    from napari_conformix.jobs.reconstruction.warping import (
        gather_warps,
        refuse_without_displacement,
    )
    from napari_conformix.particles import read_map
    from napari_conformix.reconstruction import HalfReconstructions

    frame = job.spec.grids.frame()
    warps = None
    if deformed:
        import torch

        refuse_without_displacement(job.method_class)
        path = job.spec.inputs.consensus
        consensus = None if path is None else torch.from_numpy(read_map(path)[0].copy())
        latents = job.latents()
        warps = gather_warps(job.method(latents.epoch), latents, consensus)
    return HalfReconstructions(_half(job), frame.box, frame.pixel_size_angstrom, warps=warps)


def _half(job: "JobFolder") -> NDArray[np.int8]:
    """(N,) the half sets; before the first training any will do for the measurement."""
    try:
        return job.split.half
    except UserError:
        return (1 + np.arange(len(job.particles)) % 2).astype(np.int8)
