"""Selecting particles of a job without a window, doing it again in another job, and training on
them.

Every way to select returns the rows with the record of how they were found.
"""

from napari_conformix.jobs.selections import ways
from napari_conformix.jobs.selections.replay import Replayed, replay_selection, same_particles
from napari_conformix.jobs.selections.saved import (
    delete_selection,
    export_selection,
    load_selection,
    save_selection,
    selections_of,
)
from napari_conformix.jobs.selections.subset_job import train_on
from napari_conformix.jobs.selections.ways import (
    Found,
    by_motion,
    in_range,
    make_selection,
    values_of,
)

__all__ = [
    "Found",
    "Replayed",
    "by_motion",
    "delete_selection",
    "export_selection",
    "in_range",
    "load_selection",
    "make_selection",
    "replay_selection",
    "same_particles",
    "save_selection",
    "selections_of",
    "train_on",
    "values_of",
    "ways",
]
