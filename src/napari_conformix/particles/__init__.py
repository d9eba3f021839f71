"""What a data set is: STAR, .cs and MRC in and out, images, checks. No torch, no Qt.

`read_particles` makes a `ParticleSet` of any file, `write_particles` writes rows of it with every
column.
"""

from napari_conformix.particles import images, reading
from napari_conformix.particles.checks import check_particles
from napari_conformix.particles.cryosparc import CsTable
from napari_conformix.particles.images import ImageReader
from napari_conformix.particles.mrc import MrcHeader, read_map, read_mrc_header, write_map
from napari_conformix.particles.optics import OpticsGroup
from napari_conformix.particles.particle_set import ParticleSet, Source
from napari_conformix.particles.paths import StackFinder
from napari_conformix.particles.problems import Problem
from napari_conformix.particles.reading import read_particles
from napari_conformix.particles.stack_names import stack_names
from napari_conformix.particles.writing import write_particles

__all__ = [
    "CsTable",
    "ImageReader",
    "MrcHeader",
    "OpticsGroup",
    "ParticleSet",
    "Problem",
    "Source",
    "StackFinder",
    "check_particles",
    "images",
    "read_map",
    "read_mrc_header",
    "read_particles",
    "reading",
    "stack_names",
    "write_map",
    "write_particles",
]
