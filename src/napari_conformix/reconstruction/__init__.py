"""Back-projection with CTF weighting, half maps and their FSC."""

from napari_conformix.reconstruction.half_maps import (
    HalfMaps,
    fsc_table,
    reconstruct_half_maps,
    write_half_maps,
)
from napari_conformix.reconstruction.reconstructor import Reconstructor

__all__ = ["HalfMaps", "Reconstructor", "fsc_table", "reconstruct_half_maps", "write_half_maps"]
