"""`clusters.json` and `clusters.npz`: what a set of clusters is and how it was made."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_conformix.analysis.clusters import Clustering, Coordinates, Covariance, How
from napari_conformix.errors import UserError
from napari_conformix.runs import atomic_npz, atomic_write, formats
from napari_conformix.version import __version__

RECORD = "clusters.json"
ARRAYS = "clusters.npz"


class ClusterRecord(BaseModel):
    """Everything about a set of clusters that is no array. Lists have an entry a cluster."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = formats.CLUSTERS.version
    program_version: str = __version__
    created: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    how: How
    asked: int = Field(description="number of clusters asked for")
    seed: int
    epoch: int = Field(description="of the latents")
    model_epoch: int = Field(description="of the model that decoded the maps")
    coordinates: Coordinates
    covariance: Covariance | None = None
    fitted: int = Field(description="particles that the centres were found from")
    representative_halves: list[int] = Field(
        description="whose model decoded each map: 1 or 2; 0 for a method with one model"
    )
    half_counts: list[tuple[int, int]] = Field(description="particles of half 1 and half 2")
    held_out: list[float] = Field(description="share of particles held out of training")
    maps: list[str] = Field(default=[], description="files in the folder; empty without maps")
    stability: list[float] | None = Field(
        None, description="adjusted Rand index between clusters of random halves, a repeat each"
    )
    stability_by_chance: float | None = Field(None, description="of a cloud without groups")
    density: list[list[float | None]] | None = Field(
        None, description="between clusters, relative to that within; see `Separation.density`"
    )
    gap: list[list[bool]] | None = Field(None, description="whether it is a gap")
    truth: str | None = Field(None, description="where known labels came from")

    def save(self, folder: Path) -> None:
        """Write `clusters.json`, all or nothing."""
        atomic_write(folder / RECORD, (self.model_dump_json(indent=1) + "\n").encode())

    @classmethod
    def load(cls, folder: Path) -> "ClusterRecord":
        """Read it; UserError says what is wrong."""
        path = folder / RECORD
        try:
            return cls.model_validate(formats.CLUSTERS.read_json(path.read_bytes(), path))
        except FileNotFoundError as error:
            raise UserError(f"{folder} holds no clusters: it has no {RECORD}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise UserError(
                f"{path} cannot be read ({where + ': ' if where else ''}{first['msg']}); make the "
                "clusters again."
            ) from error
        except ValueError as error:
            raise UserError(f"{path} cannot be read ({error}); make the clusters again.") from error


def save_arrays(folder: Path, clustering: Clustering, truth: NDArray[np.str_] | None) -> None:
    """Write `clusters.npz`, all or nothing; `truth` (N,) known labels as text."""
    arrays: dict[str, NDArray[Any]] = {
        "labels": clustering.labels,
        "centres": clustering.centres,
        "representatives": clustering.representatives,
        "counts": clustering.counts,
    }
    if clustering.probability is not None:
        arrays["probability"] = clustering.probability
    if truth is not None:
        arrays["truth"] = truth
    atomic_npz(folder / ARRAYS, **arrays)


def load_arrays(folder: Path, record: ClusterRecord) -> tuple[Clustering, NDArray[np.str_] | None]:
    """The clusters and the known labels (N,) as text, if there are any."""
    path = folder / ARRAYS
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        clustering = Clustering(
            labels=arrays["labels"],
            centres=arrays["centres"],
            representatives=arrays["representatives"],
            counts=arrays["counts"],
            probability=arrays.get("probability"),
            how=record.how,
            seed=record.seed,
            asked=record.asked,
            fitted=record.fitted,
            epoch=record.epoch,
            coordinates=record.coordinates,
            covariance=record.covariance,
        )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read ({error}); make the clusters again.") from error
    return clustering, arrays.get("truth")
