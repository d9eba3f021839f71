"""UMAP in a process of its own: start it, follow it, cancel it, read its result.

Importing umap takes seconds and its first fit compiles for half a minute, so it never runs in the
window's process. The result is kept with a key made from the latents themselves and the
parameters, and is not computed twice.
"""

import hashlib
import json
import os
import sys
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.runs import (
    WorkerProcess,
    WorkerProgress,
    atomic_npz,
    formats,
    remove_leftovers_of,
)


@dataclass(frozen=True)
class UmapParameters:
    """What to embed and how.

    array       which array of the latents file: 'motion' means the same in both halves, 'mean' is
                each half's own
    half        embed only this half set; None takes every particle
    neighbours  UMAP's n_neighbors
    min_dist    UMAP's min_dist
    fit_rows    above this many particles UMAP is fitted to a random subset, the rest placed into it
                by UMAP's own transform
    seed        of the subset and of UMAP
    repeatable  the same numbers at every run; UMAP computes them with one thread, and else with all
    """

    array: str = "mean"
    half: int | None = None
    neighbours: int = 15
    min_dist: float = 0.1
    fit_rows: int = 200_000
    seed: int = 1
    repeatable: bool = True

    def __post_init__(self) -> None:
        if self.neighbours < 2:
            raise UserError(f"UMAP needs at least 2 neighbours, not {self.neighbours}.")
        if not 0 <= self.min_dist <= 1:
            raise UserError(f"UMAP's min_dist must be between 0 and 1, not {self.min_dist}.")
        if self.fit_rows <= self.neighbours:
            raise UserError(
                f"UMAP must be fitted to more particles ({self.fit_rows}) than it has neighbours "
                f"({self.neighbours})."
            )

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def name(self) -> str:
        """'motion_n15_d0.1': of its file; what is left at its default is left out."""
        plain = UmapParameters()
        half = f"_half{self.half}" if self.half else ""
        parts = [f"{self.array}{half}", f"n{self.neighbours}", f"d{self.min_dist:g}"]
        if self.fit_rows != plain.fit_rows:
            parts.append(f"f{self.fit_rows}")
        if self.seed != plain.seed:
            parts.append(f"s{self.seed}")
        return "_".join(parts if self.repeatable else [*parts, "fast"])

    def sentence(self, particles: int | None = None) -> str:
        """'15 neighbours, minimum distance 0.1', and what else is not as usual."""
        text = f"{self.neighbours} neighbours, minimum distance {self.min_dist:g}"
        if particles is not None and particles > self.fit_rows:
            text += f", fitted to {self.fit_rows:,} of {particles:,} particles"
        return text if self.repeatable else f"{text}, not exactly repeatable"


@dataclass(frozen=True)
class KeptUmap:
    """A UMAP in a job folder, and the parameters that it was made with."""

    path: Path
    parameters: UmapParameters

    @property
    def name(self) -> str:
        """Of its file."""
        return self.path.stem


#: stages between 'starting' and the end: 'loading', 'fitting', 'placing'
UmapProgress = WorkerProgress


def read_rows(latents_path: Path | str, parameters: UmapParameters) -> npt.NDArray[np.float32]:
    """(N, d) float32 to embed; rows that take no part are NaN."""
    try:
        with np.load(latents_path, allow_pickle=False) as file:
            if parameters.array not in file:
                raise UserError(
                    f"{latents_path} has no array '{parameters.array}'; it has "
                    f"{', '.join(file.files)}."
                )
            values = np.array(file[parameters.array], np.float32)
            if parameters.half is not None:
                values[file["half"] != parameters.half] = np.nan
    except FileNotFoundError as error:
        raise UserError(f"There is no latents file {latents_path}; train first.") from error
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError) as error:
        raise UserError(f"The latents file {latents_path} cannot be read ({error}).") from error
    if values.ndim != 2:
        raise UserError(f"'{parameters.array}' of {latents_path} is not a table of latents.")
    return values


def cache_key(values: npt.NDArray[np.float32], parameters: UmapParameters) -> str:
    """Hash of what the result depends on: the numbers embedded and the parameters."""
    digest = hashlib.sha256(np.ascontiguousarray(values).data)
    digest.update(f"{values.shape} {parameters.to_json()}".encode())
    return digest.hexdigest()


def write_result(
    path: Path, embedding: npt.NDArray[np.float32], key: str, parameters: UmapParameters
) -> None:
    """Write `embedding` (N, 2), its key and parameters; the file appears complete or not at all."""
    arrays = {
        **formats.UMAP.array_stamp(),
        "embedding": embedding,
        "key": np.array(key),
        "parameters": np.array(parameters.to_json()),
    }
    atomic_npz(path, **arrays)


def kept_umaps(folder: Path | str) -> list[KeptUmap]:
    """The UMAPs in a folder by name; files that are damaged, of a later version or of another kind
    are left out."""
    found = []
    for path in sorted(Path(folder).glob("*.npz")):
        try:
            with np.load(path, allow_pickle=False) as file:
                told = json.loads(str(formats.UMAP.read(file, path)["parameters"]))
            found.append(KeptUmap(path, UmapParameters(**told)))
        except (OSError, zipfile.BadZipFile, ValueError, KeyError, EOFError, TypeError, UserError):
            continue
    return found


def cached_umap(
    latents_path: Path | str, out: Path | str, parameters: UmapParameters | None = None
) -> npt.NDArray[np.float32] | None:
    """(N, 2) if `out` holds the UMAP of these latents with these parameters, else None.

    Reads and hashes the latents (0.1 s for a million particles): not for the window's own thread.
    """
    out = Path(out)
    if not out.exists():
        return None
    parameters = parameters or UmapParameters()
    stored = _read_result(out)
    if stored is None or stored[1] != cache_key(read_rows(latents_path, parameters), parameters):
        return None
    return stored[0]


def _read_result(path: Path) -> tuple[npt.NDArray[np.float32], str] | None:
    """The embedding and its key; None for a file that is damaged (it is computed again). UserError
    for one of a later version."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = formats.UMAP.read(file, path)
            return arrays["embedding"], str(arrays["key"])
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, EOFError):
        return None


class UmapHandle(WorkerProcess):
    """A running worker. `poll` never blocks."""

    def __init__(self, command: list[str], out: Path, *, all_cores: bool = False) -> None:
        self.out = out
        cores = os.cpu_count() or 2
        threads = str(cores if all_cores else max(1, cores - 1))
        super().__init__(command, "UMAP", environment={"NUMBA_NUM_THREADS": threads})

    def result(self) -> npt.NDArray[np.float32]:
        """(N, 2) float32, NaN for rows that took no part; UserError unless finished."""
        progress = self.poll()
        stored = _read_result(self.out) if progress.stage == "finished" else None
        if stored is None:
            raise UserError(progress.message or f"UMAP is not finished ({progress.stage}).")
        return stored[0]

    def cancel(self) -> None:
        """End the worker; nothing half-written stays behind."""
        super().cancel()
        if self._cancelled:
            remove_leftovers_of(self.out)


def start_umap(
    latents_path: Path | str,
    out: Path | str,
    params: UmapParameters | dict[str, Any] | None = None,
) -> UmapHandle:
    """Compute the UMAP of a latents file in another process; returns at once.

    Parameters
    ----------
    latents_path: `latents.npz` of a job; it may be replaced while the worker runs.
    out: npz with `embedding` (N, 2) float32 and `key`. If it already holds this UMAP the worker
        says so and ends.
    params: :class:`UmapParameters` or its fields.
    """
    parameters = params if isinstance(params, UmapParameters) else UmapParameters(**(params or {}))
    out = Path(out).absolute()
    command = [sys.executable, "-m", "napari_conformix.analysis.spaces.umap_worker"]
    command += ["--input", str(Path(latents_path).absolute()), "--output", str(out)]
    command += ["--parameters", parameters.to_json()]
    return UmapHandle(command, out, all_cores=not parameters.repeatable)
