"""The energy landscape of particles in two coordinates: density, minima, barriers, their errors.

`landscape` makes one; `between_minima` finds the path of least energy; `figure` draws it.
"""

from napari_conformix.analysis.landscape.energy_path import EnergyPath, between_minima
from napari_conformix.analysis.landscape.figure import figure
from napari_conformix.analysis.landscape.landscape import Landscape, contours, landscape
from napari_conformix.analysis.landscape.states import Minimum
from napari_conformix.analysis.landscape.words import BLURRED, DISAGREE, cautions

__all__ = [
    "BLURRED",
    "DISAGREE",
    "EnergyPath",
    "Landscape",
    "Minimum",
    "between_minima",
    "cautions",
    "contours",
    "figure",
    "landscape",
]
