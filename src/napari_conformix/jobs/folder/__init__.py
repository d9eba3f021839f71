"""A job folder: what it was asked to do, its particles, split, latents and models.

`JobFolder` is what every other room of `jobs` works on; `Job` is not known here.
"""

from napari_conformix.jobs.folder import creation, models, rows
from napari_conformix.jobs.folder.creation import unchecked_grids
from napari_conformix.jobs.folder.importing import Source, import_latents
from napari_conformix.jobs.folder.inputs import load_or_make_split, read_inputs
from napari_conformix.jobs.folder.job_folder import JobFolder
from napari_conformix.jobs.folder.labels import known_labels
from napari_conformix.jobs.folder.models import half_of, load_method, refuse_without_decoder
from napari_conformix.jobs.folder.rows import export_rows, full_size_batches, image_batches
from napari_conformix.jobs.folder.spec import Inputs, JobSpec, in_sentences, validate_settings

__all__ = [
    "Inputs",
    "JobFolder",
    "JobSpec",
    "Source",
    "creation",
    "export_rows",
    "full_size_batches",
    "half_of",
    "image_batches",
    "import_latents",
    "in_sentences",
    "known_labels",
    "load_method",
    "load_or_make_split",
    "models",
    "read_inputs",
    "refuse_without_decoder",
    "rows",
    "unchecked_grids",
    "validate_settings",
]
