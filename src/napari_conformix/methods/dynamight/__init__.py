"""DynaMight: continuous motion as displacements of Gaussians (Schwab et al., 2024).

Found by the loop through its entry point; see docs/dynamight.md.
"""

from typing import TYPE_CHECKING, Any

from napari_conformix.methods.dynamight.settings import DynaMightSettings

if TYPE_CHECKING:
    from napari_conformix.methods.dynamight.method import DynaMight

__all__ = [
    "SETTINGS",
    "DynaMight",
    "DynaMightSettings",
]

#: known before the method itself, which needs torch, is loaded
SETTINGS = {"dynamight": DynaMightSettings}


def __getattr__(name: str) -> Any:
    if name == "DynaMight":
        from napari_conformix.methods.dynamight.method import DynaMight

        return DynaMight
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
