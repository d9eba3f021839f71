"""DynaMight: continuous motion as displacements of Gaussians (Schwab et al., 2024).

Found by the loop through its entry point; see docs/dynamight.md.
"""

from napari_conformix.methods.dynamight.method import DynaMight
from napari_conformix.methods.dynamight.settings import DynaMightSettings

__all__ = [
    "DynaMight",
    "DynaMightSettings",
]
