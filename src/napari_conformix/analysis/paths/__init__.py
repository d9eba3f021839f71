"""Ways through the latent space of one half: along a component, over a view, through the data.

The functions of `making` make a `LatentPath`; it knows its support by particles.
"""

from napari_conformix.analysis.paths import curves, making
from napari_conformix.analysis.paths.making import PERCENTILES
from napari_conformix.analysis.paths.on_view import (
    along_view,
    axes_of,
    drawn,
    place_on_view,
    through_points,
)
from napari_conformix.analysis.paths.path import KIND_IN_WORDS, LatentPath, names
from napari_conformix.analysis.paths.steps import STEPS, support_of

__all__ = [
    "KIND_IN_WORDS",
    "PERCENTILES",
    "STEPS",
    "LatentPath",
    "along_view",
    "axes_of",
    "curves",
    "drawn",
    "making",
    "names",
    "place_on_view",
    "support_of",
    "through_points",
]
