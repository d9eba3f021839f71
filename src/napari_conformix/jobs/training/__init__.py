"""Training a job: in this process, in one of its own, and what it would take.

`run` trains here, `launch` elsewhere; `forecast` measures before there is a job.
"""

from napari_conformix.jobs.training import (
    launching,
    running,
)
from napari_conformix.jobs.training.forecast import (
    Forecast,
    Forecaster,
)

__all__ = [
    "Forecast",
    "Forecaster",
    "launching",
    "running",
]
