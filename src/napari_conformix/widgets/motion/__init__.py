"""The Deformation page: how a particle is deformed, and how far to believe it.

The panel imports `DeformationPage`.
"""

from napari_conformix.widgets.motion import source_group
from napari_conformix.widgets.motion.page import DeformationPage

__all__ = [
    "DeformationPage",
    "source_group",
]
