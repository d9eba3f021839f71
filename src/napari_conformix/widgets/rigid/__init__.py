"""The motion of a domain between clusters: its mask, painted or chosen, the fits, and their plot.

The Clusters page shows `DomainMotionGroup`.
"""

from napari_conformix.widgets.rigid.motion_group import DomainMotionGroup

__all__ = [
    "DomainMotionGroup",
]
