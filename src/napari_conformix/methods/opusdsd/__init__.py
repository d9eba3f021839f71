"""OPUS-DSD: composition and motion, decoded as voxel volumes (Luo et al., 2023)."""

from napari_conformix.methods.opusdsd.method import OpusDsd
from napari_conformix.methods.opusdsd.settings import OpusDsdSettings

__all__ = [
    "OpusDsd",
    "OpusDsdSettings",
]
