"""Files of cryoDRGN: latents (z.N.pkl, umap.pkl) and indices of particles (ind.pkl).

They are pickles of numpy arrays. They are read without unpickling (see `plain_pickle`), and may as
well be .npy files. cryoDRGN 4 writes into z.N.pkl two pickles, the means and the logarithms of the
variances; an index holds rows of the particle file, counted from 0.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.errors import UserError
from napari_conformix.particles.latents.plain_pickle import NotPlainError, read_pickled
from napari_conformix.runs import whole_file

#: how .npy files begin
NPY_MAGIC = b"\x93NUMPY"

Floats = NDArray[np.float32]


def read_z(path: str | Path) -> Floats:
    """Latents of cryoDRGN or any table of numbers in a .pkl or .npy file -> (N, d) float32.

    A plain list (N,) becomes (N, 1). Nothing in the file is run. Errors: UserError when it holds
    anything but one array of numbers.
    """
    path = Path(path)
    return as_table(_first(path), path)


def read_z_spread(path: str | Path) -> Floats | None:
    """Standard deviations (N, d) of the latents, where z.N.pkl holds logarithms of variances behind
    the latents; None where it does not."""
    path = Path(path)
    if _is_npy(path):
        return None
    try:
        values = read_pickled(path, most=2)
    except NotPlainError:
        return None  # the first array was readable: read_z says so where it is not
    if len(values) < 2 or np.shape(values[0]) != np.shape(values[1]):
        return None
    with np.errstate(over="ignore"):
        spread: Floats = np.exp(0.5 * as_table(values[1], path, finite=False))
    return spread


def as_table(value: Any, path: Path, *, finite: bool = True) -> Floats:
    """A value of a file as (N, d) float32, with a sentence where it is none."""
    array = _numbers(value, path)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape:
        raise UserError(
            f"{path} holds an array of {' x '.join(map(str, array.shape)) or 'no size'}; latents "
            "are a table with one row a particle: N x d."
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


def read_indices(path: str | Path) -> NDArray[np.int64]:
    """Rows of a particle file (n,) from 0, in the order of the file, of a .pkl (as cryoDRGN's
    `--ind` takes it) or .npy file; a mask of True and False is taken as the rows that are True.

    Errors: UserError when it holds anything but whole numbers from 0.
    """
    path = Path(path)
    array = _numbers(_first(path), path)
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    if array.ndim != 1:
        raise UserError(
            f"{path} holds an array of {' x '.join(map(str, array.shape)) or 'no size'}; an index "
            "is a list of rows."
        )
    if array.dtype == bool:
        return np.flatnonzero(array).astype(np.int64)
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    rows = array.astype(np.int64, copy=False) if array.dtype.kind in "iu" else _whole(array, path)
    if rows.min() < 0:
        raise UserError(f"{path} holds the row {rows.min()}; rows are counted from 0.")
    return rows


def write_indices(path: str | Path, rows: ArrayLike) -> Path:
    """Write rows (n,), counted from 0, as the .pkl that cryoDRGN reads (`--ind`, `filter_star`).

    An int64 array in pickle protocol 3 under the module names of numpy 1, which numpy 2 knows too:
    a file written under the names of numpy 2 cannot be opened by numpy before 1.26.
    """
    path = Path(path)
    array = np.ascontiguousarray(rows, dtype=np.int64)
    data = pickle.dumps(array, protocol=3)
    data = data.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1)
    with whole_file(path) as temporary:
        temporary.write_bytes(data)
    return path


def _first(path: Path) -> Any:
    """The first array of a .pkl or .npy file, whatever its name says."""
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    if _is_npy(path):
        return read_npy(path)
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04":
        raise UserError(
            f"{path} is an archive (.npz, or written by torch.save), no pickle of an array. Save "
            "the latents alone: numpy.save('z.npy', z), with z.numpy() of a tensor."
        )
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


def _is_npy(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(NPY_MAGIC)) == NPY_MAGIC


def _numbers(value: Any, path: Path) -> NDArray[Any]:
    """An array of numbers, or a list of numbers as one."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise UserError(
            f"{path} does not hold an array of numbers; save the latents alone, one row a "
            "particle: numpy.save('z.npy', z)."
        )
    return array


def _whole(array: NDArray[Any], path: Path) -> NDArray[np.int64]:
    whole = np.isfinite(array) & (array == np.round(array))
    if not whole.all():
        at = int(np.flatnonzero(~whole)[0])
        raise UserError(
            f"{path} holds {array[at]} at place {at + 1}, which is no row of a particle file; an "
            "index is a list of whole numbers from 0."
        )
    return array.astype(np.int64)
