"""Training a job: in this process, in one of its own, and what it would take.

`run` trains here, `launch` elsewhere; `forecast` measures before there is a job.
"""

from napari_conformix.jobs.training import launching, running, trainer
from napari_conformix.jobs.training.forecast import Forecast, Forecaster
from napari_conformix.jobs.training.launching import launch_training
from napari_conformix.jobs.training.running import run_training

__all__ = [
    "Forecast",
    "Forecaster",
    "launch_training",
    "launching",
    "run_training",
    "running",
    "trainer",
]
