"""Deformations and rigid bodies of a job's particles, kept while the latents are the newest.

`Deformations` makes them; `measure` follows a masked domain from cluster to cluster.
"""

from napari_conformix.jobs.motion import (
    domains,
)
from napari_conformix.jobs.motion.average_state import (
    AVERAGED_STATES,
    AverageStates,
)
from napari_conformix.jobs.motion.deformations import (
    Deformations,
)
from napari_conformix.jobs.motion.domain_motion import (
    DomainMotion,
    measure,
    measured,
    read_mask,
)
from napari_conformix.jobs.motion.domains import (
    write_masks,
)
from napari_conformix.jobs.motion.masks import (
    FOLDER,
    masks_of,
    save_mask,
)

__all__ = [
    "AVERAGED_STATES",
    "FOLDER",
    "AverageStates",
    "Deformations",
    "DomainMotion",
    "domains",
    "masks_of",
    "measure",
    "measured",
    "read_mask",
    "save_mask",
    "write_masks",
]
