"""How far two sets of fields agree, position by position, and how far by chance."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Floats = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]

#: random pairings compared with the true one
PAIRINGS = 499
#: probability of such an agreement by chance below which it is not taken for chance
SIGNIFICANT = 0.01
#: A; a smaller motion cannot be seen in any map
SMALLEST_MOTION_ANGSTROM = 0.1
#: positions whose mean stands for a region, and share of the molecule that a moving part must have
REGION = 8
SMALLEST_PART = 0.02


@dataclass(frozen=True)
class Agreement:
    """Of two fields of the same particles.

    shared, error  (p,) A^2: covariance of the fields, less what is known to be of noise, and mean
                   square of their difference, at each position and smoothed over its region
    correlation    over particles and positions
    p_value        share of random pairings of the particles that agree as well over the molecule
    significant    (p,) where the correlation is higher than that of almost all random pairings
                   anywhere in the molecule
    """

    shared: Floats
    error: Floats
    correlation: float
    p_value: float
    significant: npt.NDArray[np.bool_]

    @property
    def beyond_error(self) -> npt.NDArray[np.bool_]:
        """(p,): where the motion is larger than its error, by more than chance."""
        visible = self.shared > SMALLEST_MOTION_ANGSTROM**2
        return self.significant & visible & (self.shared > self.error)

    @property
    def by_more_than_chance(self) -> bool:
        """Whether the fields agree on a motion that could be seen, also when it is smaller than
        its error."""
        visible = self.shared.max() > SMALLEST_MOTION_ANGSTROM**2
        return bool(visible and self.shared.mean() > 0 and self.p_value < SIGNIFICANT)

    @property
    def moves(self) -> bool:
        """Whether motion exceeds its error, over the molecule or in a part of it."""
        whole = self.by_more_than_chance and self.shared.mean() > self.error.mean()
        return bool(whole or self.beyond_error.mean() >= SMALLEST_PART)


def agreement(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    place: Floats,
    seed: int,
    noise: Floats | float = 0.0,
) -> Agreement:
    """Compare fields (v, p, 3) A whose mean over particles is 0, at positions `place` (p, 3).

    noise   (p,) A^2 of their covariance that is not to be counted
    """
    near = cKDTree(place).query(place, k=np.arange(1, min(REGION, len(place)) + 1))[1]
    u, w = np.asarray(first, np.float32), np.asarray(second, np.float32)

    def product(a: Single, b: Single) -> Floats:
        summed = np.einsum("vpk,vpk->p", a, b).astype(np.float64) / len(a)
        return np.asarray(summed[near].mean(axis=1))

    raw, error = product(u, w), product(u - w, u - w)
    counted_off = np.broadcast_to(noise, len(place))[near].mean(axis=1)
    power = np.sqrt(product(u, u) * product(w, w))
    power = np.where(power > 0, power, 1.0)
    random = np.random.default_rng(seed)
    as_good = 0
    highest = np.empty(PAIRINGS)
    for k in range(PAIRINGS):
        by_chance = product(u, w[random.permutation(len(w))])
        as_good += int(by_chance.mean() >= raw.mean())
        highest[k] = (by_chance / power).max()
    return Agreement(
        shared=raw - counted_off,
        error=error,
        correlation=float(raw.mean() / power.mean()),
        p_value=(1 + as_good) / (1 + PAIRINGS),
        significant=raw / power > np.quantile(highest, 1 - SIGNIFICANT),
    )
