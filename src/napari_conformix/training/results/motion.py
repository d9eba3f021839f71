"""Coordinates of motion that both halves share: PCA of a method's features.

Two halves trained independently have unrelated latent axes; what their latents *do* (for example
displacements at landmarks) can be compared. The axes of successive refreshes are matched, so that
the view on the screen does not flip while training goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from napari_conformix.training.contract import Method

#: components kept, particles that the axes are fitted on, particles featured at once
COMPONENTS = 6
MOST_FITTED = 20_000
CHUNK = 2048
#: axes keep their place of the previous refresh until their variances differ by this factor
SWAP_FACTOR = 1.2

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Motion:
    """coordinates (N, k) float32; variance (k,) share of the total; unit of a distance."""

    coordinates: Floats
    variance: Floats
    unit: str


def motion_coordinates(
    method: Method,
    mean: Floats,
    half: NDArray[np.int8],
    *,
    seed: int,
    previous: Floats | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Motion | None:
    """Reduce `Method.features` of all particles by PCA; None when `stop` said so meanwhile.

    mean (N, d), half (N,): the half whose model each latent belongs to (0 for one model).
    previous (N, k'): coordinates of the last refresh, to keep signs and order.
    """
    random = np.random.default_rng([seed, len(mean)])
    count = min(len(mean), MOST_FITTED)
    fitted = np.sort(random.choice(len(mean), size=count, replace=False))
    sample = _features(method, mean[fitted], half[fitted], stop)
    if sample is None:
        return None
    centre, axes, variance = _principal_axes(sample, seed)
    scores = (sample - centre) @ axes
    axes, variance = _as_before(axes, variance, scores, previous, fitted)
    coordinates = np.empty((len(mean), axes.shape[1]), dtype=np.float32)
    for first in range(0, len(mean), CHUNK):
        rows = slice(first, first + CHUNK)
        features = _features(method, mean[rows], half[rows], stop)
        if features is None:
            return None
        coordinates[rows] = (features - centre) @ axes
    return Motion(coordinates, variance.astype(np.float32), method.features_unit)


def _features(
    method: Method, mean: Floats, half: NDArray[np.int8], stop: Callable[[], bool]
) -> Floats | None:
    """(n, d) latents -> (n, f) features, each by the model of its half."""
    result: Floats | None = None
    for h in np.unique(half):
        rows = np.flatnonzero(half == h)
        for first in range(0, len(rows), CHUNK):
            if stop():
                return None
            chunk = rows[first : first + CHUNK]
            latent = torch.from_numpy(mean[chunk]).to(method.device)
            with torch.no_grad():
                values = method.features(latent, int(h)).float().cpu().numpy()
            if result is None:
                result = np.empty((len(mean), values.shape[1]), dtype=np.float32)
            result[chunk] = values
    return result


def _principal_axes(sample: Floats, seed: int) -> tuple[Floats, Floats, Floats]:
    """Mean (f,), axes (f, k) with unit columns, and their share of the variance (k,)."""
    from sklearn.decomposition import PCA

    count = min(COMPONENTS, *sample.shape)
    solver = "full" if min(sample.shape) <= 64 else "randomized"
    with np.errstate(invalid="ignore"):  # no variance at all: the share below becomes 0
        pca = PCA(n_components=count, svd_solver=solver, random_state=seed).fit(sample)
    share = np.nan_to_num(pca.explained_variance_ratio_)
    return pca.mean_, np.ascontiguousarray(pca.components_.T), share


def _as_before(
    axes: Floats, variance: Floats, scores: Floats, previous: Floats | None, rows: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Axes with the signs, and where variances are close the order, of the previous refresh."""
    order = np.arange(axes.shape[1])
    sign = np.where(np.abs(scores.max(0)) >= np.abs(scores.min(0)), 1.0, -1.0)
    if previous is not None and previous.shape[1] == axes.shape[1]:
        correlation = _correlation(scores, previous[rows])  # (new, old)
        new, old = linear_sum_assignment(-np.abs(correlation))
        order = new[np.argsort(old)]
        sign = np.where(correlation[new, old] < 0, -1.0, 1.0)
        order = _sorted_when_clear(order, variance)
    return (axes * sign).astype(np.float32)[:, order], variance[order]


def _sorted_when_clear(order: NDArray[np.int64], variance: Floats) -> NDArray[np.int64]:
    """Sort by falling variance, but leave neighbours of nearly equal variance as they are."""
    order = order.copy()
    for _ in order:
        for i in range(len(order) - 1):
            if variance[order[i + 1]] > SWAP_FACTOR * variance[order[i]]:
                order[i], order[i + 1] = order[i + 1], order[i]
    return order


def _correlation(a: Floats, b: Floats) -> Floats:
    a = a - a.mean(0)
    b = b - b.mean(0)
    norm = np.linalg.norm(a, axis=0)[:, None] * np.linalg.norm(b, axis=0)[None, :]
    correlation: Floats = (a.T @ b) / np.where(norm > 0, norm, 1.0)
    return correlation
