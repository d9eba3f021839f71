"""Commands about particles: selecting, grouping, judging, comparing, pictures.

The functions register themselves with the application.
"""

from napari_conformix.cli.particles import (
    analyzing,
    clusters,
    compare,
    domain_motion,
    domains,
    exporting,
    pictures,
    selecting,
)

__all__ = [
    "analyzing",
    "clusters",
    "compare",
    "domain_motion",
    "domains",
    "exporting",
    "pictures",
    "selecting",
]
