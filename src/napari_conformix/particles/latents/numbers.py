"""Files of numbers for particles: .npy, .pkl (read without unpickling), or text.

What there is in a file (:func:`first_array`, :func:`text_lines`), and what it is read as: a table
of latents, rows of a particle file, labels. In text, numbers lie between spaces, tabs or commas,
and what follows a # is passed over.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.particles.latents.plain_pickle import read_pickled

#: how .npy files begin
NPY_MAGIC = b"\x93NUMPY"
#: files that hold an array; any other is text
ARRAY_SUFFIXES = (".npy", ".pkl")

Floats = NDArray[np.float32]


# -- what they are read as -------------------------------------------------------------------------


def read_table(path: str | Path, *, flat: Literal["column", "row"] = "column") -> Floats:
    """A table of numbers.

    Parameters
    ----------
    path
        .npy, .pkl, or text with a line a row, the first of which may be names.
    flat
        What an array (n,) without rows is: a column (n, 1), or a row (1, n).

    Returns
    -------
    (N, d) float32
        May hold NaN.

    Raises
    ------
    UserError
        When the file holds no such table, or an infinite number.
    """
    path = Path(path)
    if path.suffix.lower() not in ARRAY_SUFFIXES:
        return as_table(_text_table(path), path)
    array = as_numbers(first_array(path), path)
    return as_table(array[None] if array.ndim == 1 and flat == "row" else array, path)


def read_indices(path: str | Path, total: int | None = None) -> NDArray[np.int64]:
    """Rows of a particle file, counted from 0, in the order of the file.

    Parameters
    ----------
    path
        .npy, .pkl (as cryoDRGN's `--ind` takes it) or text; a mask of True and False in the first
        two is taken as the rows that are True.
    total
        Number of particles that the rows are of, where it is known.

    Returns
    -------
    (n,) int64

    Raises
    ------
    UserError
        When the file holds anything but whole numbers from 0, or is of another number of particles
        than `total`.
    """
    path = Path(path)
    is_array = path.suffix.lower() in ARRAY_SUFFIXES
    array = as_numbers(first_array(path), path) if is_array else _text_indices(path)
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    if array.ndim != 1:
        raise UserError(f"{path} holds an array of {_size(array)}; an index is a list of rows.")
    if array.dtype == bool:
        if total is not None and len(array) != total:
            raise UserError(f"{path} has the shape {array.shape}; the job has {total} particles.")
        return np.flatnonzero(array).astype(np.int64)
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    rows = array.astype(np.int64, copy=False) if array.dtype.kind in "iu" else _whole(array, path)
    if rows.min() < 0:
        raise UserError(f"{path} holds the row {rows.min()}; rows are counted from 0.")
    if total is not None and rows.max() >= total:
        raise UserError(
            f"{path} has row {rows[rows >= total][0]} outside the {total:,} particles of the file "
            "(rows count from 0); was it made for another particle file?"
        )
    return rows


def read_labels(path: str | Path) -> NDArray[Any]:
    """Labels of particles: an array of any values (.npy) or of numbers (.pkl), or the words (n,) of
    a text file. UserError when it cannot be read."""
    path = Path(path)
    if path.suffix.lower() in ARRAY_SUFFIXES:
        return np.asarray(first_array(path))
    words = [word for _, line in text_lines(path) for word in line]
    return np.array(words) if words else np.empty(0, dtype="<U1")


def as_table(value: Any, path: Path, *, finite: bool = True) -> Floats:
    """A value of a file as (N, d) float32, a list (N,) as (N, 1), with a sentence where it is none.

    `finite` refuses infinite numbers; NaN may stand for what is missing.
    """
    array = as_numbers(value, path)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape:
        raise UserError(
            f"{path} holds an array of {_size(array)}; latents are a table with one row a "
            "particle: N x d."
        )
    with np.errstate(over="ignore"):
        table = np.ascontiguousarray(array, dtype=np.float32)
    if finite and np.isinf(table).any():
        row, column = np.argwhere(np.isinf(table))[0]
        raise UserError(
            f"{path} holds an infinite number or one beyond 32 bits in row {row + 1}, column "
            f"{column + 1}; a latent must be finite (a row of NaN means a particle without one)."
        )
    return table


def as_numbers(value: Any, path: Path) -> NDArray[Any]:
    """An array of numbers, or a list of numbers as one."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise UserError(
            f"{path} does not hold an array of numbers; save the latents alone, one row a "
            "particle: numpy.save('z.npy', z)."
        )
    return array


# -- what there is ---------------------------------------------------------------------------------


def first_array(path: Path) -> Any:
    """The first array of a .pkl or .npy file, whatever its name says. Nothing in it is run."""
    refuse_missing(path)
    if is_npy(path):
        return read_npy(path)
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04":
        raise UserError(
            f"{path} is an archive (.npz, or written by torch.save), no pickle of an array. Save "
            "the latents alone: numpy.save('z.npy', z), with z.numpy() of a tensor."
        )
    if path.suffix.lower() == ".npy":
        raise UserError(f"{path} cannot be read as .npy: it does not begin as such a file does.")
    return read_pickled(path, most=1)[0]


def read_npy(path: Path) -> NDArray[Any]:
    """An array of a .npy file; never unpickles.

    Mapped first: the shape that the header announces is then held against the size of the file.
    """
    try:
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise UserError(f"{path} cannot be read as .npy: {error}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


def is_npy(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(NPY_MAGIC)) == NPY_MAGIC


def text_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Number (from 1) and words of every line that has any."""
    refuse_missing(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as text: {error}") from error
    words = [line.partition("#")[0].replace(",", " ").split() for line in lines]
    return [(number, line) for number, line in enumerate(words, start=1) if line]


def refuse_missing(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"There is no file {path}.")


def _text_table(path: Path) -> NDArray[np.float64]:
    """The numbers of a text file, as many on every line; a first line of names is passed over."""
    counted = text_lines(path)
    if counted and not any(_is_number(word) for word in counted[0][1]):
        counted = counted[1:]
    if not counted:
        raise UserError(f"{path} holds no numbers.")
    width = len(counted[0][1])
    for number, row in counted:
        wrong = next((word for word in row if not _is_number(word)), None)
        if wrong is not None:
            raise UserError(f"{path}, line {number}: {wrong!r} is not a number.")
        if len(row) != width:
            raise UserError(
                f"{path}, line {number}: there are {len(row)} numbers, where the first line has "
                f"{width}; every particle needs as many."
            )
    return np.array([row for _, row in counted], dtype=np.float64)


def _text_indices(path: Path) -> NDArray[np.int64]:
    """All whole numbers of a text file, (n,)."""
    rows: list[int] = []
    for number, line in text_lines(path):
        try:
            rows += [int(word) for word in line]
        except ValueError as error:
            raise UserError(
                f"{path} cannot be read as a list of rows: line {number}: {error}"
            ) from error
    try:
        return np.array(rows, dtype=np.int64)
    except OverflowError as error:
        raise UserError(f"{path} cannot be read as a list of rows: {error}") from error


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _whole(array: NDArray[Any], path: Path) -> NDArray[np.int64]:
    whole = np.isfinite(array) & (array == np.round(array))
    if not whole.all():
        at = int(np.flatnonzero(~whole)[0])
        raise UserError(
            f"{path} holds {array[at]} at place {at + 1}, which is no row of a particle file; an "
            "index is a list of whole numbers from 0."
        )
    return array.astype(np.int64)


def _size(array: NDArray[Any]) -> str:
    return " x ".join(map(str, array.shape)) or "no size"
