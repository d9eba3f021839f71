"""Which particles train which half, and which are held out for validation.

The split is made once, saved in the job folder and reloaded on resume. It is never computed
again: two halves that exchange particles are no longer independent, and nobody would notice.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError
from napari_conformix.runs import atomic_npz, formats


@dataclass(frozen=True)
class Split:
    """half (N,) int8 in {1, 2}; validation (N,) bool; made_halves: the file had no half sets.

    images: digest of which image each row is, see `ParticleSet.images_digest`; empty when unknown.
    """

    half: NDArray[np.int8]
    validation: NDArray[np.bool_]
    made_halves: bool
    images: str = ""

    def __len__(self) -> int:
        return len(self.half)

    def rows(self, half: int, subset: str) -> NDArray[np.int64]:
        """Rows of a half that are trained on, or held out.

        Parameters
        ----------
        half : int
            1 or 2; 0 means both.
        subset : str
            'train' or 'validation'.

        Returns
        -------
        numpy.ndarray
            (n,) int64, sorted.
        """
        chosen = self.validation if subset == "validation" else ~self.validation
        if half != 0:
            chosen = chosen & (self.half == half)
        return np.flatnonzero(chosen)

    def save(self, path: str | Path) -> None:
        """Write the split as .npz, whole or not at all.

        Parameters
        ----------
        path : str or pathlib.Path
            Of the file.
        """
        atomic_npz(
            path,
            **formats.SPLIT.array_stamp(),
            half=self.half,
            validation=self.validation,
            made_halves=np.array(self.made_halves),
            images=np.array(self.images),
        )

    @classmethod
    def load(cls, path: str | Path) -> "Split":
        """Read a split written by :meth:`save`.

        Parameters
        ----------
        path : str or pathlib.Path
            Of the file.

        Returns
        -------
        Split
            With `images` empty where the file is of an early version.
        """
        with np.load(path, allow_pickle=False) as file:
            data = formats.SPLIT.read(file, path)
            images = str(data["images"]) if "images" in data else ""
            return cls(data["half"], data["validation"], bool(data["made_halves"]), images)

    def refuse_other_particles(self, count: int, images: str, source: Path) -> None:
        """Refuse a particle file that no longer holds, row by row, what was split.

        Parameters
        ----------
        count : int
            Particles of the file now.
        images : str
            Digest of which image each row is now, see `ParticleSet.images_digest`.
        source : pathlib.Path
            The file, for the message.

        Raises
        ------
        UserError
            If their number, the images or their order have changed.
        """
        if len(self) != count:
            raise UserError(
                f"{source} has {count} particles now, but the job was begun with {len(self)}. "
                "Restore the file, or make a new job."
            )
        if self.images and self.images != images:
            raise UserError(
                f"The rows of {source} are other images, or in another order, than when the job "
                "was begun: half sets, latents and selections go by row. Restore the file, or "
                "make a new job."
            )


def make_split(
    half_column: NDArray[np.integer],
    *,
    independent_halves: bool,
    validation_fraction: float,
    seed: int,
    images: NDArray[np.integer] | None = None,
) -> Split:
    """Split particles into half sets and hold out a part of each.

    Parameters
    ----------
    half_column : numpy.ndarray
        (N,) integer, rlnRandomSubset: 1 and 2, or 0 everywhere when the file has no half sets.
    independent_halves : bool
        Whether the method trains one model a half. With one model, a file with particles of one
        half set alone is tolerated; with two, each half must hold at least two images.
    validation_fraction : float
        Share held out of each half, at least one image a half.
    seed : int
        Decides made half sets and the held-out particles.
    images : numpy.ndarray, optional
        (N,) integer: which image each row shows; rows of one image (symmetry expansion) stay
        together, since a copy of a training image is not held out. None: every row has its own.

    Returns
    -------
    Split
        Without the digest of the images.

    Raises
    ------
    UserError
        If half sets are partly missing, or too small for independent halves.
    """
    half_column = np.asarray(half_column)
    known = np.isin(half_column, (1, 2))
    made_halves = not known.any()
    image = np.arange(len(known)) if images is None else _by_first_row(images)
    random = np.random.default_rng([seed, 0x5917])
    if made_halves:
        half = _random_halves(int(image.max(initial=-1)) + 1, random)[image]
    elif not known.all():
        row = int(np.flatnonzero(~known)[0])
        raise UserError(
            f"rlnRandomSubset is {half_column[row]} in row {row + 1} of the particle file (and in "
            f"{np.count_nonzero(~known)} rows in all); it must be 1 or 2 everywhere. Correct the "
            "column, or remove it to have the particles split at random."
        )
    else:
        half = half_column.astype(np.int8)
    of_half = {h: np.unique(image[half == h]) for h in (1, 2)}  # the images of each half
    counts = [len(of_half[h]) for h in (1, 2)]
    if independent_halves and min(counts) < 2:
        raise UserError(
            f"The half sets have {counts[0]} and {counts[1]} particles; each needs at least 2 "
            "(one to train, one to validate). Choose a file with both half sets."
        )
    validation = np.zeros(len(half), dtype=bool)
    for h, count in zip((1, 2), counts, strict=True):
        held_out = min(count - 1, max(1, round(count * validation_fraction))) if count else 0
        validation |= np.isin(image, random.choice(of_half[h], size=held_out, replace=False))
    return Split(half, validation, made_halves)


def _random_halves(count: int, random: np.random.Generator) -> NDArray[np.int8]:
    """Equal halves (to one particle) in random order."""
    half = np.ones(count, dtype=np.int8)
    half[random.permutation(count)[: count // 2]] = 2
    return half


def _by_first_row(images: NDArray[np.integer]) -> NDArray[np.int64]:
    """(N,) numbers of images from 0, in the order of their first rows."""
    _, first, number = np.unique(images, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number]
