"""The Explore page: the latent space view, selections, checks, and images of particles.

The panel imports `ExplorePage`.
"""

from napari_conformix.widgets.explore.page import ExplorePage

__all__ = [
    "ExplorePage",
]
