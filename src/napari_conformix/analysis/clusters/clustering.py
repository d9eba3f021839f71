"""Particles in groups by where they lie in latent space: k-means and Gaussian mixtures.

Knows no job: an array (N, d) goes in, whatever its axes mean. Everything follows from the seed; the
sums of k-means run in one thread, since the order in which threads add up would move particles at
the border from one run to the next.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.errors import UserError

How = Literal["kmeans", "gmm"]
Covariance = Literal["full", "diag"]
Coordinates = Literal["latents", "motion"]

#: above this many particles the clusters are fitted to a random subset, and all are assigned
MOST_FITTED: dict[str, int] = {"kmeans": 100_000, "gmm": 40_000}
#: a cluster needs so many particles for each number of a full covariance matrix
PARTICLES_A_PARAMETER = 5
#: of a mixture's smallest variance, in units of the variance of all
LEAST_VARIANCE = 1e-6
#: starts of k-means from different particles, of which the best is taken
STARTS = 10
#: labels are int16
MOST_CLUSTERS = 1000
_ASSIGNED_AT_ONCE = 65_536

HOW_IN_WORDS: dict[str, str] = {"kmeans": "k-means", "gmm": "Gaussian mixture"}

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Clustering:
    """Groups of particles, the largest first.

    labels           (N,) int16 from 0; -1 for particles that were not asked for or have no latents
    centres          (k, d) float32: means
    representatives  (k,) int64: the member nearest to the centre of its cluster, in a mixture by
                     the mixture's own measure (the most likely one)
    counts           (k,) int64
    probability      (N,) float32 of a particle's own cluster, in a mixture; else None
    asked            the number of clusters asked for: more than k where some were left empty
    fitted           the number of particles that the centres were found from
    covariance       of a mixture: 'full', or 'diag' where there are too few particles for that
    """

    labels: NDArray[np.int16]
    centres: NDArray[np.float32]
    representatives: NDArray[np.int64]
    counts: NDArray[np.int64]
    how: How
    seed: int
    asked: int
    fitted: int
    epoch: int | None = None
    coordinates: Coordinates = "latents"
    covariance: Covariance | None = None
    probability: NDArray[np.float32] | None = None

    @property
    def k(self) -> int:
        """The number of clusters, none of which is empty."""
        return len(self.counts)

    def rows(self, index: int) -> NDArray[np.int64]:
        """The particles of a cluster (from 0), sorted."""
        return np.flatnonzero(self.labels == index)

    def sentence(self) -> str:
        """How they were made."""
        axes = "motion coordinates" if self.coordinates == "motion" else "latents"
        text = f"{HOW_IN_WORDS[self.how]} of the {axes}"
        text += f" of epoch {self.epoch}" if self.epoch else ""  # 0: of no run, but imported
        text += f": {self.k} cluster{'s' * (self.k != 1)}"
        text += f" of {int(self.counts.sum()):,} particles (seed {self.seed})"
        if self.covariance is not None:
            along = "along the axes of the latents (too few particles for any direction)"
            shape = {"full": "of any shape", "diag": along}
            text += f", Gaussians {shape[self.covariance]}"
        text += "."
        if self.fitted < self.counts.sum():
            text += f" Found from {self.fitted:,} particles drawn at random; all were assigned."
        if self.k < self.asked:
            text += f" {self.asked} were asked for; {self.asked - self.k} remained empty."
        return text


def cluster(
    latents: ArrayLike,
    k: int,
    how: How = "kmeans",
    seed: int = 1,
    rows: ArrayLike | None = None,
    *,
    epoch: int | None = None,
    coordinates: Coordinates = "latents",
) -> Clustering:
    """Group particles by their latents (N, d).

    `rows` are the particles to group (indices or (N,) bool); all without. Rows that are not finite
    take no part. `epoch` and `coordinates` are kept with the result. UserError when there are fewer
    particles, or fewer different ones, than clusters.
    """
    values = np.asarray(latents)
    used = usable_rows(values, rows)
    check_count(k, values[used])
    model = Model.fit(values[used], k, how, seed)
    labels, fit = model.assign(values[used])
    return _in_order(
        Clustering(
            labels=_spread(labels.astype(np.int16), used, len(values), -1),
            centres=model.centres,
            representatives=_nearest(labels, fit, used, k),
            counts=np.bincount(labels, minlength=k),
            how=how,
            seed=seed,
            asked=k,
            fitted=model.fitted,
            epoch=epoch,
            coordinates=coordinates,
            covariance=model.covariance,
            probability=_probability(model, values, used),
        )
    )


def usable_rows(values: Floats, rows: ArrayLike | None) -> NDArray[np.int64]:
    """Sorted rows with finite numbers among those asked for."""
    if values.ndim != 2:
        raise UserError(f"Latents must be a table (particles, numbers), not of {values.shape}.")
    asked = np.ones(len(values), bool)
    if rows is not None:
        asked = np.zeros(len(values), bool)
        asked[np.asarray(rows)] = True
    return np.flatnonzero(asked & np.isfinite(values).all(axis=1))


def check_count(k: int, values: Floats) -> None:
    """UserError unless these particles can make `k` clusters."""
    if not 1 <= k <= MOST_CLUSTERS:
        raise UserError(f"The number of clusters must be between 1 and {MOST_CLUSTERS}, not {k}.")
    if k > len(values):
        raise UserError(f"{len(values)} particles do not make {k} clusters.")
    if k > 1 and len(different := np.unique(values[:MOST_CLUSTERS], axis=0)) < k:
        different = np.unique(values, axis=0)
        if len(different) < k:
            raise UserError(
                f"The particles have only {len(different)} different latents, which do not make "
                f"{k} clusters."
            )


@dataclass(frozen=True)
class Model:
    """Fitted clusters; `assign` says whose each particle is. In units of `scale` from `origin`."""

    estimator: Any
    origin: Floats
    scale: float
    how: How
    fitted: int
    covariance: Covariance | None

    @classmethod
    def fit(cls, values: Floats, k: int, how: How, seed: int, starts: int | None = None) -> "Model":
        """Fit to (n, d), or to a random subset where there are very many."""
        random = np.random.default_rng([seed, len(values)])
        most = MOST_FITTED[how]
        if len(values) > most:
            values = values[np.sort(random.choice(len(values), most, replace=False))]
        origin = values.mean(axis=0, dtype=np.float64)
        scale = float(np.sqrt(np.square(values - origin).mean())) or 1.0
        scaled = (values - origin) / scale
        starts = starts or STARTS
        covariance = None
        if how == "kmeans":
            estimator = fit_kmeans(scaled, k, seed, starts)
        else:
            covariance = covariance_for(len(values), values.shape[1], k)
            estimator = fit_mixture(scaled, k, seed, starts, covariance)
        return cls(estimator, origin, scale, how, len(values), covariance)

    @property
    def centres(self) -> NDArray[np.float32]:
        """(k, d)."""
        centres = self.estimator.cluster_centers_ if self.how == "kmeans" else self.estimator.means_
        return np.asarray(centres * self.scale + self.origin, dtype=np.float32)

    def assign(self, values: Floats) -> tuple[NDArray[np.int64], Floats]:
        """(n,) cluster of each particle, and (n,) how well it fits there: more is nearer."""
        parts = [self._assign(chunk) for chunk in self._chunks(values)]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _chunks(self, values: Floats) -> list[Floats]:
        firsts = range(0, len(values), _ASSIGNED_AT_ONCE)
        return [values[first : first + _ASSIGNED_AT_ONCE] for first in firsts]

    def _assign(self, values: Floats) -> tuple[NDArray[np.int64], Floats]:
        scaled = (values - self.origin) / self.scale
        with one_thread():
            if self.how == "kmeans":
                distances = self.estimator.transform(scaled)
                labels = distances.argmin(axis=1)
                return labels, -distances[np.arange(len(labels)), labels]
            labels = self.estimator.predict(scaled)
        return labels, -self._mahalanobis(scaled, labels)

    def _mahalanobis(self, scaled: Floats, labels: NDArray[np.int64]) -> Floats:
        """(n,) distance from the mean of each particle's own Gaussian, in its own widths."""
        distance = np.empty(len(scaled))
        for label in np.unique(labels):
            own = labels == label
            offset = scaled[own] - self.estimator.means_[label]
            root = self.estimator.precisions_cholesky_[label]
            turned = offset @ root if self.covariance == "full" else offset * root
            distance[own] = np.linalg.norm(turned, axis=1)
        return distance

    def probability(self, values: Floats) -> NDArray[np.float32]:
        """(n,) of each particle's own cluster; of mixtures."""
        with one_thread():
            parts = [
                self.estimator.predict_proba((chunk - self.origin) / self.scale).max(axis=1)
                for chunk in self._chunks(values)
            ]
        return np.concatenate(parts).astype(np.float32)


def covariance_for(particles: int, dimensions: int, k: int) -> Covariance:
    """'full' where a cluster has enough particles for d (d + 3) / 2 numbers, else 'diag'."""
    parameters = dimensions * (dimensions + 3) / 2
    return "full" if particles >= PARTICLES_A_PARAMETER * parameters * k else "diag"


def one_thread() -> Any:
    """For sums that must not depend on the order in which threads finish."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def fit_kmeans(values: Floats, k: int, seed: int, starts: int) -> Any:
    """scikit-learn's estimator, fitted to (n, d)."""
    from sklearn.cluster import KMeans

    with one_thread():
        return KMeans(k, n_init=starts, random_state=seed).fit(values)


def fit_mixture(values: Floats, k: int, seed: int, starts: int, covariance: Covariance) -> Any:
    """scikit-learn's estimator, fitted to (n, d) whose mean square is 1.

    Expectation maximisation finds the nearest of many optima, so it starts twice: from k-means of
    the values, and of the values in units of their spread in every direction. The first sees groups
    far apart among much noise, the second long ones side by side. The likelier is taken.
    """
    from sklearn.mixture import GaussianMixture

    found = []
    for seen in (values, _whitened(values)):
        labels = fit_kmeans(seen, k, seed, starts).labels_
        means, precisions = _moments(values, labels, k, covariance)
        estimator = GaussianMixture(
            k,
            covariance_type=covariance,
            max_iter=300,
            reg_covar=LEAST_VARIANCE,
            weights_init=np.bincount(labels, minlength=k) / len(labels),
            means_init=means,
            precisions_init=precisions,
            random_state=seed,
        )
        with one_thread():
            found.append(estimator.fit(values))
    return max(found, key=lambda fitted: float(fitted.lower_bound_))


def _whitened(values: Floats) -> Floats:
    """(n, d) with unit variance in every direction that has any."""
    lengths, axes = np.linalg.eigh(np.atleast_2d(np.cov(values.T)))
    scale = np.sqrt(np.maximum(lengths, LEAST_VARIANCE))
    white: Floats = (values - values.mean(axis=0)) @ (axes / scale)
    return white


def _moments(
    values: Floats, labels: NDArray[Any], k: int, covariance: Covariance
) -> tuple[Floats, Floats]:
    """Means (k, d) and inverse covariances, (k, d, d) or diagonals (k, d), of groups."""
    d = values.shape[1]
    groups = [values[labels == label] for label in range(k)]
    means = np.stack([group.mean(axis=0) for group in groups])
    if covariance == "diag":
        return means, 1 / (np.stack([group.var(axis=0) for group in groups]) + LEAST_VARIANCE)
    spread = [np.atleast_2d(np.cov(group.T, bias=True)) for group in groups]
    return means, np.linalg.inv(np.stack(spread) + LEAST_VARIANCE * np.eye(d))


def _spread(
    values: NDArray[Any], rows: NDArray[np.int64], total: int, otherwise: float
) -> NDArray[Any]:
    """(total,) with `values` at `rows`."""
    result = np.full(total, otherwise, values.dtype)
    result[rows] = values
    return result


def _nearest(
    labels: NDArray[np.int64], fit: Floats, rows: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """(k,) the row that fits best in each cluster; -1 in an empty one."""
    best = np.full(k, -1, np.int64)
    order = np.argsort(fit, kind="stable")  # the best of a cluster is written last
    best[labels[order]] = rows[order]
    return best


def _probability(
    model: Model, values: Floats, rows: NDArray[np.int64]
) -> NDArray[np.float32] | None:
    if model.how == "kmeans":
        return None
    return _spread(model.probability(values[rows]), rows, len(values), np.nan)


def _in_order(found: Clustering) -> Clustering:
    """The largest cluster first; empty ones left out."""
    order = np.argsort(-found.counts, kind="stable")
    order = order[found.counts[order] > 0]
    number = np.full(len(found.counts) + 1, -1, np.int16)  # the last one is for -1
    number[order] = np.arange(len(order))
    return replace(
        found,
        labels=number[found.labels],
        centres=found.centres[order],
        representatives=found.representatives[order],
        counts=found.counts[order],
    )
