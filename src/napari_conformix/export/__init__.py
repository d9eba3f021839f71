"""Subsets of particles and deformations for other programs."""

from napari_conformix.export.subsets import export_subset

__all__ = ["export_subset"]
