"""Files of cryoDRGN: latents (z.N.pkl, umap.pkl) and indices of particles (ind.pkl).

They are pickles of numpy arrays. They are read without unpickling (see `plain_pickle`), and may as
well be .npy files. cryoDRGN 4 writes into z.N.pkl two pickles, the means and the logarithms of the
variances; an index holds rows of the particle file, counted from 0.
"""

import pickle
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from napari_conformix.particles.latents.numbers import Floats, as_table, first_array, is_npy
from napari_conformix.particles.latents.plain_pickle import NotPlainError, read_pickled
from napari_conformix.runs import whole_file


def read_z(path: str | Path) -> Floats:
    """Latents of cryoDRGN or any table of numbers in a .pkl or .npy file -> (N, d) float32.

    A plain list (N,) becomes (N, 1). Nothing in the file is run. Errors: UserError when it holds
    anything but one array of numbers.
    """
    path = Path(path)
    return as_table(first_array(path), path)


def read_z_spread(path: str | Path) -> Floats | None:
    """Standard deviations (N, d) of the latents, where z.N.pkl holds logarithms of variances behind
    the latents; None where it does not."""
    path = Path(path)
    if is_npy(path):
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
