"""OPUS-DSD: structural disentanglement of composition and motion, decoded as voxel volumes."""

from napari_conformix.methods.opusdsd.method import OpusDsd

__all__ = ["OpusDsd"]
