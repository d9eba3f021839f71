"""What was found, in lines for a terminal and as a page.

`Report` holds it; the tables and plots are used by other pages as well.
"""

from napari_conformix.analysis.report import plots
from napari_conformix.analysis.report.pages import page
from napari_conformix.analysis.report.plots import (
    LINE_COLOURS,
    Place,
    amounts,
    drawing,
    new_figure,
    places,
    saved,
)
from napari_conformix.analysis.report.report import Curve, Report, Unjudged
from napari_conformix.analysis.report.tables import Cluster, latent_uncertainty

__all__ = [
    "LINE_COLOURS",
    "Cluster",
    "Curve",
    "Place",
    "Report",
    "Unjudged",
    "amounts",
    "drawing",
    "latent_uncertainty",
    "new_figure",
    "page",
    "places",
    "plots",
    "saved",
]
