"""Names of stacks as a particle file gives them."""

import numpy as np

from napari_conformix.particles.particle_set import ParticleSet


def stack_names(particles: ParticleSet) -> list[str]:
    """The name of each stack that the particles are in, as their file writes it, without the
    number of the image and cryoSPARC's leading `>`."""
    label = "blob/path" if particles.source.format == "cryosparc" else "rlnImageName"
    _, first = np.unique(particles.stack_index, return_index=True)
    names = particles.column(label)[first]
    return [str(name).rpartition("@")[2].lstrip(">") for name in names]
