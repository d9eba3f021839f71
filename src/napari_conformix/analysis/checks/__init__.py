"""Whether a result can be believed: latents that know how particles were imaged, heterogeneity
beyond noise, and how well projections agree with images.

The questions are asked of held-out images; the answers are sentences with figures.
"""

from napari_conformix.analysis.checks.heterogeneity import Gain, Heterogeneity, heterogeneity
from napari_conformix.analysis.checks.imaging_conditions import (
    Condition,
    imaged,
    powers,
    standardised,
    together,
)
from napari_conformix.analysis.checks.invariance import (
    MOST_PARTICLES,
    Invariance,
    in_percent,
    invariance,
)
from napari_conformix.analysis.checks.picture_agreement import Agreement, agreement, common_scale

__all__ = [
    "MOST_PARTICLES",
    "Agreement",
    "Condition",
    "Gain",
    "Heterogeneity",
    "Invariance",
    "agreement",
    "common_scale",
    "heterogeneity",
    "imaged",
    "in_percent",
    "invariance",
    "powers",
    "standardised",
    "together",
]
