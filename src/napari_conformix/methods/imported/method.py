"""The method of a job whose latents came from another program.

It is a method in name only, so that its job folder is like any other: it says what it is called,
where its latents came from, and that nothing can be trained or decoded. It is never instantiated;
pages and commands ask `has_decoder` before they try.
"""

from abc import ABC
from pathlib import Path
from typing import ClassVar

from napari_conformix.training.contract import Method
from napari_conformix.training.settings import TrainingSettings, setting


class ImportedSettings(TrainingSettings):
    """Where the latents came from; what is shared says how images are read for reconstructions."""

    latents: Path | None = setting(None, "File that the latents were read from")
    columns: tuple[str, ...] = setting((), "Columns of it that hold the latents")
    rows: Path | None = setting(
        None, "File of the rows of the particle file that the latents belong to"
    )


class Imported(Method, ABC):
    """Latents without a model; half 0, as of one model."""

    name: ClassVar[str] = "imported"
    title: ClassVar[str] = "Import (latents, no decoder)"
    Settings: ClassVar[type[TrainingSettings]] = ImportedSettings
    independent_halves: ClassVar[bool] = False
    has_decoder: ClassVar[bool] = False
