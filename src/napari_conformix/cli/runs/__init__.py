"""Commands that make, run and watch: jobs, training, reconstruction, import.

The functions register themselves with the application; others import the ways to name a job.
"""

from napari_conformix.cli.runs import importing, reconstructing, training
from napari_conformix.cli.runs.curves import memory
from napari_conformix.cli.runs.progress import show_run
from napari_conformix.cli.runs.training import JobFolder

__all__ = [
    "JobFolder",
    "importing",
    "memory",
    "reconstructing",
    "show_run",
    "training",
]
