"""The Reconstruct page: a better map from the particles whose motion is known.

The panel imports `ReconstructPage`.
"""

from napari_conformix.widgets.reconstruction.page import ReconstructPage

__all__ = [
    "ReconstructPage",
]
