"""The Clusters page: groups of particles and their maps.

The panel imports `ClustersPage`; everything else is the page's own.
"""

from napari_conformix.widgets.clusters import maps_group
from napari_conformix.widgets.clusters.page import ClustersPage

__all__ = [
    "ClustersPage",
    "maps_group",
]
