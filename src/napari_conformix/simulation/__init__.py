"""Molecules with known truth: sample data, tests and benchmarks.

`simulate` writes a data set, from atoms and without the projectors that are tested with it.
"""

from napari_conformix.simulation import adenylate_kinase
from napari_conformix.simulation.dataset import simulate
from napari_conformix.simulation.samples import SAMPLES, sample_data
from napari_conformix.simulation.scene import Scene
from napari_conformix.simulation.scenes import SCENES, find_scene
from napari_conformix.simulation.structure import structure_scene

__all__ = [
    "SAMPLES",
    "SCENES",
    "Scene",
    "adenylate_kinase",
    "find_scene",
    "sample_data",
    "simulate",
    "structure_scene",
]
