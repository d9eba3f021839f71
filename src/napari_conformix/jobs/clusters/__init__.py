"""Sets of clusters kept in a job: made, judged, reconstructed.

`ClusterSet` opens one; `make` and `start_clustering` make one, here or in a process of its own.
"""

from napari_conformix.jobs.clusters import clusters
from napari_conformix.jobs.clusters.clusters import (
    ClusterSet,
    Request,
    delete_clusters,
    make_clusters,
    sets_of,
    suggest_clusters,
)
from napari_conformix.jobs.clusters.process import (
    ClusteringHandle,
    ClusteringProgress,
    start_clustering,
)
from napari_conformix.jobs.clusters.reconstructions import (
    agreement,
    differences,
    in_angstrom,
    reconstruct_clusters,
    run_of,
)

__all__ = [
    "ClusterSet",
    "ClusteringHandle",
    "ClusteringProgress",
    "Request",
    "agreement",
    "clusters",
    "delete_clusters",
    "differences",
    "in_angstrom",
    "make_clusters",
    "reconstruct_clusters",
    "run_of",
    "sets_of",
    "start_clustering",
    "suggest_clusters",
]
