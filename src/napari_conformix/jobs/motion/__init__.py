"""Deformations and rigid bodies of a job's particles, kept while the latents are the newest.

`Deformations` makes them; `measure_domain_motion` follows a masked domain from cluster to cluster.
"""

from napari_conformix.jobs.motion import domains
from napari_conformix.jobs.motion.average_state import AVERAGED_STATES, AverageStates
from napari_conformix.jobs.motion.deformations import Deformations, deformations_of
from napari_conformix.jobs.motion.domains import domains_of, write_body_masks

__all__ = [
    "AVERAGED_STATES",
    "AverageStates",
    "Deformations",
    "deformations_of",
    "domains",
    "domains_of",
    "write_body_masks",
]
