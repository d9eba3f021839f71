"""Latents that another program made: what a job is where there is no model to train or decode.

It cannot be chosen for training.
"""

from napari_conformix.methods.imported.method import Imported, ImportedSettings

__all__ = [
    "Imported",
    "ImportedSettings",
]
