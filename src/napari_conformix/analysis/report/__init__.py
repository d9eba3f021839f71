"""What was found, in lines for a terminal and as a page.

`Report` holds it; the tables and plots are used by other pages as well.
"""

from napari_conformix.analysis.report.report import Curve, Report, Unjudged
from napari_conformix.analysis.report.tables import Cluster, latent_uncertainty

__all__ = [
    "Cluster",
    "Curve",
    "Report",
    "Unjudged",
    "latent_uncertainty",
]
