"""What was found, in lines for a terminal and as a page.

`Report` holds it; the tables and plots are used by other pages as well.
"""

from napari_conformix.analysis.report import svg_plots
from napari_conformix.analysis.report.report import Curve, Report, Unjudged
from napari_conformix.analysis.report.svg_plots import (
    Place,
    hex_colour,
    places,
    stroke,
    text_at,
    ticks,
)
from napari_conformix.analysis.report.tables import Cluster, latent_uncertainty

__all__ = [
    "Cluster",
    "Curve",
    "Place",
    "Report",
    "Unjudged",
    "hex_colour",
    "latent_uncertainty",
    "places",
    "stroke",
    "svg_plots",
    "text_at",
    "ticks",
]
