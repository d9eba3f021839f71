"""The landscape of a view: its states and barriers, drawn on the view and as a table.

The Paths page shows `LandscapeGroup`.
"""

from napari_conformix.widgets.landscape.group import LandscapeGroup

__all__ = [
    "LandscapeGroup",
]
