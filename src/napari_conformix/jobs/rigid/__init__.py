"""How a domain turns and shifts from cluster to cluster: its mask, the measurement, what is kept.

`measure_domain_motion` measures; `DomainMotion` is what is kept with the set of clusters.
"""

from napari_conformix.jobs.rigid.domain_motion import (
    DomainMotion,
    measure_domain_motion,
    measured,
    read_mask,
)
from napari_conformix.jobs.rigid.masks import masks_of, save_mask

__all__ = [
    "DomainMotion",
    "masks_of",
    "measure_domain_motion",
    "measured",
    "read_mask",
    "save_mask",
]
