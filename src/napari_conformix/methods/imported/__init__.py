"""Latents that another program made: what a job is where there is no model to train or decode.

It cannot be chosen for training.
"""

from typing import TYPE_CHECKING, Any

from napari_conformix.methods.imported.settings import ImportedSettings

if TYPE_CHECKING:
    from napari_conformix.methods.imported.method import Imported

__all__ = [
    "SETTINGS",
    "Imported",
    "ImportedSettings",
]

#: known before the method itself, which needs torch, is loaded
SETTINGS = {"imported": ImportedSettings}


def __getattr__(name: str) -> Any:
    if name == "Imported":
        from napari_conformix.methods.imported.method import Imported

        return Imported
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
