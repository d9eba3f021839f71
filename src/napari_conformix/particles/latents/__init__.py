"""Numbers for particles that other programs wrote: latents, indices, labels.

Pickle files are read without unpickling them.
"""

from napari_conformix.particles.latents.cryodrgn import write_indices
from napari_conformix.particles.latents.files import (
    number_columns,
    on_particles,
    proposed_columns,
    read_latents,
)
from napari_conformix.particles.latents.numbers import read_indices, read_labels, read_table

__all__ = [
    "number_columns",
    "on_particles",
    "proposed_columns",
    "read_indices",
    "read_labels",
    "read_latents",
    "read_table",
    "write_indices",
]
