"""Colours of particles and arrows by motion: direction, amount, place, error, and their ratio.

Everything is numpy and may run in a worker; `colouring` has the colours of columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from napari_conformix.widgets.colours.colouring import (
    MISSING,
    Category,
    Colouring,
    Legend,
    by_number,
    palette,
    shaded,
    viridis,
)

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable

#: parts of the molecule by which the place of the largest motion is given
PARTS: Final = 8
#: a ratio of motion and error above this is as good as any
_MOST_RATIO: Final = 20.0
#: lightness of a direction across the screen, and how much it changes towards or from the viewer
_LIGHTNESS: Final = (0.56, 0.32)
#: the lower end of viridis is too dark for thin arrows on black
_ARROW_FROM: Final = 0.18
#: errors: pale, orange, dark red; no colour of viridis
_ERROR_STOPS: Final = (
    (1.0, 0.96, 0.80),
    (0.98, 0.72, 0.35),
    (0.90, 0.30, 0.16),
    (0.62, 0.05, 0.16),
)


# -- particles of the latent space view ------------------------------------------------------------


@dataclass(frozen=True)
class Parts:
    """Parts of a molecule, each with a centre (k, 3) xyz in A; `labels` (p,) of its positions."""

    positions: np.ndarray
    centres: np.ndarray
    labels: np.ndarray

    @property
    def colours(self) -> np.ndarray:
        """(p, 4): every position in the colour of its part."""
        table = np.array([(*palette(i), 1.0) for i in range(len(self.centres))], dtype=np.float32)
        return table[self.labels]

    def of(self, positions: np.ndarray) -> np.ndarray:
        """(n,) the part nearest to each of (n, 3) positions."""
        squared = np.stack([np.square(positions - c).sum(axis=1) for c in self.centres], axis=1)
        return squared.argmin(axis=1)


def find_parts(positions: np.ndarray, count: int = PARTS) -> Parts:
    """Cut a molecule (p, 3) xyz in A into compact parts of similar size (k-means)."""
    from sklearn.cluster import KMeans

    positions = np.asarray(positions, dtype=np.float32)
    count = min(count, len(np.unique(positions, axis=0)))
    found = KMeans(count, n_init=1, random_state=0).fit(positions)
    return Parts(positions, found.cluster_centers_.astype(np.float32), found.labels_)


def by_amount(table: MotionTable) -> Colouring:
    """RMS displacement from the consensus."""
    return by_number(table.rms_displacement, "Motion from the consensus", "Å RMS")


def by_error(table: MotionTable) -> Colouring:
    """Difference of the halves' models; of other than held-out particles it is an estimate."""
    return by_number(table.estimated_error, "Error of the motion", "Å RMS", _measured(table))


def by_ratio(table: MotionTable) -> Colouring:
    """How many times the motion exceeds its error."""
    ratio = np.minimum(table.estimated_ratio, _MOST_RATIO)
    note = "; ".join(filter(None, ("below 1 do not believe it", _measured(table))))
    return by_number(ratio, "Motion / error", "times", note)


def by_direction(table: MotionTable) -> Colouring:
    """Direction of the mean displacement; grey where the motion is below its error."""
    rgba = direction_colours(table.direction)
    error = table.estimated_error
    unclear = (np.nan_to_num(table.rms_displacement) == 0) | (table.rms_displacement <= error)
    rgba[unclear] = MISSING
    note = ""
    if unclear.any():
        note = f"{int(unclear.sum()):,} in grey: their motion is not larger than its error"
    return Colouring(rgba, Legend("Direction of the motion", note=note, directions=True))


def by_place(table: MotionTable, parts: Parts) -> Colouring:
    """The part of the molecule that moves most; the parts stand in the scene in these colours."""
    still = ~(table.rms_displacement > 0)
    part = parts.of(table.peak_position)
    colours = np.array([(*palette(i), 1.0) for i in range(len(parts.centres))], dtype=np.float32)
    rgba = colours[part]
    rgba[still] = MISSING
    counts = np.bincount(part[~still], minlength=len(parts.centres))
    order = [i for i in np.argsort(-counts, kind="stable") if counts[i]]
    categories = tuple(
        Category(
            "x {:.0f}, y {:.0f}, z {:.0f}".format(*parts.centres[i]), palette(i), int(counts[i])
        )
        for i in order
    )
    place = np.full(len(counts), -1)
    place[order] = np.arange(len(order))
    note = "the parts stand in the scene in these colours"
    if still.any():
        note += f"; {int(still.sum()):,} that do not move in grey"
    legend = Legend("Part that moves most, at", "Å", categories=categories, note=note)
    return Colouring(rgba, legend, labels=np.where(still, -1, place[part]))


def _measured(table: MotionTable) -> str:
    count = int(np.isfinite(table.rms_error).sum())
    if not count:
        return ""
    return f"measured for {count:,} held-out particles, for others estimated from those near them"


@dataclass(frozen=True)
class MotionColour:
    """A colour by the motions of particles, as the list of colours has it.

    paint        makes it of a :class:`MotionTable`, and where it `needs_parts` of :class:`Parts` of
                 the molecule, too, which a scene shows
    """

    name: str
    meaning: str
    paint: Callable[..., Colouring]
    needs_parts: bool = False


#: by name, in the order of the list
BY_MOTION: Final = {
    colour.name: colour
    for colour in (
        MotionColour(
            "amount of motion",
            "How far a particle is from the consensus. Unit: Å RMS.",
            by_amount,
        ),
        MotionColour(
            "direction of motion",
            "Direction of the mean displacement, in the frame of the consensus; grey where the "
            "motion is not larger than its error.",
            by_direction,
        ),
        MotionColour(
            "place of the largest motion",
            "The part of the molecule that moves most; the parts stand in the scene in these "
            "colours.",
            by_place,
            needs_parts=True,
        ),
        MotionColour(
            "error of the motion",
            "How much the two halves' models differ on the motion. Unit: Å RMS.",
            by_error,
        ),
        MotionColour(
            "motion / error",
            "Below 1 the motion is not larger than its error: do not believe it.",
            by_ratio,
        ),
    )
}


# -- directions -----------------------------------------------------------------------------------


def direction_colours(vectors: np.ndarray) -> np.ndarray:
    """(n, 3) xyz of any length -> (n, 4): hue is the direction in the plane of x and y, light
    towards the viewer (+z) and dark away from them; no direction is grey.

    x is to the right and y up, as the scene stands before it is turned.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    length = np.linalg.norm(vectors, axis=-1)
    known = np.isfinite(length) & (length > 0)
    x, y, z = (vectors[known] / length[known, None]).T
    rgba = np.tile(MISSING, (len(vectors), 1))
    rgba[known, :3] = _from_hsl(
        (np.degrees(np.arctan2(y, x))) % 360.0,
        np.clip(np.hypot(x, y) * 1.2, 0.0, 1.0),
        _LIGHTNESS[0] + _LIGHTNESS[1] * z,
    )
    return rgba


def _from_hsl(hue: np.ndarray, saturation: np.ndarray, lightness: np.ndarray) -> np.ndarray:
    """(n, 3) RGB of hue in degrees, saturation and lightness from 0 to 1 (CSS Color 4)."""
    chroma = saturation * np.minimum(lightness, 1.0 - lightness)

    def channel(offset: int) -> np.ndarray:
        k = (offset + hue / 30.0) % 12.0
        return lightness - chroma * np.clip(np.minimum(k - 3.0, 9.0 - k), -1.0, 1.0)

    return np.stack([channel(0), channel(8), channel(4)], axis=-1)


# -- arrows and spheres ---------------------------------------------------------------------------


def arrow_gradient() -> np.ndarray:
    """(k, 3) from no displacement to the largest."""
    table = viridis(256)
    return table[int(_ARROW_FROM * len(table)) :]


def error_gradient(steps: int = 256) -> np.ndarray:
    """(steps, 3) from no error to the largest."""
    stops = np.array(_ERROR_STOPS)
    place = np.linspace(0, 1, len(stops))
    along = np.linspace(0, 1, steps)
    return np.stack([np.interp(along, place, stops[:, i]) for i in range(3)], axis=1)


def amount_colours(amount: np.ndarray, most: float) -> np.ndarray:
    """(n,) A -> (n, 4), from 0 to `most` A."""
    return shaded(amount / (most or 1.0), arrow_gradient())


def error_colours(error: np.ndarray, most: float) -> np.ndarray:
    """(n,) A -> (n, 4), from 0 to `most` A."""
    return shaded(error / (most or 1.0), error_gradient())


def round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 5, 7.5 times a power of ten, for the end of a colour bar."""
    if not np.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    steps = (1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0)
    return float(next(step for step in steps if step * power >= value * (1 - 1e-9)) * power)
