"""Particles in groups by where they lie in latent space.

`cluster` makes groups; `separation`, `stability`, `purity` and `suggest` say how far to
believe them.
"""

from napari_conformix.analysis.clusters import clustering
from napari_conformix.analysis.clusters.checks import (
    Separation,
    Stability,
    in_words,
    separation,
    stability,
)
from napari_conformix.analysis.clusters.clustering import (
    Clustering,
    Coordinates,
    Covariance,
    How,
    cluster,
    one_thread,
)
from napari_conformix.analysis.clusters.number import Suggestion, suggest
from napari_conformix.analysis.clusters.purity import Purity, label_codes, purity

__all__ = [
    "Clustering",
    "Coordinates",
    "Covariance",
    "How",
    "Purity",
    "Separation",
    "Stability",
    "Suggestion",
    "cluster",
    "clustering",
    "in_words",
    "label_codes",
    "one_thread",
    "purity",
    "separation",
    "stability",
    "suggest",
]
