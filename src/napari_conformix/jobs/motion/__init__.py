"""Deformations and rigid bodies of a job's particles, kept while the latents are the newest.

`Deformations` makes them; `measure_domain_motion` follows a masked domain from cluster to cluster.
"""

from napari_conformix.jobs.motion import domains
from napari_conformix.jobs.motion.average_state import AVERAGED_STATES, AverageStates
from napari_conformix.jobs.motion.deformations import Deformations, deformations_of
from napari_conformix.jobs.motion.domains import domains_of, write_body_masks
from napari_conformix.jobs.rigid.domain_motion import (
    DomainMotion,
    measure_domain_motion,
    measured,
    read_mask,
)
from napari_conformix.jobs.rigid.masks import FOLDER, masks_of, save_mask

__all__ = [
    "AVERAGED_STATES",
    "FOLDER",
    "AverageStates",
    "Deformations",
    "DomainMotion",
    "deformations_of",
    "domains",
    "domains_of",
    "masks_of",
    "measure_domain_motion",
    "measured",
    "read_mask",
    "save_mask",
    "write_body_masks",
]
