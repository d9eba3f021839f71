"""Ways through the latent space of one half: along a component, over a view, through the data.

The functions of `making` make a `LatentPath`; it knows its support by particles.
"""

from napari_conformix.analysis.paths import curves, making
from napari_conformix.analysis.paths.making import PERCENTILES
from napari_conformix.analysis.paths.on_view import (
    along_map,
    axes_of,
    drawn,
    on_map,
    through_points,
)
from napari_conformix.analysis.paths.path import KIND_IN_WORDS, LatentPath, names
from napari_conformix.analysis.paths.steps import STEPS, support_of

__all__ = [
    "KIND_IN_WORDS",
    "PERCENTILES",
    "STEPS",
    "LatentPath",
    "along_map",
    "axes_of",
    "curves",
    "drawn",
    "making",
    "names",
    "on_map",
    "support_of",
    "through_points",
]
