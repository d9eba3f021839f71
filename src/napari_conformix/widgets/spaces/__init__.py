"""Which latent space view is shown, of which particles, in which colours and of which epoch.

The Explore page shows the groups, the dock the panel.
"""

from napari_conformix.widgets.spaces.axes import column_groups
from napari_conformix.widgets.spaces.epoch_slider import LookingBack
from napari_conformix.widgets.spaces.group import ViewGroup
from napari_conformix.widgets.spaces.motion_store import MotionStore
from napari_conformix.widgets.spaces.panel import LatentViewPanel

__all__ = [
    "LatentViewPanel",
    "LookingBack",
    "MotionStore",
    "ViewGroup",
    "column_groups",
]
