"""From images in stacks to batches in memory: where images wait, their order, and reading ahead.

`TrainingData` makes batches; `plan` says which rows are in them; nothing here knows a method.
"""

from napari_conformix.training.batches import sources
from napari_conformix.training.batches.data import Batches, TrainingData
from napari_conformix.training.batches.normalise import outside_circle
from napari_conformix.training.batches.plan import (
    Rows,
    Task,
    cut,
    encoding_tasks,
    epoch_seed,
    epoch_tasks,
    first_pass_tasks,
    make_sampler,
    validation_tasks,
)
from napari_conformix.training.batches.prefetch import prefetched

__all__ = [
    "Batches",
    "Rows",
    "Task",
    "TrainingData",
    "cut",
    "encoding_tasks",
    "epoch_seed",
    "epoch_tasks",
    "first_pass_tasks",
    "make_sampler",
    "outside_circle",
    "prefetched",
    "sources",
    "validation_tasks",
]
