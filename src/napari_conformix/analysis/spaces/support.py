"""How many particles stand behind a point of latent space, and whether any do.

In 8 to 12 dimensions a distance alone says little: the particles of one state lie on a shell about
its centre, all at about the same distance from one another, and a state with few particles is
sparse where another is dense. Two questions are therefore asked apart.

Is there data at all? A point's distance to the data is the mean distance to its `NEIGHBOURS`
nearest particles, in units of how far apart particles lie thereabouts: the mean, over its
`SURROUNDINGS` nearest particles, of the same distance of theirs. For particles this ratio is about
1, whether they are of a dense state or of a sparse one. A point is supported where its ratio is no
larger than that of `COVERED` of the particles, each measured against the others: of new particles
of the same distribution that share is supported, whatever the distribution (a conformal bound).
Inside a shell the ratio is below 1; in a gap between two states, and outside, it is above the
bound. What no rule can do: a particle at the rim of a state of width s in d dimensions is about
(sqrt(d) + 1.5) s from its centre, so a gap between two states less than twice as far apart is
bridged by such particles, and is seen in the counts only.

How much data is there? The number of particles within one radius, the same everywhere, so that
counts compare along a path: the distance within which the median particle of the reference has
`TYPICAL` others. It is at least 1 where there is data, and 0 where there is none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.errors import UserError

#: nearest particles that the distance to the data is a mean over
NEIGHBOURS = 10
#: nearest particles whose spacing is that of the place
SURROUNDINGS = 100
#: share of the particles that count as supported by the others
COVERED = 0.98
#: others that the median particle of the reference has within the radius
TYPICAL = 16
#: particles that spacings are measured with; of more, a random sample
MOST_REFERENCES = 20_000
_ENTRIES_AT_ONCE = 1 << 24


@dataclass(frozen=True, eq=False)
class DataSupport:
    """Answers for points of the latent space of one half; build it once a table of latents.

    latents    (n, d) float32 of the particles of the half
    reference  (m, d) float32, m <= MOST_REFERENCES: those that spacings are measured with
    spacing    (m,) mean distance of each reference to its nearest others
    bound      of the ratio of distances from which on there is no data
    radius     within which particles are counted
    typical    how many others the median particle has within the radius
    """

    latents: NDArray[np.float32]
    reference: NDArray[np.float32]
    spacing: NDArray[np.float64]
    bound: float
    radius: float
    typical: float

    @classmethod
    def of(cls, latents: ArrayLike, seed: int = 1) -> "DataSupport":
        """From the latents (n, d) of one half; rows that are not finite are left out."""
        values = np.asarray(latents, np.float32)
        values = np.ascontiguousarray(values[np.isfinite(values).all(axis=1)])
        if len(values) < 3:
            raise UserError(
                f"A path needs particles with latents; this half has {len(values)}. Train first."
            )
        reference = values
        if len(values) > MOST_REFERENCES:
            random = np.random.default_rng(seed)
            chosen = random.choice(len(values), MOST_REFERENCES, replace=False)
            reference = values[np.sort(chosen)]
        distance, near = _nearest(reference, reference, SURROUNDINGS + 1)
        distance, near = distance[:, 1:], near[:, 1:]  # the first is the particle itself
        spacing = distance[:, :NEIGHBOURS].mean(axis=1)
        ratio = spacing / np.maximum(spacing[near].mean(axis=1), _least(spacing))
        radius = float(np.median(distance[:, min(TYPICAL, distance.shape[1]) - 1]))
        return cls(
            values,
            reference,
            spacing,
            bound=float(np.quantile(ratio, COVERED)),
            radius=radius,
            typical=TYPICAL * len(values) / len(reference),
        )

    def ratio(self, points: ArrayLike) -> NDArray[np.float64]:
        """(n, d) -> (n,) distance to the data in units of the spacing there."""
        distance, near = _nearest(
            np.asarray(points, np.float32),
            self.reference,
            min(SURROUNDINGS + 1, len(self.reference)),
        )
        # a particle of the reference is not to count as its own neighbour
        itself = distance[:, :1] <= 1e-5 * self.radius
        distance = np.where(itself, distance[:, 1:], distance[:, :-1])
        near = np.where(itself, near[:, 1:], near[:, :-1])
        there = np.maximum(self.spacing[near].mean(axis=1), _least(self.spacing))
        return np.asarray(distance[:, :NEIGHBOURS].mean(axis=1) / there)

    def covers(self, point: ArrayLike) -> bool:
        """Whether there is data at a point (d,)."""
        return bool(self.ratio(np.reshape(point, (1, -1)))[0] <= self.bound)

    def count(self, points: ArrayLike) -> NDArray[np.int64]:
        """(n, d) -> (n,) particles near each point, the point's own among them; 0: no data."""
        wanted = np.atleast_2d(np.asarray(points, np.float32))
        if wanted.shape[1] != self.latents.shape[1]:
            raise UserError(
                f"The path has latents of {wanted.shape[1]} numbers, but those of this job have "
                f"{self.latents.shape[1]}; it was made for another job."
            )
        data = self.ratio(wanted) <= self.bound
        return np.where(data, np.maximum(self._within(wanted), 1), 0)

    def _within(self, points: NDArray[np.float32]) -> NDArray[np.int64]:
        """Particles within the radius, all of them, as |a - b|^2 = |a|^2 + |b|^2 - 2ab in
        chunks."""
        centre = self.latents.mean(axis=0, dtype=np.float64).astype(np.float32)
        here = points - centre
        here_squared = np.square(here).sum(axis=1)
        counts = np.zeros(len(points), np.int64)
        chunk = max(1, _ENTRIES_AT_ONCE // len(points))
        for first in range(0, len(self.latents), chunk):
            there = self.latents[first : first + chunk] - centre
            limit = self.radius**2 - np.square(there).sum(axis=1)
            inside = here_squared[:, None] - 2 * (here @ there.T) <= limit
            counts += np.count_nonzero(inside, axis=1)
        return counts


def support(latents: ArrayLike, path: ArrayLike) -> NDArray[np.int64]:
    """(N, d) latents of the particles of a half, (n, d) a path -> (n,) particles near each step.

    For several paths build :class:`DataSupport` once.
    """
    return DataSupport.of(latents).count(path)


def nearest_of(points: ArrayLike, latents: ArrayLike, k: int) -> NDArray[np.int64]:
    """(n, d) points -> (n, k) indices of the nearest of the latents (N, d), of which above
    `MOST_REFERENCES` a random sample is looked at."""
    values = np.asarray(latents, np.float32)
    chosen = np.arange(len(values))
    if len(values) > MOST_REFERENCES:
        random = np.random.default_rng(1)
        chosen = np.sort(random.choice(len(values), MOST_REFERENCES, replace=False))
    _, index = _nearest(np.asarray(points, np.float32), values[chosen], k)
    return np.asarray(chosen[index])


def _least(spacing: NDArray[np.float64]) -> float:
    """Below this a spacing counts as this: copies of one particle have none."""
    return 1e-6 * float(spacing.max()) or 1e-12


def _nearest(
    points: NDArray[np.float32], among: NDArray[np.float32], k: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances and indices (n, k) of the nearest particles, ascending."""
    from sklearn.neighbors import NearestNeighbors

    finder = NearestNeighbors(n_neighbors=min(k, len(among)), algorithm="brute").fit(among)
    distance, index = finder.kneighbors(np.atleast_2d(points))
    return np.asarray(distance, np.float64), np.asarray(index, np.int64)
