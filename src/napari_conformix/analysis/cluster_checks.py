"""Whether clusters are there or were cut: k-means divides any cloud into as many as are asked for.

Two questions. Are the same groups found again from other particles (`stability`)? And does the
density of particles fall between a cluster and the next, or is it one cloud (`separation`)? A long
cloud is cut at the same places again and again, so the first alone proves nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.analysis.clusters import (
    How,
    Model,
    cluster,
    one_thread,
    usable_rows,
)

#: particles looked at, for each of the two checks
MOST_REPEATED = 40_000
MOST_NEIGHBOURS_OF = 5_000
#: pairs of random halves
REPEATS = 3
#: particles in the ball that measures the density: its logarithm then errs by 1 / sqrt of it
NEIGHBOURS = 40
#: clusters with fewer particles among those looked at are not judged
LEAST_JUDGED = NEIGHBOURS // 2
#: single clouds that are cut for comparison, and how many of their borders must be less deep
CLOUDS = 4
#: an adjusted Rand index from which clusters count as found again
FOUND_AGAIN = 0.75
#: the density between two clusters, relative to that in the thinner of them, above which there
#: is no gap that a user would see, whatever chance says
GAP = 0.8

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Stability:
    """The adjusted Rand index between clusterings of two random halves of the particles, applied
    to all of them: (REPEATS,)."""

    adjusted_rand: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Over the repeats."""
        return float(self.adjusted_rand.mean())

    @property
    def found_again(self) -> bool:
        """Whether other particles give nearly the same groups."""
        return self.mean >= FOUND_AGAIN

    def sentence(self) -> str:
        """In words."""
        low, high = self.adjusted_rand.min(), self.adjusted_rand.max()
        return (
            f"Found again when half of the particles are left out: {self.mean:.2f} (1 is the "
            f"same, 0 chance; {low:.2f} to {high:.2f} in {len(self.adjusted_rand)} repeats)."
        )


def stability(
    latents: ArrayLike,
    k: int,
    how: How = "kmeans",
    seed: int = 1,
    rows: ArrayLike | None = None,
    *,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Stability | None:
    """Fit `k` clusters to random halves of the particles that share none, assign all particles by
    both, and compare. None when stopped. Looks at 40,000 particles at most.
    """
    from sklearn.metrics import adjusted_rand_score

    values = np.asarray(latents)
    used = usable_rows(values, rows)
    random = np.random.default_rng([seed, 2, len(used)])
    used = random.permutation(used)[:MOST_REPEATED]
    found = []
    for repeat in range(REPEATS):
        shuffled = values[random.permutation(used)]
        halves = shuffled[::2], shuffled[1::2]
        if min(map(len, halves)) < k:
            return Stability(np.zeros(1))
        labels = []
        for half in halves:
            if stop is not None and stop():
                return None
            labels.append(Model.fit(half, k, how, seed + repeat).assign(shuffled)[0])
        found.append(adjusted_rand_score(*labels))
        if progress is not None:
            progress((repeat + 1) / REPEATS)
    return Stability(np.array(found))


@dataclass(frozen=True, eq=False)
class Separation:
    """How far the density of particles falls between clusters.

    density      (k, k): the density at the thinnest place of the best way from one cluster to
                 another, relative to the peak of the thinner of both; 1: no gap. 1 on the diagonal,
                 NaN for clusters too small to judge
    by_chance    the same for the deepest border when a single cloud of the same extent (a Gaussian)
                 is cut into as many clusters
    """

    density: NDArray[np.float64]
    by_chance: float

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.density)

    @property
    def threshold(self) -> float:
        """Below it there is a gap: deeper than in a single cloud, and deep enough to be seen."""
        return min(self.by_chance, GAP)

    @property
    def nearest(self) -> NDArray[np.float64]:
        """(k,) density towards the cluster that is least separated from each; NaN for one."""
        others = np.where(np.eye(self.k, dtype=bool), -np.inf, np.nan_to_num(self.density, nan=-1))
        most = others.max(axis=1, initial=-np.inf)
        return np.where(most >= 0, most, np.nan)

    @property
    def groups(self) -> NDArray[np.int64]:
        """(k,) number from 0 of the cloud that each cluster is part of; -1: too small to judge."""
        from scipy.sparse.csgraph import connected_components

        joined = np.nan_to_num(self.density, nan=0.0) >= self.threshold
        _, labels = connected_components(joined, directed=False)
        judged = np.isfinite(np.diagonal(self.density))
        names = {label: number for number, label in enumerate(dict.fromkeys(labels[judged]))}
        return np.array(
            [names[label] if ok else -1 for label, ok in zip(labels, judged, strict=True)]
        )

    def sentence(self) -> str:
        """In words."""
        groups = self.groups
        clouds = int(groups.max(initial=-1)) + 1
        small = np.flatnonzero(groups < 0) + 1
        text = ""
        if len(small):
            few = ", ".join(map(str, small))
            text = f" Too few particles to judge in cluster{'s' if len(small) > 1 else ''} {few}."
        if clouds < 1:
            return text.strip()
        if clouds == 1 and self.k == 1:
            return "One cluster is no division."
        if clouds == 1:
            return (
                "No gap between the clusters: they are cuts of one continuous cloud, and where "
                "they are cut is a matter of choice." + text
            )
        if clouds == np.count_nonzero(groups >= 0):
            deepest = np.nanmax(self.nearest)
            return (
                f"All clusters are separate: the density of particles between neighbours falls to "
                f"{deepest:.2f} or less of that within (a single cloud cut the same way: "
                f"{self.by_chance:.2f})." + text
            )
        parts = [", ".join(map(str, np.flatnonzero(groups == g) + 1)) for g in range(clouds)]
        cut = [part for part in parts if "," in part]
        return (
            f"There are gaps between {clouds} separate clouds only: clusters "
            + "; ".join(cut)
            + " are cuts of the same cloud, and where they are cut is a matter of choice."
            + text
        )


def separation(
    latents: ArrayLike,
    labels: ArrayLike,
    how: How = "kmeans",
    seed: int = 1,
    *,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Separation | None:
    """Measure the gaps between clusters; None when stopped.

    latents (N, d), labels (N,) from 0 (-1: not looked at). The density at a particle is that of the
    ball that holds its 40 nearest particles; of all ways along neighbours from the densest particle
    of one cluster to that of another, the one whose thinnest place is densest counts. So clusters
    on a bent cloud are not called separate. Looks at 5,000 particles.
    """
    values, given = np.asarray(latents), np.asarray(labels)
    used = np.flatnonzero((given >= 0) & np.isfinite(values).all(axis=1))
    random = np.random.default_rng([seed, 3, len(used)])
    if len(used) > MOST_NEIGHBOURS_OF:
        used = np.sort(random.choice(used, MOST_NEIGHBOURS_OF, replace=False))
    k = int(given.max(initial=0)) + 1
    chosen = values[used].astype(np.float64)
    found = saddles(chosen, given[used], k)
    if k == 1:
        return Separation(found, 1.0)
    covariance = np.atleast_2d(np.cov(chosen.T))
    lowest = []
    for cloud in range(CLOUDS):
        if stop is not None and stop():
            return None
        gaussian = random.multivariate_normal(chosen.mean(0), covariance, len(chosen))
        cut = cluster(gaussian, k, how, seed + cloud)
        lowest.append(np.nanmin(Separation(saddles(gaussian, cut.labels, cut.k), 1.0).nearest))
        if progress is not None:
            progress((cloud + 1) / CLOUDS)
    return Separation(found, float(np.nanmin(lowest)))


def saddles(values: Floats, labels: NDArray[Any], k: int) -> NDArray[np.float64]:
    """(k, k): see `Separation.density`, of (n, d) and labels (n,)."""
    result = np.full((k, k), np.nan)
    counts = np.bincount(labels, minlength=k)
    judged = [i for i in range(k) if counts[i] >= min(LEAST_JUDGED, len(values) // k)]
    log_density, edges, lowest = _ways(values)
    peak = {i: _densest(log_density, labels == i) for i in judged}
    for i in judged:
        result[i, i] = 1.0
    parent = np.arange(len(values))
    members: dict[int, list[int]] = {}
    for i, particle in peak.items():
        members.setdefault(particle, []).append(i)
    for edge in np.argsort(-lowest, kind="stable"):  # from the densest way to the thinnest
        a, b = (_root(parent, particle) for particle in edges[edge])
        if a == b:
            continue
        for i in members.get(a, []):
            for j in members.get(b, []):
                thinner = min(log_density[peak[i]], log_density[peak[j]])
                result[i, j] = result[j, i] = min(1.0, float(np.exp(lowest[edge] - thinner)))
        parent[b] = a
        members[a] = members.pop(a, []) + members.pop(b, [])
    for i in judged:  # no way at all
        for j in judged:
            if np.isnan(result[i, j]):
                result[i, j] = 0.0
    return result


def _ways(values: Floats) -> tuple[Floats, NDArray[np.int64], Floats]:
    """(n,) logarithm of the density at each particle, edges (e, 2) between neighbours that hold
    every best way (a spanning tree), and the density at the thinner end of each (e,)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import minimum_spanning_tree
    from sklearn.neighbors import NearestNeighbors

    count = min(NEIGHBOURS, len(values) - 1)
    with one_thread():
        distance, index = NearestNeighbors(n_neighbors=count).fit(values).kneighbors()
    radius = np.maximum(distance[:, -1], np.finfo(np.float32).tiny)
    log_density = -values.shape[1] * np.log(radius)
    first = np.repeat(np.arange(len(values)), count)
    second = index.ravel()
    thinner = np.minimum(log_density[first], log_density[second])
    weight = log_density.max() - thinner + 1.0  # a weight of 0 is no edge
    graph = csr_matrix((weight, (first, second)), shape=(len(values),) * 2)
    tree = minimum_spanning_tree(graph).tocoo()
    return log_density, np.stack([tree.row, tree.col], axis=1), log_density.max() + 1.0 - tree.data


def _densest(log_density: Floats, own: NDArray[np.bool_]) -> int:
    rows = np.flatnonzero(own)
    return int(rows[log_density[rows].argmax()])


def _root(parent: NDArray[np.int64], particle: int) -> int:
    while parent[particle] != particle:
        parent[particle] = parent[parent[particle]]
        particle = int(parent[particle])
    return particle


def in_words(stable: Stability, separate: Separation) -> str:
    """The two checks in one sentence that says what the clusters are."""
    if separate.k == 1:
        return separate.sentence()
    judged = separate.groups[separate.groups >= 0]
    clouds = len(np.unique(judged))
    if clouds == len(judged) and stable.found_again:
        kind = "These are separate groups of particles, found again from other particles."
    elif clouds > 1:
        kind = "Some of these clusters are separate groups, others are cuts of one cloud."
    elif stable.found_again:
        kind = (
            "One continuous cloud, cut at the same places again and again: useful to look along "
            "it, but these clusters are no states."
        )
    else:
        kind = (
            "One cloud, cut anywhere: other particles give other clusters. Do not read states into "
            "them."
        )
    return kind
