"""Coordinates of particles: latents, components, motions, UMAP, and any column of their file.

`Space` holds coordinates, a view shows two of them, `NearestLatents` leads from a place to
a latent.
"""

from napari_conformix.analysis.spaces import particle_values, spaces, umap_process, views
from napari_conformix.analysis.spaces.alignment import Alignment, align
from napari_conformix.analysis.spaces.column_units import unit_of
from napari_conformix.analysis.spaces.particle_values import (
    NEEDS_MOTIONS,
    Quantity,
    quantities,
    quantity,
)
from napari_conformix.analysis.spaces.projection import pca
from napari_conformix.analysis.spaces.spaces import COLUMNS, Space, has_motion, in_angstrom
from napari_conformix.analysis.spaces.support import DataSupport, nearest_of, support
from napari_conformix.analysis.spaces.umap_process import (
    KeptUmap,
    UmapHandle,
    UmapParameters,
    cached_umap,
    kept_umaps,
    start_umap,
)
from napari_conformix.analysis.spaces.views import LatentView, Past, Show, Spot

__all__ = [
    "COLUMNS",
    "NEEDS_MOTIONS",
    "Alignment",
    "DataSupport",
    "KeptUmap",
    "LatentView",
    "Past",
    "Quantity",
    "Show",
    "Space",
    "Spot",
    "UmapHandle",
    "UmapParameters",
    "align",
    "cached_umap",
    "has_motion",
    "in_angstrom",
    "kept_umaps",
    "nearest_of",
    "particle_values",
    "pca",
    "quantities",
    "quantity",
    "spaces",
    "start_umap",
    "support",
    "umap_process",
    "unit_of",
    "views",
]
