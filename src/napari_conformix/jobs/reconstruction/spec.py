"""`reconstruction.toml`: what to reconstruct. Written once, with every setting's value."""

import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_conformix.errors import UserError
from napari_conformix.jobs.folder import in_sentences
from napari_conformix.runs import atomic_write, formats
from napari_conformix.version import __version__

SPEC = "reconstruction.toml"


class ReconstructionSettings(BaseModel):
    """What can be chosen of a reconstruction."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    warp: Literal["gather", "inverse"] = Field(
        "gather",
        description="gather: read every image where each voxel's matter went (exact). inverse: the "
        "paper's, which puts grey values back by a learnt inverse of the deformation",
    )
    steady: bool = Field(
        True,
        description="hold displacements back where the models of the two halves do not agree on "
        "them, so that a resting part is not blurred (gather only)",
    )
    coarsening: Annotated[int, Field(ge=1, le=8)] = Field(
        2, description="the displacement field is evaluated at every n-th voxel"
    )
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    mask: Path | None = Field(
        None, description="for the FSC; else the job's mask; else one is made around the map"
    )
    local_resolution: bool = Field(True, description="make a map of local resolution")
    local_threshold: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5, description="FSC at which local resolution is read off"
    )
    local_window_angstrom: Annotated[float, Field(ge=0)] = Field(
        0.0, description="diameter of the window of local resolution; 0: chosen by the resolution"
    )
    save_seconds: Annotated[float, Field(gt=0)] = Field(
        180.0, description="the sums are saved this often, to go on from after a kill"
    )


class ReconstructionSpec(BaseModel):
    """The contents of `reconstruction.toml`; `rows.npy` next to it holds the particles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = formats.RECONSTRUCTION.version
    program_version: str = __version__
    created: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    job: Path = Field(description="the job folder, from this one where it lies inside")
    name: str
    selection: str | None = None
    deformed: bool
    epoch: int | None = Field(None, description="whose model and latents deform")
    settings: ReconstructionSettings = ReconstructionSettings()

    def write(self, path: str | Path) -> None:
        """Write as TOML, all or nothing; values that are not set are left out."""
        plain = self.model_dump(mode="json", exclude_none=True)
        plain["created"] = self.created
        atomic_write(path, tomli_w.dumps(plain).encode())

    @classmethod
    def read(cls, folder: Path) -> "ReconstructionSpec":
        """Read the one of a folder; UserError says what is wrong with which key."""
        path = folder / SPEC
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            return cls.model_validate(formats.RECONSTRUCTION.read(values, path))
        except FileNotFoundError as error:
            raise UserError(
                f"{folder} is not a reconstruction: it has no {SPEC}. Make one with "
                "`conformix reconstruct`."
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{path} is not valid TOML: {error}.") from error
        except ValidationError as error:
            raise UserError(f"{path}: {in_sentences(error, cls)}") from error

    def job_folder(self, folder: Path) -> Path:
        """The job folder, as seen from the reconstruction's."""
        return Path(os.path.normpath(folder / self.job))


def path_to_job(job: Path, folder: Path) -> Path:
    """How `reconstruction.toml` names the job: relative within it, so that a job can be moved."""
    return Path(os.path.relpath(job, folder)) if folder.is_relative_to(job) else job
