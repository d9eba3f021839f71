"""A deformation for other programs: arrows for ChimeraX (BILD) and a table.

ChimeraX places a map written by this program (origin 0 in its header) with the centre of voxel
(0, 0, 0) at the origin, so a position from the map's centre, index N // 2, is shifted by
(N // 2) pixels: arrows lie on the map.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_conformix.colour_scale import colours
from napari_conformix.errors import UserError
from napari_conformix.runs import whole_file

#: A; a shorter arrow cannot be drawn
SHORTEST_ARROW = 1e-3
#: A; radius of an arrow's shaft, and of its head relative to that
SHAFT, HEAD = 0.4, 2.5
#: share of an arrow's length that is shaft
SHAFT_SHARE = 0.7
#: how much of what is behind an error sphere is seen
SPHERE_TRANSPARENCY = 0.7
TABLE_COLUMNS = ("x", "y", "z", "dx", "dy", "dz", "error")


class Displaced(Protocol):
    """What is drawn; an `analysis.deformation.Deformation` is one.

    begins, displacement (p, 3) and error (p,) or None are in A, from the centre of the map.
    """

    @property
    def begins(self) -> npt.NDArray[np.floating]: ...
    @property
    def displacement(self) -> npt.NDArray[np.floating]: ...
    @property
    def error(self) -> npt.NDArray[np.floating] | None: ...
    @property
    def error_source(self) -> str: ...
    @property
    def label(self) -> str: ...
    def sentence(self) -> str:
        """Whether it can be believed."""


def write_bild(
    deformation: Displaced,
    path: str | Path,
    *,
    box: int,
    pixel_size_angstrom: float,
    sentence: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Arrows from where the displacement begins (the consensus, or the first of two states) to
    where it ends, coloured by their length, with a transparent sphere at each end whose radius is
    the error there (no sphere without an error).

    `box` and `pixel_size_angstrom` are those of the maps to show them with; `sentence` takes the
    place of the deformation's own, which for a few well-spread arrows would not be that of the
    molecule. UserError when `path` exists and `overwrite` is False, or does not end with .bild.
    """
    path = _checked(path, ".bild", overwrite)
    corner = (box // 2) * pixel_size_angstrom
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        said = deformation.sentence() if sentence is None else sentence
        file.writelines(line + "\n" for line in _bild_lines(deformation, corner, said))
    return path


def write_arrow_table(deformation: Displaced, path: str | Path, *, overwrite: bool = False) -> Path:
    """A CSV table with the columns x, y, z (from the centre of the map), dx, dy, dz and error, all
    in A; `error` is empty when it is not known. Lines that begin with # say what it is.

    UserError when `path` exists and `overwrite` is False, or does not end with .csv.
    """
    path = _checked(path, ".csv", overwrite)
    error = deformation.error
    with whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        file.write(f"# {_one_line(deformation.label)}\n")
        file.write("# Angstrom, from the centre of the map (voxel N // 2); error: ")
        file.write(f"{deformation.error_source}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TABLE_COLUMNS)
        for i, (place, move) in enumerate(
            zip(deformation.begins, deformation.displacement, strict=True)
        ):
            values = [f"{value:.4f}" for value in (*place, *move)]
            writer.writerow([*values, "" if error is None else f"{error[i]:.4f}"])
    return path


def _bild_lines(deformation: Displaced, corner: float, sentence: str) -> Iterator[str]:
    amount = np.linalg.norm(deformation.displacement, axis=1)
    longest = float(amount.max())
    error = deformation.error
    yield f".comment {_one_line(sentence)}"
    yield (
        ".comment Arrows: from where matter was to where it moves, in Angstrom, in the frame of "
        "the map. Colour: dark blue is 0 A, "
        f"yellow is {longest:.2f} A."
    )
    if error is not None:
        yield f".comment Radius of a sphere: the error there ({deformation.error_source})."
    start = deformation.begins.astype(np.float64) + corner
    end = start + deformation.displacement
    drawn = np.flatnonzero(amount > SHORTEST_ARROW)
    colour = colours(amount / longest if longest > 0 else amount)
    for i in drawn:
        yield ".color " + _numbers(colour[i])
        yield f".arrow {_numbers(start[i])} {_numbers(end[i])} {SHAFT} {SHAFT * HEAD} {SHAFT_SHARE}"
    if error is None:
        return
    yield f".transparency {SPHERE_TRANSPARENCY}"
    for i in np.flatnonzero(error > SHORTEST_ARROW):
        yield ".color " + _numbers(colour[i])
        yield f".sphere {_numbers(end[i])} {error[i]:.3f}"


def _numbers(values: npt.NDArray[np.floating]) -> str:
    return " ".join(f"{value:.3f}" for value in values)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _checked(path: str | Path, suffix: str, overwrite: bool) -> Path:
    path = Path(path)
    if path.suffix.lower() != suffix:
        raise UserError(f"{path.name} must end with {suffix}.")
    if not path.parent.is_dir():
        raise UserError(f"The folder {path.parent} is not there; make it first.")
    if path.exists() and not overwrite:
        raise UserError(
            f"{path} exists; choose another name, or ask to overwrite it (--overwrite)."
        )
    return path
