"""The method of a job whose latents came from another program.

It is a method in name only, so that its job folder is like any other: it says what it is called,
where its latents came from, and that nothing can be trained or decoded. It is never instantiated;
pages and commands ask `has_decoder` before they try.
"""

from abc import ABC
from typing import ClassVar

from napari_conformix.methods.imported.settings import ImportedSettings
from napari_conformix.training.contract import Method
from napari_conformix.training.settings import TrainingSettings


class Imported(Method[ImportedSettings], ABC):
    """Latents without a model; half 0, as of one model."""

    name: ClassVar[str] = "imported"
    title: ClassVar[str] = "Import (latents, no decoder)"
    Settings: ClassVar[type[TrainingSettings]] = ImportedSettings
    independent_halves: ClassVar[bool] = False
    has_decoder: ClassVar[bool] = False
