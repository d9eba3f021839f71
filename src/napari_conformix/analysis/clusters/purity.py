"""Clusters against known labels: how pure each is, and what chance would give.

The measure is that of Luo et al. (2023, Fig. 2): the entropy of the labels within a cluster,
with logarithms to base 10, averaged over the clusters. 0 is a cluster of one label; eight labels
evenly mixed have 0.903.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.errors import UserError

#: times that the labels are shuffled to see what chance gives
SHUFFLES = 100
#: labels are few: more different ones are taken for a mistake
MOST_STATES = 500


@dataclass(frozen=True, eq=False)
class Purity:
    """Clusters against known labels.

    entropy           (k,) base 10: 0 for a cluster of one label
    mean_entropy      mean over the clusters, as in the paper; those without a labelled particle,
                      of which nothing is known, are left out
    weighted_entropy  mean over the particles
    random_entropy    mean over the clusters when particles are drawn into clusters of the same
                      sizes at random; random_spread is its standard deviation
    adjusted_rand     1: the same groups as the labels; 0: chance (Hubert and Arabie 1985)
    table             (k, s): particles of each cluster with each label
    states            (s,) the labels, as text
    unlabelled        particles in clusters that have no label
    """

    entropy: NDArray[np.float64]
    mean_entropy: float
    weighted_entropy: float
    random_entropy: float
    random_spread: float
    adjusted_rand: float
    table: NDArray[np.int64]
    states: tuple[str, ...]
    unlabelled: int = 0
    source: str = ""

    def sentence(self) -> str:
        """What it says."""
        text = (
            f"Against the {len(self.states)} known labels"
            + (f" ({self.source})" if self.source else "")
            + f": mean entropy of the clusters {self.mean_entropy:.3f} (0: every cluster has one "
            f"label; drawn at random: {self.random_entropy:.3f}), adjusted Rand index "
            f"{self.adjusted_rand:.2f} (1: the same groups; 0: chance)."
        )
        if self.unlabelled:
            text += f" {self.unlabelled:,} particles without a label were left out."
        return text

    def lines(self) -> list[str]:
        """The table, a line a cluster, for a terminal."""
        width = max(8, *(len(state) + 2 for state in self.states))
        lines = ["cluster" + "".join(f"{state:>{width}}" for state in self.states) + "   entropy"]
        lines += [
            f"{number:>7}" + "".join(f"{count:>{width},}" for count in row) + f"{entropy:>10.3f}"
            for number, (row, entropy) in enumerate(
                zip(self.table, self.entropy, strict=True), start=1
            )
        ]
        return lines


def purity(labels: ArrayLike, truth: ArrayLike, *, seed: int = 1, source: str = "") -> Purity:
    """Compare clusters with known labels of the same particles.

    labels (N,) clusters from 0, -1 for particles of none; truth (N,) labels of any kind: numbers
    or text; NaN, empty text and None say that there is none. UserError for arrays of different
    length, or more than 500 different labels.
    """
    from sklearn.metrics import adjusted_rand_score

    clusters, codes, states = _pair(labels, truth)
    table = _table(clusters, codes, len(states))
    entropy = entropies(table)
    sizes = table.sum(axis=1)
    chance = _by_chance(clusters, codes, len(states), seed)
    return Purity(
        entropy=entropy,
        mean_entropy=float(entropy[sizes > 0].mean()),
        weighted_entropy=float((entropy * sizes).sum() / sizes.sum()),
        random_entropy=float(chance.mean()),
        random_spread=float(chance.std()),
        adjusted_rand=float(adjusted_rand_score(codes, clusters)),
        table=table,
        states=states,
        unlabelled=int(np.count_nonzero(np.asarray(labels) >= 0)) - len(clusters),
        source=source,
    )


def entropies(table: ArrayLike) -> NDArray[np.float64]:
    """(k, s) counts -> (k,) entropy to base 10 of each row; 0 of an empty one."""
    counts = np.asarray(table, dtype=np.float64)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    logarithm = np.log10(share, where=share > 0, out=np.zeros_like(share))
    entropy: NDArray[np.float64] = np.abs((share * logarithm).sum(axis=1))
    return entropy


def label_codes(truth: ArrayLike) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """(N,) int from 0, -1 where there is no label, and the labels as text in their order.

    UserError when there are none or too many different ones.
    """
    values = np.asarray(truth)
    if values.dtype == object:
        values = np.array(["" if value is None else str(value) for value in values])
    if np.issubdtype(values.dtype, np.floating):
        known = np.isfinite(values)
    elif values.dtype.kind in "US":
        known = np.char.str_len(values) > 0
    else:
        known = np.ones(len(values), bool)
    states, codes = np.unique(values[known], return_inverse=True)
    if not len(states):
        raise UserError("No particle has a known label.")
    if len(states) > MOST_STATES:
        raise UserError(
            f"The known labels have {len(states):,} different values; labels of states are few "
            f"(at most {MOST_STATES}): is this a measured value?"
        )
    result = np.full(len(values), -1, np.int64)
    result[known] = codes
    whole = np.issubdtype(states.dtype, np.floating) and (states == np.round(states)).all()
    return result, tuple(f"{state:.0f}" if whole else str(state) for state in states.tolist())


def _pair(
    labels: ArrayLike, truth: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]:
    """Clusters and codes of the particles that have both, and the names of the states."""
    clusters, given = np.asarray(labels, dtype=np.int64), np.asarray(truth)
    if given.shape != clusters.shape:
        raise UserError(
            f"There are {given.size:,} known labels, but {clusters.size:,} particles; give one "
            "label for every particle of the file."
        )
    codes, states = label_codes(given)
    both = (clusters >= 0) & (codes >= 0)
    if not both.any():
        raise UserError("No particle of these clusters has a known label.")
    return clusters[both], codes[both], states


def _table(clusters: NDArray[np.int64], codes: NDArray[np.int64], states: int) -> NDArray[np.int64]:
    count = int(clusters.max()) + 1
    flat = np.bincount(clusters * states + codes, minlength=count * states)
    return flat.reshape(count, states)


def _by_chance(
    clusters: NDArray[np.int64], codes: NDArray[np.int64], states: int, seed: int
) -> NDArray[np.float64]:
    """(SHUFFLES,) mean entropy when the labels are dealt to the clusters at random.

    A deal into clusters of given sizes from labels of given counts is a multivariate
    hypergeometric draw: no need to shuffle a million particles.
    """
    random = np.random.default_rng(seed)
    sizes, counts = np.bincount(clusters), np.bincount(codes, minlength=states)
    sizes = sizes[sizes > 0]
    found = np.empty(SHUFFLES)
    for i in range(SHUFFLES):
        left, table = counts.copy(), []
        for size in sizes:
            drawn = random.multivariate_hypergeometric(left, size, method="marginals")
            table.append(drawn)
            left -= drawn
        found[i] = entropies(table).mean()
    return found
