"""Selections on the Explore page: found, named, saved, exported.

`SelectionGroup` and `SelectionTable` are what a page shows.
"""

from napari_conformix.widgets.selections.finder import SelectionFinder
from napari_conformix.widgets.selections.group import ACTIONS, SelectionGroup
from napari_conformix.widgets.selections.subset_job import SubsetJobDialog

__all__ = [
    "ACTIONS",
    "SelectionFinder",
    "SelectionGroup",
    "SubsetJobDialog",
]
