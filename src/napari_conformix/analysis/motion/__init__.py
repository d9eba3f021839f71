"""Displacement fields and what they say: deformations with errors, the motion of every particle,
the verdict on motion, rigid bodies.

Everything takes a `Method`; `Fields` makes the fields, `judge` the verdict.
"""

from napari_conformix.analysis.motion import fields
from napari_conformix.analysis.motion.body_masks import body_masks
from napari_conformix.analysis.motion.confounders import imaging_conditions
from napari_conformix.analysis.motion.deformation import Deformation, well_spread
from napari_conformix.analysis.motion.domains import (
    MOST_BODIES,
    Domains,
    find_domains,
    with_agreement,
    with_caution,
)
from napari_conformix.analysis.motion.fields import Fields
from napari_conformix.analysis.motion.image_noise import shared_noise
from napari_conformix.analysis.motion.superposition import resting_core
from napari_conformix.analysis.motion.table import MotionTable, motion_table
from napari_conformix.analysis.motion.verdict import FOLLOWS, Verdict, judge, one_model, too_few

__all__ = [
    "FOLLOWS",
    "MOST_BODIES",
    "Deformation",
    "Domains",
    "Fields",
    "MotionTable",
    "Verdict",
    "body_masks",
    "fields",
    "find_domains",
    "imaging_conditions",
    "judge",
    "motion_table",
    "one_model",
    "resting_core",
    "shared_noise",
    "too_few",
    "well_spread",
    "with_agreement",
    "with_caution",
]
