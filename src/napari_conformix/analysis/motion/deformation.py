"""One deformation of the molecule with its error: what the window draws and what is exported."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_conformix.analysis.motion.superposition import shape_change

Floats = npt.NDArray[np.float32]
#: a ratio of displacement to error above which the words are not guarded
CLEARLY = 1.5
#: share of a displacement's RMS below which what superposition leaves is called small
MOSTLY_WHOLE = 0.4

ErrorSource = Literal["both halves", "held-out neighbours", "none"]


@dataclass(frozen=True)
class Deformation:
    """Displacements at positions of the consensus, as either half's model says them.

    positions     (p, 3) float32 xyz in A from the centre: consensus positions of half `at`
    half1, half2  (p, 3) float32 A, where matter at `positions` moves to, relative to it; None where
                  that half has no latent for it. A method with one model has only `half1`.
    start         (p, 3) float32 A: for a displacement from one state to another, that of the first
                  state from the consensus; None when it begins at the consensus
    mixed         (p, 3) float32 A, instead of these: from a particle of one half to one of the
                  other, each by its own half's model and relative to that half's mean field
    at            whose consensus positions these are; both decoders are evaluated there
    label         what is deformed, in words
    error         (p,) float32 A: |half1 - half2| (paper, Fig. 6) when both are there, else the RMS
                  of that over held-out particles whose latents are near, or None
    error_source  which of these it is
    systematic    (p,) float32 A: the part of `error` that all particles share, the difference of
                  the halves' mean fields over the held-out particles (their consensus models
                  differ); None where it cancels or is unknown
    """

    positions: Floats
    half1: Floats | None
    half2: Floats | None
    at: int
    label: str
    error: Floats | None = None
    error_source: ErrorSource = "none"
    systematic: Floats | None = None
    mixed: Floats | None = None
    start: Floats | None = None

    def __post_init__(self) -> None:
        if not self._fields:
            raise ValueError("a deformation needs a field at least")

    @property
    def _fields(self) -> list[Floats]:
        return [field for field in (self.half1, self.half2, self.mixed) if field is not None]

    @property
    def displacement(self) -> Floats:
        """(p, 3) A: the mean of the halves that are there."""
        return np.asarray(np.mean(self._fields, axis=0), np.float32)

    @property
    def begins(self) -> Floats:
        """(p, 3) xyz in A: where the arrows begin, at the consensus or at the first state."""
        return self.positions if self.start is None else self.positions + self.start

    @property
    def amount(self) -> Floats:
        """(p,) A: length of the displacement of each position."""
        return np.asarray(np.linalg.norm(self.displacement, axis=1))

    @property
    def rms_displacement(self) -> float:
        """A, over the positions."""
        return _rms(self.amount)

    @property
    def rms_shape_change(self) -> float:
        """A: RMS displacement when the displaced positions are superposed on the undisplaced ones;
        what is missing from `rms_displacement` is the molecule shifting and turning as a whole,
        as a wrong pose makes it."""
        if len(self.positions) < 4:
            return self.rms_displacement
        left = shape_change(self.displacement, self.begins)
        return _rms(np.linalg.norm(left, axis=1))

    @property
    def rms_error(self) -> float | None:
        """A, over the positions; None without an error."""
        return None if self.error is None else _rms(self.error)

    @property
    def ratio(self) -> float | None:
        """RMS displacement over RMS error; None without an error."""
        error = self.rms_error
        if error is None:
            return None
        return self.rms_displacement / error if error > 0 else float("inf")

    @property
    def exceeds_error(self) -> bool | None:
        """Whether the RMS displacement is larger than the RMS error; None without an error.

        Two halves that know nothing of each other's field give a ratio of 1/2 (their mean against
        their difference); a ratio of 1 needs fields that agree in direction to a cosine of 0.6.
        """
        ratio = self.ratio
        return None if ratio is None else ratio > 1.0

    def sentence(self) -> str:
        """Whether this displacement can be believed, in words, with the numbers in A."""
        moved = (
            f"{self.label}: moves by {self.rms_displacement:.2g} A RMS, at most "
            f"{float(self.amount.max()):.2g} A"
        )
        return f"{moved}{self._comparison()}{self._as_a_whole()}"

    def _comparison(self) -> str:
        error, ratio = self.rms_error, self.ratio
        if error is None or ratio is None:
            return ". Its error is not known: there is nothing to compare it with."
        if self.error_source == "both halves":
            source = f"; the models of the two halves differ by {error:.2g} A RMS"
        else:
            source = (
                f"; its error is about {error:.2g} A RMS, as that of held-out particles near it"
            )
        if ratio > CLEARLY:
            return f"{source}. The motion exceeds its error ({ratio:.1f} times)."
        if ratio > 1:
            return f"{source}. The motion is hardly larger than its error ({ratio:.2f} times)."
        return (
            f"{source}. The motion does not exceed its error ({ratio:.2f} times): do not read it "
            "as a motion of the molecule."
        )

    def _as_a_whole(self) -> str:
        moved, shape = self.rms_displacement, self.rms_shape_change
        if moved == 0 or shape > MOSTLY_WHOLE * moved:
            return ""
        return (
            " Nearly all of it is the whole molecule shifting or turning, as a wrong pose would "
            f"make it; its shape changes by {shape:.2g} A RMS."
        )

    def thinned(self, count: int) -> "Deformation":
        """The same at `count` well-spread positions, for arrows that do not cover each other."""
        if count >= len(self.positions):
            return self
        rows = well_spread(self.positions, count)

        def at_rows(values: Floats | None) -> Floats | None:
            return None if values is None else values[rows]

        return replace(
            self,
            positions=self.positions[rows],
            half1=at_rows(self.half1),
            half2=at_rows(self.half2),
            mixed=at_rows(self.mixed),
            start=at_rows(self.start),
            error=at_rows(self.error),
            systematic=at_rows(self.systematic),
        )


def well_spread(positions: npt.ArrayLike, count: int) -> npt.NDArray[np.int64]:
    """Rows of `count` of the positions (p, 3): each next one is farthest from those before it.

    The first rows of a larger count are those of a smaller one, so arrows only come and go while
    their number is changed.
    """
    points = np.asarray(positions, np.float64)
    count = min(max(count, 1), len(points))
    chosen = np.empty(count, np.int64)
    distance = np.square(points - points.mean(axis=0)).sum(axis=1)
    chosen[0] = distance.argmax()
    distance[:] = np.inf
    for k in range(1, count):
        step = np.square(points - points[chosen[k - 1]]).sum(axis=1)
        distance = np.minimum(distance, step)
        chosen[k] = distance.argmax()
    return chosen


def _rms(values: npt.NDArray[np.floating]) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))
