"""A second latent space view next to the first: of the same job or of another one.

The panel and the Explore page import what they show of it.
"""

from napari_conformix.widgets.second_view import dock
from napari_conformix.widgets.second_view.group import CompareGroup
from napari_conformix.widgets.second_view.linked_view import LinkedViewGroup

__all__ = [
    "CompareGroup",
    "LinkedViewGroup",
    "dock",
]
