"""Known labels of a job's particles: a column of their file, or a file with one label a line."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.particles import ParticleSet


def known_labels(particles: "ParticleSet", source: str | Path) -> NDArray[Any]:
    """(N,) labels: the column of that name, or what a .npy or text file holds.

    UserError when there is neither, or when the file has another number of labels than there are
    particles.
    """
    from napari_conformix.particles.latents import read_labels

    if str(source) in particles.columns:
        return np.asarray(particles.column(str(source)))
    path = Path(source).expanduser()
    if not path.exists():
        raise UserError(
            f"{source} is neither a column of {particles.source.path} nor a file; its columns are "
            f"{', '.join(particles.columns)}."
        )
    try:
        labels = read_labels(path)
    except UserError as error:
        raise UserError(
            f"{path} cannot be read as labels ({error}); give a .npy file of one array, or text "
            "with one label for every particle."
        ) from error
    if labels.shape != (len(particles),):
        shape = f"{len(labels):,}" if labels.ndim == 1 else f"a table of {labels.shape}"
        raise UserError(
            f"{path} holds {shape} labels, but the job has {len(particles):,} particles; give one "
            "label for every particle, in the order of the particle file."
        )
    return labels
