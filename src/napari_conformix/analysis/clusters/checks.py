"""Whether clusters are there or were cut: k-means divides any cloud into as many as are asked for.

Two questions. Does the density of particles fall between a cluster and the next, or is it one cloud
(`separation`)? And are the same groups found again from other particles (`stability`)? A long cloud
is cut at the same places again and again, so the second alone proves nothing: it is compared with
that of a structureless cloud of the same extent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.analysis.clusters.clustering import How, Model, one_thread, usable_rows

#: particles looked at, for each of the two checks
MOST_REPEATED = 20_000
MOST_NEIGHBOURS_OF = 10_000
#: pairs of random halves, of the particles and of the cloud without groups (on which mixtures are
#: slow), and starts of k-means for each
REPEATS = 3
REPEATS_OF_CLOUD: dict[str, int] = {"kmeans": 3, "gmm": 1}
STARTS = 4
#: an adjusted Rand index from which clusters count as found again, and how much more than in a
#: structureless cloud it must be to say that there is structure
FOUND_AGAIN = 0.75
MORE_THAN_CHANCE = 0.15
#: particles in the ball that measures the density at a particle; medians over many are compared
NEIGHBOURS = 25
#: a dimension in which the density is measured at least, so that a bent cloud stays one
DIMENSIONS = 3
#: from one centre (0) to the other (1): a zone about one, three windows between, a zone about the
#: other
WINDOWS = (-0.2, 0.2, 0.4, 0.6, 0.8, 1.2)
#: a window with fewer particles is empty; a cluster with fewer in its zone is not judged
EMPTY, LEAST_JUDGED = 5, 20
#: the density between two clusters, relative to that within, below which there is a gap (latents of
#: one continuous motion are never evenly dense); in small clusters it must be lower, by so many
#: standard errors of a count
GAP = 0.5
ERRORS = 5.0

Floats = NDArray[np.floating[Any]]
Progress = Callable[[float], None]
Stop = Callable[[], bool]


# -- found again ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Stability:
    """Adjusted Rand indices between clusterings of two random halves of the particles, each applied
    to all of them.

    adjusted_rand   (n,) one a repeat
    by_chance       the mean of the same for a Gaussian cloud of the same extent in every direction,
                    which has no groups
    """

    adjusted_rand: NDArray[np.float64]
    by_chance: float = float("nan")

    @property
    def mean(self) -> float:
        """Over the repeats."""
        return float(self.adjusted_rand.mean())

    @property
    def found_again(self) -> bool:
        """Whether other particles give nearly the same groups."""
        return self.mean >= FOUND_AGAIN

    @property
    def beyond_chance(self) -> bool:
        """Whether they do so clearly more than in a cloud without groups."""
        return self.mean >= min(self.by_chance + MORE_THAN_CHANCE, 0.98)

    def sentence(self) -> str:
        """In words."""
        return (
            f"Found again when half of the particles are left out: {self.mean:.2f} (1 is the "
            f"same, 0 chance; a cloud of the same extent without groups: {self.by_chance:.2f})."
        )


def stability(
    latents: ArrayLike,
    k: int,
    how: How = "kmeans",
    seed: int = 1,
    rows: ArrayLike | None = None,
    *,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Stability | None:
    """Fit `k` clusters to random halves of the particles that share none, assign all by both, and
    compare. None when stopped. Looks at 20,000 particles at most.
    """
    values = np.asarray(latents)
    used = usable_rows(values, rows)
    random = np.random.default_rng([seed, 2, len(used)])
    chosen = values[random.permutation(used)[:MOST_REPEATED]].astype(np.float64)
    if len(chosen) < 4 * k:
        return Stability(np.zeros(1), 0.0)
    covariance = np.atleast_2d(np.cov(chosen.T))
    cloud = random.multivariate_normal(chosen.mean(axis=0), covariance, len(chosen))
    turns = [(chosen, repeat) for repeat in range(REPEATS)]
    turns += [(cloud, repeat) for repeat in range(REPEATS_OF_CLOUD[how])]
    found = []
    for particles, repeat in turns:
        if stop is not None and stop():
            return None
        found.append(_of_halves(random.permutation(particles), k, how, seed + repeat))
        if progress is not None:
            progress(len(found) / len(turns))
    return Stability(np.array(found[:REPEATS]), float(np.mean(found[REPEATS:])))


def _of_halves(shuffled: Floats, k: int, how: How, seed: int) -> float:
    """Adjusted Rand index of all particles by what either half says."""
    from sklearn.metrics import adjusted_rand_score

    first, second = (
        Model.fit(half, k, how, seed, STARTS).assign(shuffled)[0]
        for half in (shuffled[::2], shuffled[1::2])
    )
    return float(adjusted_rand_score(first, second))


# -- separate -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Separation:
    """How far the density of particles falls between clusters.

    density   (k, k): at the thinnest place from one cluster to another, relative to the thinner of
              both; 1: no less. 1 on the diagonal; NaN for a cluster of too few particles to judge,
              and where too few are about the centres of two
    gap       (k, k) bool: it falls by more than the counts leave to chance, and enough to be seen
    """

    density: NDArray[np.float64]
    gap: NDArray[np.bool_]

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.density)

    @property
    def nearest(self) -> NDArray[np.float64]:
        """(k,) density towards the cluster that is least separated from each; NaN for one."""
        others = np.where(np.eye(self.k, dtype=bool) | np.isnan(self.density), -1, self.density)
        most = others.max(axis=1)
        return np.where(most >= 0, most, np.nan)

    @property
    def groups(self) -> NDArray[np.int64]:
        """(k,) number from 0 of the cloud that each cluster is part of; -1: too small to judge."""
        from scipy.sparse.csgraph import connected_components

        judged = np.isfinite(np.diagonal(self.density))
        # where the density on the way could not be measured no gap was seen
        _, labels = connected_components(~self.gap & np.outer(judged, judged), directed=False)
        names = {label: number for number, label in enumerate(dict.fromkeys(labels[judged]))}
        found = [names[label] if ok else -1 for label, ok in zip(labels, judged, strict=True)]
        return np.array(found, dtype=np.int64)

    @property
    def clouds(self) -> int:
        """How many clouds with gaps between them the clusters make up."""
        return int(self.groups.max(initial=-1)) + 1

    @property
    def all_separate(self) -> bool:
        """Whether there is a gap around every cluster that could be judged."""
        judged = int(np.count_nonzero(self.groups >= 0))
        return self.clouds == judged and judged > 1

    def sentence(self) -> str:
        """In words."""
        groups, clouds = self.groups, self.clouds
        small = _listed(np.flatnonzero(groups < 0))
        word = "cluster" if np.count_nonzero(groups < 0) == 1 else "clusters"
        few = f" Too few particles to judge: {word} {small}." if small else ""
        if clouds < 1:
            return few.strip()
        if self.k == 1:
            return "One cluster is no division."
        if clouds == 1 and self.gap.any():
            return (
                "No gap divides the clusters: from one to the next the density of particles stays "
                "above half of that within, though not from each to every other. Another number of "
                "clusters, which cuts elsewhere, may show gaps." + few
            )
        if clouds == 1:
            return (
                "No gap is seen between the clusters: from each to the next the density of "
                "particles stays above half of that within." + few
            )
        if self.all_separate:
            return (
                "There is a gap around every cluster: the density of particles falls to "
                f"{np.nanmax(self.nearest):.2f} of that within, or less." + few
            )
        parts = [np.flatnonzero(groups == number) for number in range(clouds)]
        joined = "; ".join(_listed(part) for part in parts if len(part) > 1)
        return (
            f"Gaps divide the particles into {clouds} clouds; no gap is seen between the clusters "
            f"{joined}." + few
        )


def _listed(indices: NDArray[np.int64]) -> str:
    """'1, 4 to 7 and 9' of indices from 0, sorted."""
    runs = np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1)
    numbers = []
    for run in runs:
        if len(run) > 2:
            numbers.append(f"{run[0] + 1} to {run[-1] + 1}")
        else:
            numbers += [str(index + 1) for index in run]
    return " and ".join(filter(None, [", ".join(numbers[:-1]), *numbers[-1:]]))


def separation(
    latents: ArrayLike, labels: ArrayLike, seed: int = 1, *, stop: Stop | None = None
) -> Separation | None:
    """Measure the gaps between clusters; None when stopped.

    latents (N, d), labels (N,) from 0 (-1: not looked at). The density at a particle is that of the
    ball that holds its 25 nearest. Along the way from one cluster to another, by the linear
    discriminant of both, the median density of their members is compared window by window. So it
    does not matter how many particles are on the way (few are at the border of two cells that touch
    in a narrow place), nor that a cloud is bent; a gap is a place whose particles are lonely.
    Looks at 10,000 particles. Gaps between clusters less than 5 to 6 standard deviations apart are
    not seen: where none is seen there may be states that overlap.
    """
    values, given = np.asarray(latents), np.asarray(labels)
    used = np.flatnonzero((given >= 0) & np.isfinite(values).all(axis=1))
    random = np.random.default_rng([seed, 3, len(used)])
    if len(used) > MOST_NEIGHBOURS_OF:
        used = np.sort(random.choice(used, MOST_NEIGHBOURS_OF, replace=False))
    k = int(given.max(initial=0)) + 1
    own = given[used]
    judged = np.bincount(own, minlength=k) >= LEAST_JUDGED
    density = np.full((k, k), np.nan)
    density[judged, judged] = 1.0
    gap = np.zeros((k, k), bool)
    if judged.sum() < 2:
        return Separation(density, gap)
    places = _telling_apart(values[used].astype(np.float64), own, k)
    log_density = _log_density(places)
    for i in np.flatnonzero(judged):
        if stop is not None and stop():
            return None
        for j in np.flatnonzero(judged[:i]):
            members = (own == i) | (own == j)
            found, limit = _between(places[members], log_density[members], own[members] == j)
            density[i, j] = density[j, i] = found
            gap[i, j] = gap[j, i] = found < limit
    return Separation(density, gap)


def _telling_apart(values: Floats, labels: NDArray[Any], k: int) -> Floats:
    """(n, m): the particles in the subspace that tells the clusters apart (that of their linear
    discriminants), and along as many of the longest axes across it as make up DIMENSIONS.

    The spread in other directions, which all clusters share, would only blur the density.
    """
    from scipy.linalg import eigh

    d = values.shape[1]
    present = [i for i in range(k) if (labels == i).any()]
    offset, between = np.empty_like(values), np.zeros((d, d))
    for i in present:
        own = labels == i
        centre = values[own].mean(axis=0)
        offset[own] = values[own] - centre
        from_mean = centre - values.mean(axis=0)
        between += np.outer(from_mean, from_mean) * own.mean()
    within = offset.T @ offset / len(values)
    within += np.eye(d) * max(1e-6 * np.trace(within) / d, np.finfo(np.float32).tiny)
    telling = eigh(between, within)[1][:, ::-1][:, : min(d, len(present) - 1)]
    axes = np.linalg.qr(telling)[0]
    missing = min(d, DIMENSIONS) - axes.shape[1]
    if missing > 0:
        across = np.eye(d) - axes @ axes.T
        longest = np.linalg.eigh(across @ np.cov(values.T) @ across)[1][:, ::-1]
        axes = np.concatenate([axes, longest[:, :missing]], axis=1)
    places: Floats = values @ axes
    return places


def _log_density(places: Floats) -> Floats:
    """(n,) logarithm of the density at each particle, up to a constant.

    Per volume in as many dimensions as the cloud has at this scale, by the maximum likelihood of
    Levina and Bickel (2004): a thin curve in eight dimensions is one-dimensional, and an eighth
    power of its distances would make great gaps of small fluctuations.
    """
    from sklearn.neighbors import NearestNeighbors

    count = min(NEIGHBOURS, len(places) - 1)
    with one_thread():
        distance, _ = NearestNeighbors(n_neighbors=count).fit(places).kneighbors()
    log_distance = np.log(np.maximum(distance, np.finfo(np.float32).tiny))
    spread = (log_distance[:, -1:] - log_distance[:, :-1]).mean()
    dimensions = min(float(places.shape[1]), 1.0 / max(spread, 1e-6))
    found: Floats = -dimensions * log_distance[:, -1]
    return found


def _between(places: Floats, log_density: Floats, second: NDArray[np.bool_]) -> tuple[float, float]:
    """Density between two clusters relative to the thinner of both, and below what it is a gap.

    places (n, m), log_density (n,) of the members of both; second (n,) says who is of the second.
    """
    start, end = places[~second].mean(axis=0), places[second].mean(axis=0)
    centred = places - np.where(second[:, None], end, start)
    within = centred.T @ centred / len(places)
    within += np.eye(len(within)) * (1e-3 * np.trace(within) / len(within) + 1e-30)
    direction = np.linalg.solve(within, end - start)
    way = (places - start) @ direction / ((end - start) @ direction)
    window = np.digitize(way, WINDOWS) - 1
    last = len(WINDOWS) - 2
    counts = [np.count_nonzero(window == number) for number in range(last + 1)]
    if min(counts[0], counts[last]) < EMPTY:
        return float("nan"), 0.0
    fewest = min(counts[0], counts[last])
    level = [
        np.median(log_density[window == number]) if count >= EMPTY else -np.inf
        for number, count in enumerate(counts)
        # in a window that is empty of few the density is not known
        if count >= EMPTY or fewest >= LEAST_JUDGED
    ]
    falls_to = float(np.exp(min(level) - min(level[0], level[-1])))
    # a window between is half as wide as a zone
    return falls_to, min(GAP, float(np.exp(-ERRORS / np.sqrt(fewest / 2))))


# -- both -----------------------------------------------------------------------------------------


def in_words(stable: Stability, separate: Separation) -> str:
    """What the clusters are, by both checks, in a sentence."""
    if separate.k == 1 or separate.clouds < 1:
        return separate.sentence()
    if separate.all_separate:
        if stable.found_again:
            return "These are separate groups of particles, found again from other particles."
        return (
            "There are gaps, but other particles give other clusters: try another number of them."
        )
    if separate.clouds > 1:
        return (
            "Some of these clusters are separate groups; others may be cuts of one cloud: where no "
            "gap is seen, the place of the border is a matter of choice."
        )
    if stable.beyond_chance:
        uncertain = "" if stable.found_again else " Where the borders lie is uncertain."
        return (
            "Not separate, but more than cuts of a structureless cloud: particles that differ by "
            f"degrees, states that overlap, or how they were imaged.{uncertain} Judge each cluster "
            "by what its own particles reconstruct to."
        )
    if stable.found_again:
        return (
            "One long cloud, cut across at the same places again and again: useful to look along "
            "it, but nothing here says that these clusters are states."
        )
    return (
        "One cloud, cut arbitrarily: other particles give other clusters. Do not read states into "
        "them."
    )
