"""`job.toml`: what to do. Written once; every setting with its value."""

import difflib
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_conformix.errors import UserError
from napari_conformix.runs import atomic_write, formats
from napari_conformix.training.settings import TrainingSettings
from napari_conformix.version import __version__

if TYPE_CHECKING:
    from napari_conformix.training.contract import Frame


class Inputs(BaseModel):
    """Absolute paths of what the job works on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    particles: Path
    passthrough: Path | None = None
    datadir: Path | None = None
    consensus: Path | None = None
    mask: Path | None = None


class Grids(BaseModel):
    """The grids of the run (see `contract.Frame`), decided when the job was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    box: int = Field(gt=0)
    pixel_size_angstrom: float = Field(gt=0)
    working_box: int = Field(gt=0)
    working_pixel_size_angstrom: float = Field(gt=0)

    def frame(self) -> "Frame":
        """The same as the training loop knows it."""
        from napari_conformix.training.contract import Frame

        return Frame(**self.model_dump())


class JobSpec(BaseModel):
    """The contents of `job.toml`.

    `settings` is kept as plain values, so that a job can be looked at without loading its method;
    :meth:`validated_settings` makes the method's own model of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = formats.JOB.version
    program_version: str = __version__
    created: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    method: str
    inputs: Inputs
    grids: Grids
    settings: dict[str, Any]

    def write(self, path: str | Path) -> None:
        """Write as TOML, all or nothing; values that are not set are left out."""
        plain = self.model_dump(mode="json", exclude_none=True)
        # pydantic leaves what is in a plain dictionary alone
        plain["settings"] = {k: v for k, v in plain["settings"].items() if v is not None}
        plain["created"] = self.created
        atomic_write(path, tomli_w.dumps(plain).encode())

    @classmethod
    def read(cls, path: str | Path) -> "JobSpec":
        """Read `job.toml`; UserError says what is wrong with which key."""
        path = Path(path)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise UserError(
                f"{path.parent} is not a job folder: it has no {path.name}. Make a job with "
                "`conformix new`."
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{path} is not valid TOML: {error}.") from error
        # before anything else: the keys of a later version are not unknown, but of that version
        current = formats.JOB.read(values, path)
        try:
            return cls.model_validate(current)
        except ValidationError as error:
            raise UserError(f"{path}: {in_sentences(error, cls)}") from error

    def validated_settings(self) -> TrainingSettings:
        """The settings as the method's model."""
        from napari_conformix.methods import settings_model

        return validate_settings(settings_model(self.method), self.settings)


def validate_settings(model: type[TrainingSettings], values: dict[str, Any]) -> TrainingSettings:
    """`values` as settings of a method; UserError names every wrong key and why."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(in_sentences(error, model, prefix="Setting ")) from error


def in_sentences(error: ValidationError, model: type[BaseModel], prefix: str = "") -> str:
    """What pydantic found, one sentence a key, with the nearest known name for unknown keys."""
    sentences = []
    for problem in error.errors(include_url=False):
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, model.model_fields, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            sentences.append(f"{prefix}{key!r} is not known{hint}")
        elif problem["type"] == "missing":
            sentences.append(f"{prefix}{key!r} is missing.")
        else:
            reason = problem["msg"][0].lower() + problem["msg"][1:]
            sentences.append(f"{prefix}{key!r} is {problem['input']!r}: {reason}.")
    return " ".join(sentences)
