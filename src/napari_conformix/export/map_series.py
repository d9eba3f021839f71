"""Maps along a path as a folder that can be moved: a series of MRC files, what they are, and a
script with which ChimeraX plays them.

```
map_001.mrc ...   in the consensus frame, its pixel size and origin; grey values as decoded
consensus.mrc     a copy, as reference
path.json         for each map: latent, support by particles, position; half, epoch, contour
play.cxc          opens and plays them in ChimeraX at one contour
```
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import mrcfile
import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.export import chimerax
from napari_conformix.particles import read_map
from napari_conformix.runs import formats, temporary_name

CONSENSUS, DESCRIPTION, SCRIPT = "consensus.mrc", "path.json", "play.cxc"
_MAPS = "map_*.mrc"


class Path1D(Protocol):
    """What the maps are of; an `analysis.paths.LatentPath` is one."""

    @property
    def latents(self) -> NDArray[np.float32]: ...
    @property
    def half(self) -> int: ...
    @property
    def support(self) -> NDArray[np.int64]: ...
    @property
    def kind(self) -> str: ...
    @property
    def how(self) -> dict[str, Any]: ...
    @property
    def epoch(self) -> int | None: ...
    @property
    def positions(self) -> NDArray[np.float32] | None: ...
    @property
    def axis(self) -> str: ...
    @property
    def unit(self) -> str: ...
    def sentence(self) -> str:
        """What it is and what stands behind it."""


class Decodes(Protocol):
    """What makes the maps; a `jobs.Job` is one."""

    @property
    def spec(self) -> Any: ...
    def latents(self) -> Any:
        """With the epoch of the result."""

    def decode(
        self, z: NDArray[np.float32], half: int | None = None, epoch: int | str | None = None
    ) -> NDArray[np.float32]:
        """A map (z, y, x) on the grid of the consensus of a latent (d,)."""


@dataclass(frozen=True)
class SeriesFiles:
    """What was written."""

    folder: Path
    maps: tuple[Path, ...]
    consensus: Path
    description: Path
    script: Path


def write_series(
    folder: str | Path,
    job: Decodes,
    path: Path1D,
    *,
    contour: float | None = None,
    colour: chimerax.Colour = chimerax.CONFORMATION_COLOUR,
    there_and_back: bool = True,
    frames_per_second: float = 12.0,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> SeriesFiles | None:
    """Decode every step of a path and write the folder; None, and nothing new, when `stop` said so.

    `contour` is in grey values of the consensus; None: the one that the window begins with. The
    files appear together at the end. With `overwrite` a series that is there is replaced; other
    files in the folder stay. UserError when files are there and not `overwrite`, the job has no
    decoder, or the disk is full.
    """
    folder = Path(folder)
    refuse_used(folder, overwrite=overwrite)
    placed = _Placement.of(Path(job.spec.inputs.consensus))
    level = default_contour(placed.array) if contour is None else contour
    count = len(path.latents)
    names = map_names(count)
    epoch = None if path.epoch == job.latents().epoch else path.epoch
    with _beside(folder) as temporary:
        _write_like(temporary / CONSENSUS, placed.array, placed)
        for number, (latent, name) in enumerate(zip(path.latents, names, strict=True), start=1):
            if stop is not None and stop():
                return None
            array = job.decode(latent, half=path.half or None, epoch=epoch)
            _write_like(temporary / name, array, placed)
            if progress is not None:
                progress(number, count)
        described = _description(path, names, level, placed)
        (temporary / DESCRIPTION).write_text(json.dumps(described, indent=1) + "\n")
        words = _words(path)
        series = chimerax.Series(
            CONSENSUS, _MAPS, count, level, colour, there_and_back, frames_per_second, words
        )
        (temporary / SCRIPT).write_text(chimerax.play_script(series))
        _move_in(temporary, folder)
    return SeriesFiles(
        folder,
        tuple(folder / name for name in names),
        *(folder / name for name in (CONSENSUS, DESCRIPTION, SCRIPT)),
    )


def default_contour(consensus: NDArray[np.float32]) -> float:
    """The contour that the window begins with; torch is loaded for it."""
    import torch

    from napari_conformix.imaging import choose_threshold

    return choose_threshold(torch.from_numpy(np.array(consensus, np.float32)))


def refuse_used(folder: Path, *, overwrite: bool) -> None:
    """UserError when a series is to go where one is, or where there is a file of that name."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; give the name of a folder for the maps.")
    there = _series_in(folder)
    if there and not overwrite:
        raise UserError(
            f"{there[0]} exists; choose another folder, or ask to overwrite it (--overwrite)."
        )


def map_names(count: int) -> list[str]:
    """map_001.mrc ...: as many digits as the last one needs, so that names sort as steps do."""
    digits = max(3, len(str(count)))
    return [f"map_{number:0{digits}}.mrc" for number in range(1, count + 1)]


def _series_in(folder: Path) -> list[Path]:
    single = [folder / name for name in (SCRIPT, DESCRIPTION, CONSENSUS)]
    return [*sorted(folder.glob(_MAPS)), *(path for path in single if path.exists())]


@dataclass(frozen=True)
class _Placement:
    """The consensus and where its header puts it."""

    array: NDArray[np.float32]
    pixel_size_angstrom: float
    origin: tuple[float, float, float]
    start: tuple[int, int, int]

    @classmethod
    def of(cls, consensus: Path) -> "_Placement":
        array, pixel_size = read_map(consensus)
        with mrcfile.open(consensus, permissive=True, header_only=True) as mrc:
            origin, header = mrc.header.origin, mrc.header
            first = (int(header.nxstart), int(header.nystart), int(header.nzstart))
            return cls(
                array,
                pixel_size,
                (float(origin.x), float(origin.y), float(origin.z)),
                first if (header.mapc, header.mapr, header.maps) == (1, 2, 3) else (0, 0, 0),
            )


def _write_like(path: Path, array: NDArray[np.float32], placed: _Placement) -> None:
    """A map in the place of the consensus; grey values as they are."""
    if array.shape != placed.array.shape:
        raise ValueError(f"a map of {array.shape} in the frame of {placed.array.shape}")
    try:
        with mrcfile.new(path, overwrite=True) as mrc:
            mrc.set_data(np.asarray(array, np.float32))
            mrc.set_volume()
            mrc.voxel_size = placed.pixel_size_angstrom
            mrc.header.origin = placed.origin
            mrc.nstart = placed.start
    except OSError as error:
        raise UserError(f"Cannot write {path.name}: {error.strerror or error}.") from error


def _description(
    path: Path1D, names: list[str], contour: float, placed: _Placement
) -> dict[str, Any]:
    positions = path.positions
    steps = [
        {
            "map": name,
            "particles_near": int(path.support[i]),
            "supported": bool(path.support[i] > 0),
            "position": None if positions is None else float(positions[i]),
            "latent": [float(value) for value in path.latents[i]],
        }
        for i, name in enumerate(names)
    ]
    return {
        **formats.MAP_SERIES.stamp(),
        "what": path.sentence(),
        "kind": path.kind,
        "how": path.how,
        "half": path.half,
        "epoch": path.epoch,
        "axis": path.axis,
        "unit": path.unit,
        "contour": contour,
        "pixel_size_angstrom": placed.pixel_size_angstrom,
        "box": int(placed.array.shape[0]),
        "steps": steps,
    }


def _words(path: Path1D) -> list[str]:
    """What the script says about the maps."""
    lines = [path.sentence()]
    if path.epoch is not None:
        lines.append(f"Decoded by the model of epoch {path.epoch}.")
    grey = [number for number, near in enumerate(path.support, start=1) if not near]
    if grey:
        numbers = ", ".join(map(str, grey))
        lines.append(f"No particle is near these maps, they are extrapolated: {numbers}.")
    return lines


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A folder next to the wanted one that is removed at the end, whatever happens."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_name(folder)
        temporary.mkdir()
    except OSError as error:
        raise UserError(f"Cannot write to {folder.parent}: {error.strerror}.") from error
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move_in(temporary: Path, folder: Path) -> None:
    """Put whole files into the folder, in place of a series that is there."""
    try:
        folder.mkdir(exist_ok=True)
        for old in _series_in(folder):
            old.unlink()
        for new in sorted(temporary.iterdir()):
            os.replace(new, folder / new.name)
    except OSError as error:
        raise UserError(f"Cannot write to {folder}: {error.strerror or error}.") from error
