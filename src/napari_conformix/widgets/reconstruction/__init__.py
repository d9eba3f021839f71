"""The Reconstruct page: a better map from the particles whose motion is known.

The panel imports `ReconstructPage`; the Clusters page uses its worker parts.
"""

from napari_conformix.widgets.reconstruction.layers import (
    SIDE_BY_SIDE_ZOOM,
    Drawn,
    ReconstructionLayers,
)
from napari_conformix.widgets.reconstruction.page import ReconstructPage
from napari_conformix.widgets.reconstruction.progress import ReconstructionProgress
from napari_conformix.widgets.reconstruction.result import family

__all__ = [
    "SIDE_BY_SIDE_ZOOM",
    "Drawn",
    "ReconstructPage",
    "ReconstructionLayers",
    "ReconstructionProgress",
    "family",
]
