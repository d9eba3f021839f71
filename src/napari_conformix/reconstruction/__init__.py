"""Back-projection, plain or with every particle's deformation undone: half maps, local resolution.

`Reconstructor` is one map, `HalfReconstructions` two; a job's reconstruction is in `jobs`.
"""

from napari_conformix.reconstruction.deformed import Field, GatherWarp, ScatterWarp, Warp
from napari_conformix.reconstruction.field_grid import (
    FADE_ANGSTROM,
    REACH_ANGSTROM,
    FieldGrid,
    matter_weight,
)
from napari_conformix.reconstruction.half_maps import (
    HalfMaps,
    HalfReconstructions,
    fsc_table,
    reconstruct_half_maps,
    refuse_other_box,
    write_half_maps,
)
from napari_conformix.reconstruction.inverse import InverseNetwork, inverse_residual, train_inverse
from napari_conformix.reconstruction.inversion import jacobian_determinants
from napari_conformix.reconstruction.local_resolution import default_window, local_resolution
from napari_conformix.reconstruction.reconstructor import Reconstructor

__all__ = [
    "FADE_ANGSTROM",
    "REACH_ANGSTROM",
    "Field",
    "FieldGrid",
    "GatherWarp",
    "HalfMaps",
    "HalfReconstructions",
    "InverseNetwork",
    "Reconstructor",
    "ScatterWarp",
    "Warp",
    "default_window",
    "fsc_table",
    "inverse_residual",
    "jacobian_determinants",
    "local_resolution",
    "matter_weight",
    "reconstruct_half_maps",
    "refuse_other_box",
    "train_inverse",
    "write_half_maps",
]
