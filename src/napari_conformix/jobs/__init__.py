"""Job folders: making, training, following, and asking them for results."""

from napari_conformix.jobs.job import Job
from napari_conformix.jobs.run_folder import State
from napari_conformix.jobs.spec import JobSpec
from napari_conformix.training.latent_table import LatentTable

__all__ = ["Job", "JobSpec", "LatentTable", "State"]
