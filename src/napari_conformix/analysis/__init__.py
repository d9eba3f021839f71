"""Looking at what was learnt: embeddings, selections, and which latent a place in a map means.

numpy, scipy and psygnal only at import; UMAP runs in a process of its own.
"""

from napari_conformix.analysis.nearest import NearestLatents, SupportedLatent
from napari_conformix.analysis.polygon import points_in_polygon
from napari_conformix.analysis.projection import Projection, pca
from napari_conformix.analysis.selection import Selection, check_name
from napari_conformix.analysis.selection_history import SelectionHistory
from napari_conformix.analysis.umap_process import (
    UmapHandle,
    UmapParameters,
    UmapProgress,
    cached_umap,
    start_umap,
)

__all__ = [
    "NearestLatents",
    "Projection",
    "Selection",
    "SelectionHistory",
    "SupportedLatent",
    "UmapHandle",
    "UmapParameters",
    "UmapProgress",
    "cached_umap",
    "check_name",
    "pca",
    "points_in_polygon",
    "start_umap",
]
