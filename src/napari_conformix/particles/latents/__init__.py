"""Numbers for particles that other programs wrote: latents, indices, labels.

Pickle files are read without unpickling them.
"""

from napari_conformix.particles.latents.cryodrgn import read_indices, read_npy, write_indices
from napari_conformix.particles.latents.files import (
    number_columns,
    on_particles,
    proposed_columns,
    read_latents,
)

__all__ = [
    "number_columns",
    "on_particles",
    "proposed_columns",
    "read_indices",
    "read_latents",
    "read_npy",
    "write_indices",
]
