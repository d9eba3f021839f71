"""How many clusters: what mixtures of more and more Gaussians are worth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.analysis.clusters.checks import STARTS, separation
from napari_conformix.analysis.clusters.clustering import (
    check_count,
    covariance_for,
    fit_mixture,
    one_thread,
    usable_rows,
)

#: particles that the mixtures are compared on
MOST_COMPARED = 20_000


@dataclass(frozen=True, eq=False)
class Suggestion:
    """What a mixture of 1, 2, ... Gaussians is worth: the Bayesian information criterion.

    k, bic   (n,) each; a smaller BIC is better, a difference of 10 decides
    fitted   particles looked at
    clouds   that the best mixture makes up, with gaps between them (see `checks`)
    """

    k: NDArray[np.int64]
    bic: NDArray[np.float64]
    fitted: int
    clouds: int

    @property
    def best(self) -> int:
        """The number of Gaussians with the least BIC."""
        return int(self.k[self.bic.argmin()])

    def sentence(self) -> str:
        """What follows, and what does not."""
        most, looked_at = int(self.k.max()), f"the {self.fitted:,} particles looked at"
        if self.best == 1:
            return (
                f"One Gaussian describes {looked_at} better than 2 to {most} do (BIC): nothing "
                "says that there are groups."
            )
        more = ", and more might describe them better still" if self.best == most else ""
        text = (
            f"Of mixtures of 1 to {most} Gaussians, {self.best} describe {looked_at} best "
            f"(BIC){more}. "
        )
        if self.clouds < 2:
            return text + (
                "No gaps are seen between them: a cloud that is bent or has long tails takes "
                "several, too, so this is no number of states."
            )
        return text + (
            f"They make up {self.clouds} clouds with gaps between them: make at least "
            f"{self.clouds} clusters."
        )


def suggest(
    latents: ArrayLike,
    most: int = 10,
    seed: int = 1,
    rows: ArrayLike | None = None,
    *,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Suggestion | None:
    """BIC of Gaussian mixtures with 1 to `most` components (Schwarz 1978); None when stopped.

    latents (N, d). All mixtures see the same particles (at most 20,000), and all have the kind of
    covariance that the largest can afford, so that they can be compared.
    """
    values = np.asarray(latents)
    used = usable_rows(values, rows)
    if len(used) > MOST_COMPARED:
        random = np.random.default_rng([seed, len(used)])
        used = np.sort(random.choice(used, MOST_COMPARED, replace=False))
    check_count(1, values[used])
    chosen = values[used] - values[used].mean(axis=0, dtype=np.float64)
    chosen = chosen / (np.sqrt(np.square(chosen).mean()) or 1.0)
    most = min(most, len(np.unique(chosen, axis=0)))
    covariance = covariance_for(len(chosen), chosen.shape[1], most)
    bic, labels = np.empty(most), []
    for k in range(1, most + 1):
        if stop is not None and stop():
            return None
        fit = fit_mixture(chosen, k, seed, STARTS, covariance)
        with one_thread():
            labels.append(fit.predict(chosen))
        bic[k - 1] = fit.bic(chosen)
        if progress is not None:
            progress(k * (k + 1) / (most * (most + 1)))
    gaps = separation(chosen, labels[int(bic.argmin())], seed, stop=stop)
    if gaps is None:
        return None
    return Suggestion(np.arange(1, most + 1), bic, len(chosen), gaps.clouds)
