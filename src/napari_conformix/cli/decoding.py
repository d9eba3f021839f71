"""Which latents to decode: a particle's, those along a component, or those of a file."""

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
    from napari_conformix.analysis import pca

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


def read_latents(path: Path) -> NDArray[np.float32]:
    """(n, d) latents of a .npy file or a text file with one a line; commas are allowed."""
    try:
        if path.suffix.lower() == ".npy":
            values = np.load(path, allow_pickle=False)
        else:
            text = path.read_text(encoding="utf-8").replace(",", " ")
            values = np.loadtxt(text.splitlines(), ndmin=2)
        latents = np.atleast_2d(values).astype(np.float32)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as latents: {error}") from error
    if latents.ndim != 2 or not latents.size or not np.isfinite(latents).all():
        raise UserError(
            f"{path} must hold finite numbers, one latent a line; it has the shape {latents.shape}."
        )
    return latents
