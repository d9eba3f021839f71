"""Loading what the window needs later, all of it before there is anything to draw.

An import in a thread takes the interpreter from the window again and again. While the window
draws a job for the first time, which lets go of the interpreter at every call of OpenGL, that made
it stand still for seconds; while it waits for a file to be opened nobody notices.
"""

import gc
from functools import lru_cache
from importlib import import_module
from typing import Final

import numpy as np
from napari.layers import Points

from napari_conformix.widgets.session import axes

_PARTS: Final = (
    "skimage.measure",
    "napari_conformix.analysis.spaces",
    "napari_conformix.jobs.job",
    "napari_conformix.training.preflight",
)


def load_parts() -> None:
    """Import torch, the methods, and what opening a job uses. For a worker; fast the next time."""
    from napari_conformix.methods import available_methods, method_class

    for part in _PARTS:
        import_module(part)
    for name in available_methods():
        method_class(name)
    # napari reads the definitions of all units when the first layer that has some is added.
    Points(np.zeros((1, 3)), units=axes.UNITS)
    _settle()


@lru_cache(maxsize=1)
def _settle() -> None:
    """What is loaded by now stays. Python's search for cycles would go through all of it again and
    again, and the window stand still for a third of a second every time. Once a process, so that
    windows that come and go are not kept."""
    gc.freeze()
