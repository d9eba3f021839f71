"""Checks of a data set before any work: what its file says, its stacks, and its maps.

`check_data` looks at everything; the checks of single maps are for those who have no particles.
"""

from napari_conformix.particles.checks.data_set import (
    DataCheck,
    check_data,
    check_particles,
    in_order,
)
from napari_conformix.particles.checks.maps import Map, check_maps

__all__ = [
    "DataCheck",
    "Map",
    "check_data",
    "check_maps",
    "check_particles",
    "in_order",
]
