"""Checks of a job's latents, kept in its folder, and the report that puts everything together.

`heterogeneity` and `invariance` compute or read a check; `analyse` does all that there is.
"""

from napari_conformix.jobs.checks import (
    checks,
)
from napari_conformix.jobs.checks.analyzing import (
    analyse,
)
from napari_conformix.jobs.checks.checks import (
    doubt,
    kept_heterogeneity,
)

__all__ = [
    "analyse",
    "checks",
    "doubt",
    "kept_heterogeneity",
]
