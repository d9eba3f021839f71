"""Two jobs on the same particles, and two maps of one job.

`match_particles` finds the rows that belong together; the agreements compare what is known of them.
"""

from napari_conformix.analysis.comparison.agreement import (
    GroupAgreement,
    MethodAgreement,
    group_agreement,
    method_agreement,
)
from napari_conformix.analysis.comparison.map_difference import compare_maps, difference
from napari_conformix.analysis.comparison.matching import Matching, match_particles

__all__ = [
    "GroupAgreement",
    "Matching",
    "MethodAgreement",
    "compare_maps",
    "difference",
    "group_agreement",
    "match_particles",
    "method_agreement",
]
