"""Which latents to decode: a particle's, those along a component, or those of a file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable


def latents_of_epoch(job: "Job", epoch: int | str | None) -> "LatentTable":
    """The table that a model's latents are in: of the result, of an epoch, or of 'best'.

    A latent means something only to the model that it comes from. UserError where the latents of
    that epoch are not kept.
    """
    return job.latents(job.checkpoints.best() if isinstance(epoch, str) else epoch)


def latent_of_particle(
    table: "LatentTable", particle: int, half: int | None
) -> tuple[NDArray[np.float32], int]:
    """(1, d) latent of a row, and the half whose model made it; UserError for another half."""
    if not 0 <= particle < len(table):
        raise UserError(f"There is no particle {particle}; rows go from 0 to {len(table) - 1}.")
    own = int(table.half[particle])
    if half is not None and own not in (0, half):
        raise UserError(f"Particle {particle} belongs to half {own}; leave --half {half} out.")
    return table.mean[particle : particle + 1], own or 1


def along_component(
    table: "LatentTable", component: int, count: int, half: int, percentiles: tuple[float, float]
) -> NDArray[np.float32]:
    """(count, d) latents along a principal component of the latents of one half.

    They are evenly spaced between two percentiles of its particles; the other components are at
    their mean. `component` counts from 1.
    """
    from napari_conformix.analysis.spaces import pca

    if count < 1:
        raise UserError(f"--count {count} must be at least 1.")
    dimensions = table.mean.shape[1]
    if not 1 <= component <= dimensions:
        raise UserError(f"There is no component {component}; this job has 1 to {dimensions}.")
    rows = (table.half == half) | (table.half == 0)
    projection = pca(table.mean, rows)
    along = projection.transform(table.mean[rows])[:, component - 1]
    along = along[np.isfinite(along)]
    coordinates = np.zeros((count, dimensions))
    low, high = np.percentile(along, percentiles)
    coordinates[:, component - 1] = np.linspace(low, high, count)
    return projection.inverse(coordinates).astype(np.float32)


def latents_of_path(
    job: "Job", path: Path, half: int | None
) -> tuple[NDArray[np.float32], int, int | None]:
    """(n, d) latents of a saved path or of a file, the half whose model decodes them, and the
    epoch that they are of (None for a file that does not say).

    UserError when a saved path is in the latent space of the other half.
    """
    from napari_conformix.jobs import paths

    saved = str(path) in paths.paths_of(job.folder)
    if not saved and path.suffix.lower() not in (".json", ".npz") and path.exists():
        return paths.read_latents(path), half or 1, None
    found = paths.read(job, path, half)
    return found.latents, found.half or half or 1, _epoch_with_model(job, found.epoch)


def _epoch_with_model(job: "Job", epoch: int | None) -> int | None:
    """The epoch, where its model is kept; else None after a word about it."""
    if epoch is None or job.checkpoints.weights_path(epoch).exists():
        return epoch
    if not job.method_class.has_decoder:
        return None  # decoding says so
    print(
        f"The path is of the latents of epoch {epoch}, whose model is not kept; the newest one "
        "decodes it, which may place it a little differently.",
        file=sys.stderr,
    )
    return None
