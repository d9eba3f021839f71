"""How particles were imaged, as numbers that something may be predicted from.

Each condition is described twice: by smooth functions of it, for a linear regression, and as a
point in a space where alike is near, for a mean over neighbours, which sees any dependence.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: highest power of the viewing direction among the features: what fourth-order spherical harmonics
#: span
DIRECTION_DEGREE = 4
#: harmonics of the in-plane angle
ANGLE_HARMONICS = 4
#: powers of shift and defocus
DEGREE = 3
#: of the defocus (standard deviations) next to the direction (unit vectors) in being seen alike
DEFOCUS_WEIGHT = 0.2


@dataclass(frozen=True)
class Condition:
    """One of the ways in which particles were seen differently.

    name       in words
    features   (n, f) functions of it, each with mean 0 and variance 1 (0 where constant)
    places     (n, k) coordinates in which particles imaged alike are near each other
    """

    name: str
    features: Floats
    places: Floats

    def take(self, rows: npt.NDArray[np.int64]) -> "Condition":
        """The condition of some of the particles."""
        return Condition(self.name, self.features[rows], self.places[rows])


def imaged(
    rotation: npt.ArrayLike,
    shift_angstrom: npt.ArrayLike,
    defocus_angstrom: npt.ArrayLike,
    group: npt.ArrayLike,
) -> list[Condition]:
    """Viewing direction, in-plane angle, shift, defocus and optics group of n particles; those
    that are the same for all are left out.

    rotation (n, 3, 3): A, whose last column is the viewing direction in the map and whose last row
    holds the in-plane angle psi; shift_angstrom (n, 2); defocus_angstrom (n,); group (n,).
    """
    matrix = np.asarray(rotation, np.float64)
    shift = standardised(np.asarray(shift_angstrom, np.float64))
    defocus = standardised(np.asarray(defocus_angstrom, np.float64)[:, None])
    direction = matrix[:, :, 2]
    angle = np.arctan2(matrix[:, 2, 1], -matrix[:, 2, 0])
    turns = [f(k * angle) for k in range(1, ANGLE_HARMONICS + 1) for f in (np.cos, np.sin)]
    groups = np.asarray(group)
    names = np.unique(groups)
    belongs = (groups[:, None] == names[None, 1:]).astype(np.float64)
    found = [
        Condition("viewing direction", _features(powers(direction, DIRECTION_DEGREE)), direction),
        Condition("in-plane angle", _features(turns), np.stack(turns[:2], axis=1)),
        Condition("shift", _features(powers(shift, DEGREE)), shift),
        Condition("defocus", _features(powers(defocus, DEGREE)), defocus),
        Condition("optics group", standardised(belongs), belongs),
    ]
    return [condition for condition in found if condition.features.any()]


def together(conditions: list[Condition], rotation: npt.ArrayLike) -> Condition:
    """All conditions at once; `rotation` (n, 3, 3) adds what only direction and angle as a pair
    tell."""
    pairs = powers(np.asarray(rotation, np.float64).reshape(-1, 9), 2)
    return Condition(
        "pose, shift and defocus together",
        np.concatenate([*(c.features for c in conditions), _features(pairs)], axis=1),
        np.concatenate([standardised(c.places) for c in conditions], axis=1),
    )


def seen_alike(conditions: list[Condition]) -> Floats:
    """(n, k) coordinates in which particles seen from nearly the same side, at nearly the same
    defocus, are near each other: those whose images say as much of a change."""
    weights = {"viewing direction": 1.0, "defocus": DEFOCUS_WEIGHT}
    places = [weights[c.name] * c.places for c in conditions if c.name in weights]
    if not places:
        return np.zeros((len(conditions[0].places), 1))
    return np.concatenate(places, axis=1)


def powers(values: Floats, degree: int) -> list[Floats]:
    """All products of up to `degree` of the columns of (n, k), each (n,)."""
    columns = range(values.shape[1])
    return [
        values[:, list(chosen)].prod(axis=1)
        for power in range(1, degree + 1)
        for chosen in combinations_with_replacement(columns, power)
    ]


def standardised(columns: Floats) -> Floats:
    """Columns of (n, k) with mean 0 and variance 1; constant ones become 0."""
    spread = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf))


def _features(columns: list[Floats]) -> Floats:
    return standardised(np.stack(columns, axis=1))
