"""Back-projection, plain and along deformations; half maps, their FSC and local resolution."""

from napari_conformix.reconstruction.deformed import Field, GatherWarp, ScatterWarp, Warp
from napari_conformix.reconstruction.field_grid import FieldGrid, matter_weight
from napari_conformix.reconstruction.half_maps import (
    HalfMaps,
    HalfReconstructions,
    fsc_table,
    reconstruct_half_maps,
    write_half_maps,
)
from napari_conformix.reconstruction.reconstructor import Reconstructor

__all__ = [
    "Field",
    "FieldGrid",
    "GatherWarp",
    "HalfMaps",
    "HalfReconstructions",
    "Reconstructor",
    "ScatterWarp",
    "Warp",
    "fsc_table",
    "matter_weight",
    "reconstruct_half_maps",
    "write_half_maps",
]
