"""The Train page: choose, train, watch.

The panel imports `TrainPage`.
"""

from napari_conformix.widgets.training.page import TrainPage

__all__ = [
    "TrainPage",
]
