"""OPUS-DSD: composition and motion, decoded as voxel volumes (Luo et al., 2023).

Found by the loop through its entry point; see docs/opusdsd.md.
"""

from napari_conformix.methods.opusdsd.method import OpusDsd
from napari_conformix.methods.opusdsd.settings import OpusDsdSettings

__all__ = [
    "OpusDsd",
    "OpusDsdSettings",
]
