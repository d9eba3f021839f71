"""How a domain lies in one map compared with another, as rotation and shift with errors.

`RigidFitter` searches and refines; a `RigidMotion` is what it finds.
"""

from napari_conformix.analysis.rigid.motion import SIGMAS, RigidFitter, RigidMotion

__all__ = [
    "SIGMAS",
    "RigidFitter",
    "RigidMotion",
]
