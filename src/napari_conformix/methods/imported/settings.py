"""Settings of jobs whose latents another program made."""

from pathlib import Path

from napari_conformix.training.settings import TrainingSettings, setting


class ImportedSettings(TrainingSettings):
    """Where the latents came from; what is shared says how images are read for reconstructions."""

    latents: Path | None = setting(None, "File that the latents were read from")
    columns: tuple[str, ...] = setting((), "Columns of it that hold the latents")
    rows: Path | None = setting(
        None, "File of the rows of the particle file that the latents belong to"
    )
