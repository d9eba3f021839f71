"""The Paths page: ways through the latent space, played as a moving molecule.

The panel imports `PathsPage`.
"""

from napari_conformix.widgets.paths.page import PathsPage
from napari_conformix.widgets.paths.player import PathPlayer

__all__ = [
    "PathPlayer",
    "PathsPage",
]
