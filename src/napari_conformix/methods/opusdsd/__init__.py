"""OPUS-DSD: composition and motion, decoded as voxel volumes (Luo et al., 2023).

Found by the loop through its entry point; see docs/opusdsd.md.
"""

from typing import TYPE_CHECKING, Any

from napari_conformix.methods.opusdsd.settings import OpusDsdSettings

if TYPE_CHECKING:
    from napari_conformix.methods.opusdsd.method import OpusDsd

__all__ = [
    "SETTINGS",
    "OpusDsd",
    "OpusDsdSettings",
]

#: known before the method itself, which needs torch, is loaded
SETTINGS = {"opusdsd": OpusDsdSettings}


def __getattr__(name: str) -> Any:
    if name == "OpusDsd":
        from napari_conformix.methods.opusdsd.method import OpusDsd

        return OpusDsd
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
