"""Job folders: making, training, following, and asking them for results."""

from napari_conformix.jobs.job import Job, State
from napari_conformix.jobs.spec import JobSpec

__all__ = ["Job", "JobSpec", "State"]
