"""The Data page: files, what is in them, and what is wrong with them.

The panel imports `DataPage`.
"""

from napari_conformix.widgets.data.page import DataPage

__all__ = [
    "DataPage",
]
