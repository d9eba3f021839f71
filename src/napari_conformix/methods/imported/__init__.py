"""Latents that another program made: what a job is where there is no model to train or decode.

It cannot be chosen for training.
"""

from napari_conformix.methods.imported.settings import ImportedSettings

__all__ = [
    "ImportedSettings",
]
