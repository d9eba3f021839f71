"""Which particle of one file is which particle of another.

Two methods are seldom trained on the very same file: one has a subset, another order, a copy of
the stacks in another folder, cryoSPARC's numbering, or every image several times (symmetry
expansion). What stays is the image: its number within a stack of some name, or cryoSPARC's uid.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.particles import CsTable, ParticleSet

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.int64] | npt.NDArray[np.uint64]
Tidy = Callable[[Path], str]

#: cryoSPARC puts a long number before the names of stacks that it imports
_IMPORTED: Final = re.compile(r"^\d{12,}_")
#: columns of places in a micrograph, and from which distance on they are not one particle's, even
#: where it was centred again: pixels, and shares of the micrograph
_PLACES: Final = (
    (("rlnCoordinateX", "rlnCoordinateY"), 50.0),
    (("location/center_x_frac", "location/center_y_frac"), 0.015),
)
#: share of particles at other places that is let pass
_FEW: Final = 0.01
#: poses of the same particles that differ by more than this (median) are worth a word
_FAR_DEGREES: Final = 20.0
#: pairs of poses that are compared at a time
_CHUNK: Final = 2_000_000


@dataclass(frozen=True, eq=False)
class Matching:
    """Rows of two particle files, `this` (N) and `other` (M), that show the same image.

    to_other   (N,) row of the other file, -1 where it has no such image
    to_this    (M,) row of this file, -1 where it has no such image
    how        what they were matched by: 'uid' or 'image name'
    copies     most rows that one image has in this and in the other file
    pose_difference_degrees   median angle between the poses of matched rows; NaN without poses
    caution    a sentence when the matched rows may not be the same particles after all
    """

    to_other: Rows
    to_this: Rows
    how: str
    copies: tuple[int, int] = (1, 1)
    pose_difference_degrees: float = float("nan")
    caution: str = ""

    @property
    def count(self) -> int:
        """Rows of this file that are in the other."""
        return int(np.count_nonzero(self.to_other >= 0))

    @property
    def identical(self) -> bool:
        """Whether row i of one file is row i of the other."""
        return len(self.to_other) == len(self.to_this) and bool(
            (self.to_other == np.arange(len(self.to_other))).all()
        )

    def reverse(self) -> "Matching":
        """The same seen from the other file."""
        return replace(self, to_other=self.to_this, to_this=self.to_other, copies=self.copies[::-1])

    def others_of(self, mask: Mask) -> Mask:
        """(N,) rows of this file -> (M,) all rows of the other that show one of their images."""
        return _carried(mask, self.to_other, self.to_this)

    def these_of(self, mask: Mask) -> Mask:
        """(M,) rows of the other file -> (N,) all rows of this one that show their images."""
        return _carried(mask, self.to_this, self.to_other)

    def sentence(self) -> str:
        """How many particles are in both, and what to know of the two files."""
        here, there = len(self.to_other), len(self.to_this)
        if self.identical:
            words = [f"All {here:,} particles are in both, in the same order."]
        else:
            share = "All" if self.count == here else f"{self.count:,} of"
            words = [f"{share} {here:,} particles are in both."]
            extra = int(np.count_nonzero(self.to_this < 0))
            if extra:
                words.append(f"The other file has {extra:,} more of its {there:,}.")
            shared = self.to_other[self.to_other >= 0]
            if self.copies == (1, 1) and (np.diff(shared) < 0).any():
                words.append("The rows are in another order.")
        files = [f for f, k in zip(("this", "the other"), self.copies, strict=True) if k > 1]
        if files:
            words.append(
                f"Images have up to {max(self.copies)} rows in {' and in '.join(files)} file, as "
                "symmetry expansion makes them; rows of one image with the nearest poses belong "
                "together."
            )
        if self.caution:
            words.append(self.caution)
        return " ".join(words)


def match_particles(this: ParticleSet, other: ParticleSet) -> Matching:
    """Which row of `other` is which row of `this`; a million rows take a second or two.

    Rows are matched by cryoSPARC's uid where both files have it, else by the number of the image
    and the name of its stack: without its folder where that is clear, with as much of it as is
    needed where stacks of one file have the same name, and without the number that cryoSPARC puts
    before imported names. Where one image has several rows in the other file, the row with the
    nearest pose is taken.

    Raises UserError when no image is in both.
    """
    for how, here, there in _candidates(this, other):
        if len(here) == len(there) and np.array_equal(here, there):
            same = np.arange(len(here), dtype=np.int64)
            found = Matching(same, same, how, (_most(here),) * 2)
            return _judged(found, this, other, sure=how == "uid")
        groups = _Groups.of(here, there)
        if groups.shared.any():
            found = Matching(
                groups.rows(this.rotation, other.rotation),
                groups.reverse().rows(other.rotation, this.rotation),
                how,
                (int(groups.here[groups.shared].max()), int(groups.there[groups.shared].max())),
            )
            return _judged(found, this, other, sure=how == "uid")
    raise UserError(
        f"No particle of {this.source.path} is in {other.source.path}: the images are others (for "
        f"example {_example(this)} in the first file, {_example(other)} in the second). Compare "
        "jobs that were made from the same extracted particles."
    )


def _carried(mask: Mask, there: Rows, back: Rows) -> Mask:
    """A mask of one file for the other, whichever of the two has copies of an image."""
    carried = (back >= 0) & mask[back]
    rows = there[mask]
    carried[rows[rows >= 0]] = True
    return np.asarray(carried)


# -- what tells a particle ------------------------------------------------------------------------


def _candidates(this: ParticleSet, other: ParticleSet) -> Iterable[tuple[str, Keys, Keys]]:
    """Keys of both files' rows, the surest first."""
    for mine, theirs in product(("uid", "sym_expand/src_uid"), repeat=2):
        own, others = _cryosparc(this, mine), _cryosparc(other, theirs)
        if own is not None and others is not None:
            yield "uid", own, others
    for tidy in (_stem, _without_import_number):
        here, there = _by_image(this, other, tidy=tidy)
        yield "image name", here, there


def _cryosparc(particles: ParticleSet, field: str) -> npt.NDArray[np.uint64] | None:
    """(n,) a whole-number field of a .cs file, exactly; None where there is none."""
    table = particles.source.table
    if not isinstance(table, CsTable) or field not in table:
        return None
    return np.asarray(table.array[field][particles.row], np.uint64)


def _by_image(this: ParticleSet, other: ParticleSet, tidy: Tidy) -> tuple[Rows, Rows]:
    """(N,) and (M,) keys of image and stack, equal where both are."""
    used = [_used(particles) for particles in (this, other)]
    names = _names(used[0], used[1], tidy)
    numbers: dict[str, int] = {}
    keys = []
    for particles, own in zip((this, other), names, strict=True):
        number = np.zeros(len(particles.stacks), np.int64)
        for place, name in own.items():
            number[place] = numbers.setdefault(name, len(numbers))
        keys.append(number[particles.stack_index] << 32 | particles.image_index)
    return keys[0], keys[1]


def _used(particles: ParticleSet) -> dict[int, Path]:
    """The stacks that rows are in, by their place in the list."""
    return {int(i): particles.stacks[i] for i in np.unique(particles.stack_index)}


def _names(
    here: dict[int, Path], there: dict[int, Path], tidy: Tidy
) -> tuple[dict[int, str], dict[int, str]]:
    """Names of stacks with as much of their folders as tells those of one file apart."""
    deepest = max(len(path.parts) for path in (*here.values(), *there.values()))
    for depth in range(1, deepest + 1):
        found = [
            {i: "/".join((*p.parts[-depth:-1], tidy(p))) for i, p in stacks.items()}
            for stacks in (here, there)
        ]
        if all(len(set(names.values())) == len(names) for names in found):
            return found[0], found[1]
    return {i: str(p) for i, p in here.items()}, {i: str(p) for i, p in there.items()}


def _stem(path: Path) -> str:
    """Without .mrc or .mrcs, which links between programs exchange."""
    return path.stem if path.suffix in (".mrc", ".mrcs") else path.name


def _without_import_number(path: Path) -> str:
    return _IMPORTED.sub("", _stem(path))


# -- rows of the same key -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Groups:
    """Rows of both files by key: group g has `here[g]` rows of this file and `there[g]` of the
    other, which stand together in `order_here` from `first_here[g]` on (and likewise there)."""

    here: Rows
    there: Rows
    order_here: Rows
    order_there: Rows

    @classmethod
    def of(cls, here: Keys, there: Keys) -> "_Groups":
        _, group = np.unique(np.concatenate([here, there]), return_inverse=True)
        first, second = group[: len(here)], group[len(here) :]
        count = int(group.max(initial=-1)) + 1
        return cls(
            np.bincount(first, minlength=count),
            np.bincount(second, minlength=count),
            np.argsort(first, kind="stable"),
            np.argsort(second, kind="stable"),
        )

    @property
    def shared(self) -> Mask:
        return (self.here > 0) & (self.there > 0)

    def reverse(self) -> "_Groups":
        return _Groups(self.there, self.here, self.order_there, self.order_here)

    def rows(self, rotation: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> Rows:
        """(N,) row of the other file for every row of this one, -1 where there is none."""
        found = np.full(len(self.order_here), -1, np.int64)
        first_here = np.cumsum(self.here) - self.here
        first_there = np.cumsum(self.there) - self.there
        sizes = np.unique(np.stack([self.here, self.there], 1)[self.shared], axis=0)
        for k, m in sizes:
            groups = np.flatnonzero((self.here == k) & (self.there == m))
            step = max(1, _CHUNK // int(k * m))
            for start in range(0, len(groups), step):
                part = groups[start : start + step]
                mine = self.order_here[first_here[part, None] + np.arange(k)]  # (g, k)
                theirs = self.order_there[first_there[part, None] + np.arange(m)]  # (g, m)
                place = _nearest_poses(rotation[mine], others[theirs])  # (g, k)
                found[mine] = np.take_along_axis(theirs, place, axis=1)
        return found


def _nearest_poses(
    rotation: npt.NDArray[np.float32], others: npt.NDArray[np.float32]
) -> npt.NDArray[np.intp]:
    """(g, k, 3, 3) and (g, m, 3, 3) -> (g, k): which of the m poses each of the k is nearest to.

    Equal numbers of copies are paired one to one: in their order where the nearest poses do not
    pair them (copies with equal poses, or none).
    """
    (groups, k), m = rotation.shape[:2], others.shape[1]
    in_order = np.tile(np.minimum(np.arange(k), m - 1), (groups, 1))
    if m == 1:
        return in_order
    likeness = rotation.reshape(groups, k, 9) @ others.reshape(groups, m, 9).transpose(0, 2, 1)
    known = np.isfinite(likeness).all(axis=(1, 2))
    place = np.where(known[:, None], np.nan_to_num(likeness).argmax(axis=2), in_order)
    if k == m:
        paired = (np.sort(place, axis=1) == np.arange(k)).all(axis=1)
        place = np.where(paired[:, None], place, in_order)
    return place


def _most(keys: Keys) -> int:
    """Rows of the key that most rows have."""
    return int(np.unique(keys, return_counts=True)[1].max(initial=1))


# -- whether it can be believed -------------------------------------------------------------------


def _judged(found: Matching, this: ParticleSet, other: ParticleSet, *, sure: bool) -> Matching:
    """With what speaks against the matched rows being the same particles; `sure` of them or not."""
    rows = np.flatnonzero(found.to_other >= 0)
    theirs = found.to_other[rows]
    angle = _median_angle(this.rotation[rows], other.rotation[theirs])
    cautions = []
    if not sure and this.stacks != other.stacks:
        cautions += _far_apart(this, other, rows, theirs)
    if angle > _FAR_DEGREES:
        cautions.append(
            f"Their poses differ by {angle:.0f} degrees (median): the two consensus maps stand "
            "differently, or these are not the same particles."
        )
    return replace(found, pose_difference_degrees=angle, caution=" ".join(cautions))


def _median_angle(rotation: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> float:
    """Degrees between (n, 3, 3) and (n, 3, 3), median; NaN without poses."""
    trace = np.einsum("nij,nij->n", rotation, others)
    trace = trace[np.isfinite(trace)]
    if not len(trace):
        return float("nan")
    return float(np.median(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))))


def _far_apart(this: ParticleSet, other: ParticleSet, rows: Rows, theirs: Rows) -> list[str]:
    """Stacks of the same name may hold other particles: their places in the micrographs show it."""
    for names, far in _PLACES:
        if not all(name in file.columns for name in names for file in (this, other)):
            continue
        try:
            mine, those = (
                np.stack([np.asarray(f.column(n)).astype(np.float64)[r] for n in names], axis=1)
                for f, r in ((this, rows), (other, theirs))
            )
        except ValueError:  # words among the coordinates: they say nothing
            return []
        count = int(np.count_nonzero(np.linalg.norm(mine - those, axis=1) > far))
        if count > _FEW * len(rows):
            return [
                f"{count:,} of them lie elsewhere in their micrographs: stacks of the same name "
                "may hold other particles, so do not rely on this comparison."
            ]
        return []
    return []


def _example(particles: ParticleSet) -> str:
    """'image 1 of mic001.mrcs'."""
    if not len(particles):
        return "no image"
    stack = particles.stacks[particles.stack_index[0]]
    return f"image {int(particles.image_index[0]) + 1} of {stack.name}"
