"""Colours of particles, arrows and clusters, what they mean, and their legend.

Pages choose from `colour choices` and show a `Legend`; nothing here knows a page.
"""

from napari_conformix.widgets.colours import choices, clusters, colouring, motion
from napari_conformix.widgets.colours.choices import CLUSTERS, CURRENT, Choice, Known, Painters
from napari_conformix.widgets.colours.clusters import RGB, by_cluster, cluster_colour, hex_of
from napari_conformix.widgets.colours.colouring import (
    HIGHLIGHT,
    OTHERS,
    PLAIN,
    Colouring,
    Legend,
    palette,
)
from napari_conformix.widgets.colours.legend import LegendBar
from napari_conformix.widgets.colours.legend_painting import (
    number_text,
    paint_gradient,
    paint_wheels,
    wheels_height,
)
from napari_conformix.widgets.colours.motion import Parts

__all__ = [
    "CLUSTERS",
    "CURRENT",
    "HIGHLIGHT",
    "OTHERS",
    "PLAIN",
    "RGB",
    "Choice",
    "Colouring",
    "Known",
    "Legend",
    "LegendBar",
    "Painters",
    "Parts",
    "by_cluster",
    "choices",
    "cluster_colour",
    "clusters",
    "colouring",
    "hex_of",
    "motion",
    "number_text",
    "paint_gradient",
    "paint_wheels",
    "palette",
    "wheels_height",
]
