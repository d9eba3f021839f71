"""`latents.npz`: what is known of every particle's conformation. Needs no torch to read."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.runs import atomic_npz, formats


@dataclass(frozen=True)
class LatentTable:
    """Row i is row i of the particle file.

    mean, std         (N, d) float32: from the encoder of the particle's own half; std is NaN in
                      tables of earlier epochs, of which it is not kept
    half              (N,) int8: the half whose model the latent belongs to, 1 or 2; 0 everywhere
                      for methods with one model (the half sets of its particles are in the split)
    validation        (N,) bool: held out of training
    epoch             the epoch that these are from
    motion            (N, k) float32: coordinates that mean the same in both halves, or None
    motion_unit       'A' when a distance in `motion` is an RMS displacement
    motion_variance   (k,) share of the variance of the features that each coordinate holds
    validation_rows   (v,) int64; mean_half1, mean_half2 (v, d): what either half's encoder says
                      of the held-out particles; None for methods with one model
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    half: NDArray[np.int8]
    validation: NDArray[np.bool_]
    epoch: int
    motion: NDArray[np.float32] | None = None
    motion_unit: str = ""
    motion_variance: NDArray[np.float32] | None = None
    validation_rows: NDArray[np.int64] | None = None
    mean_half1: NDArray[np.float32] | None = None
    mean_half2: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.mean)

    def save(self, path: str | Path) -> None:
        """Write all arrays that are there, all or nothing.

        Parameters
        ----------
        path : str or pathlib.Path
            Of the .npz file.
        """
        present = {name: value for name, value in vars(self).items() if value is not None}
        arrays = {name: np.asarray(value) for name, value in present.items()}
        atomic_npz(path, **formats.LATENTS.array_stamp(), **arrays)

    @staticmethod
    def epoch_of(path: str | Path) -> int | None:
        """The epoch of a table, without reading the rest.

        Parameters
        ----------
        path : str or pathlib.Path
            Of the .npz file.

        Returns
        -------
        int or None
            None when it is not there.

        Raises
        ------
        UserError
            If it is damaged.
        """
        if not Path(path).exists():
            return None
        with _reading(path) as data:
            return int(data["epoch"])

    @classmethod
    def load(cls, path: str | Path) -> "LatentTable":
        """Read a table.

        Parameters
        ----------
        path : str or pathlib.Path
            Of the .npz file.

        Returns
        -------
        LatentTable
            With None for what is not in it.

        Raises
        ------
        UserError
            If it is not there yet, or damaged.
        """
        if not Path(path).exists():
            raise UserError(
                f"{path} is not there yet; it is written when an epoch is done: train the job."
            )
        with _reading(path) as data:
            arrays = {name: data[name] for name in data if name in cls.__annotations__}
            arrays["epoch"] = int(arrays["epoch"])
        arrays["motion_unit"] = str(arrays.get("motion_unit", ""))
        return cls(**arrays)


@contextmanager
def _reading(path: str | Path) -> Iterator[formats.Contents]:
    """The arrays of a file; UserError where it is damaged, or of a later version."""
    try:
        with np.load(path, allow_pickle=False) as data:
            yield formats.LATENTS.read(data, path)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({error}): it is damaged, or was not copied whole."
        ) from error
