"""How far do two methods place the same particles alike?

Axes of two latent spaces mean different things, and one may be bent where the other is straight.
What can be asked is how much of where a particle lies in one is predicted by where it lies in the
other: for particles that took no part in the fit, next to particles paired at random. Neither
figure can be 1: both positions carry noise of their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Level = Literal["unknown", "none", "partly", "largely"]

#: particles that are looked at, drawn at random from more
MOST_PARTICLES: Final = 10_000
#: below this nothing is said
FEWEST_PARTICLES: Final = 100
#: random pairings, from which chance and its spread are taken
SHUFFLES: Final = 20
FOLDS: Final = 5
#: neighbours over which positions are averaged
NEIGHBOURS: Final = (10, 40)
#: ridge penalties, in units of the number of particles
PENALTIES: Final = (1e-3, 1e-1)
#: canonical axes that are looked at, and the correlation below which one is of no account
MOST_AXES: Final = 6
LEAST_CORRELATION: Final = 0.1
#: standard deviations of chance above which a figure is no chance, and a share too small to matter
SIGMAS: Final = 4.0
SLIGHT: Final = 0.02
#: from this share on the two orders are largely the same
LARGELY: Final = 0.5


@dataclass(frozen=True)
class Told:
    """Share of the variance of positions that something predicts of particles left out of the fit
    (cross-validated R^2; below 0 when it misleads).

    share, error      and its standard error, from the folds
    chance, spread    mean and standard deviation for particles paired at random
    """

    share: float
    error: float
    chance: float
    spread: float

    @property
    def beyond_chance(self) -> bool:
        """Whether it is more than chance, and enough to matter."""
        return self.share > max(self.chance + SIGMAS * self.spread, SLIGHT)

    def words(self) -> str:
        """'63 % ± 1.5 %'."""
        return f"{max(100 * self.share, 0.0):.0f} % ± {100 * self.error:.1f} %"


@dataclass(frozen=True)
class Axes:
    """Canonical correlations (Hotelling 1936) of particles left out of the fit, largest first.

    correlation      (k,)
    chance, spread   mean and standard deviation, over random pairings, of the largest of any axis
    """

    correlation: Floats
    chance: float
    spread: float

    @property
    def shared(self) -> int:
        """Number of axes that both have, beyond chance and of some account."""
        least = max(self.chance + SIGMAS * self.spread, LEAST_CORRELATION)
        below = np.flatnonzero(self.correlation <= least)
        return int(below[0]) if len(below) else len(self.correlation)


@dataclass(frozen=True)
class MethodAgreement:
    """Of the positions (n, d) in one latent space and (n, e) in another.

    other_from_this, this_from_other   what either predicts of the other
    axes                               directions that both have
    view_of_this, view_of_other        what the viewing direction alone predicts of each; None where
                                       poses are not known
    """

    particles: int
    other_from_this: Told
    this_from_other: Told
    axes: Axes
    view_of_this: Told | None = None
    view_of_other: Told | None = None

    @property
    def level(self) -> Level:
        """How far the two agree, by the direction in which more can be predicted."""
        both = self.other_from_this, self.this_from_other
        if not any(told.beyond_chance for told in both):
            return "none"
        return "largely" if max(told.share for told in both) >= LARGELY else "partly"

    def lines(self, this: str, other: str) -> list[str]:
        """What was found; `this` and `other` are names of the two."""
        at_random = max(self.other_from_this.chance, self.this_from_other.chance, 0.0)
        found = [
            f"Where a particle lies in {this} predicts {self.other_from_this.words()} of where it "
            f"lies in {other}, and the other way round {self.this_from_other.words()} (particles "
            f"left out of the fit; paired at random {100 * at_random:.0f} %).",
            self._axes_in_words(),
        ]
        if self.view_of_this is not None and self.view_of_other is not None:
            found.append(
                f"The viewing direction alone predicts {self.view_of_this.words()} of {this} and "
                f"{self.view_of_other.words()} of {other}."
            )
        return [*found, self.conclusion()]

    def _axes_in_words(self) -> str:
        values = ", ".join(f"{value:.2f}" for value in self.axes.correlation)
        count = self.axes.shared
        noun = "axis" if count == 1 else "axes"
        return (
            f"{count} {noun} in common: canonical correlations {values} (paired at random "
            f"{self.axes.chance:.2f} ± {self.axes.spread:.2f})."
        )

    def conclusion(self) -> str:
        """What follows, and what does not."""
        if self.level == "none":
            return (
                "No sign that the two order the particles alike: do not believe what only one of "
                "them shows before its groups have been reconstructed from their own images."
            )
        seen = [v for v in (self.view_of_this, self.view_of_other) if v is not None]
        if len(seen) == 2 and min(v.share for v in seen) > 0.5 * max(
            self.other_from_this.share, self.this_from_other.share
        ):
            return (
                "They agree, but both follow the viewing direction: the agreement may be of how "
                "particles were seen, not of structure."
            )
        how = "largely" if self.level == "largely" else "partly"
        return (
            f"The two order the particles {how} alike. What is left is noise of either and what "
            "only one of them sees; these figures cannot say which. Both looked at the same "
            "images, so noise and errors of the poses that mislead both also count as agreement."
        )


def method_agreement(
    this: npt.ArrayLike,
    other: npt.ArrayLike,
    directions: npt.ArrayLike | None = None,
    *,
    seed: int = 0,
) -> MethodAgreement | None:
    """Compare positions (n, d) and (n, e) of the same particles, row by row; None for too few.

    `directions` (n, 3) are viewing directions. Rows that are not finite are left out. No image may
    have two rows, or what is left out of the fit is in it after all.
    """
    first, second = np.asarray(this, np.float64), np.asarray(other, np.float64)
    view = None if directions is None else np.asarray(directions, np.float64)
    usable = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    rows = np.flatnonzero(usable)
    random = np.random.default_rng(seed)
    if len(rows) > MOST_PARTICLES:
        rows = np.sort(random.choice(rows, MOST_PARTICLES, replace=False))
    if len(rows) < FEWEST_PARTICLES:
        return None
    first, second = first[rows], second[rows]
    views: tuple[Told | None, Told | None] = (None, None)
    if view is not None and np.isfinite(view[rows]).all():
        views = told(view[rows], first, random), told(view[rows], second, random)
    return MethodAgreement(
        len(rows),
        told(first, second, random),
        told(second, first, random),
        canonical(first, second, random),
        *views,
    )


# -- what one predicts of the other ----------------------------------------------------------------


def told(source: Floats, target: Floats, random: np.random.Generator) -> Told:
    """What positions (n, d) predict of positions (n, e) of the particles in the other folds.

    A linear regression and means over the nearest particles both try; the better one counts, and
    of random pairings the better one counts too.
    """
    scaled = _standardised(source)
    pairings = [np.arange(len(target)), *(random.permutation(len(target)) for _ in range(SHUFFLES))]
    targets = np.stack([target[order] for order in pairings])  # (s, n, e)
    kinds = len(PENALTIES) + len(NEIGHBOURS)
    left = np.zeros((FOLDS, kinds, len(targets)))
    total = np.zeros((FOLDS, len(targets)))
    for fold, (fit, held_out) in enumerate(_folds(len(target), random)):
        truth = targets[:, held_out]
        mean = targets[:, fit].mean(axis=1, keepdims=True)
        total[fold] = np.square(truth - mean).sum(axis=(1, 2))
        for kind, predicted in enumerate(_predictions(source, scaled, targets, fit, held_out)):
            left[fold, kind] = np.square(truth - predicted).sum(axis=(1, 2))
    share = 1 - left.sum(axis=0) / np.maximum(total.sum(axis=0), 1e-300)  # (kinds, s)
    best = int(share[:, 0].argmax())
    by_fold = 1 - left[:, best, 0] / np.maximum(total[:, 0], 1e-300)
    by_chance = share[:, 1:].max(axis=0)
    return Told(
        float(share[best, 0]),
        float(by_fold.std(ddof=1) / np.sqrt(FOLDS)),
        float(by_chance.mean()),
        float(by_chance.std(ddof=1)),
    )


def _predictions(
    source: Floats, scaled: Floats, targets: Floats, fit: Rows, held_out: Rows
) -> Iterator[Floats]:
    """(s, m, e) for each regression in turn: of the targets (s, n, e) of the particles held out."""
    from scipy.spatial import cKDTree

    mean = targets[:, fit].mean(axis=1, keepdims=True)
    x, centred = scaled[fit], targets[:, fit] - mean
    origin = x.mean(axis=0)
    gram = (x - origin).T @ (x - origin)
    for penalty in PENALTIES:
        ridge = gram + penalty * len(fit) * np.eye(len(gram))
        slopes = np.linalg.solve(ridge, (x - origin).T) @ centred  # (s, d, e)
        yield mean + (scaled[held_out] - origin) @ slopes
    most = min(max(NEIGHBOURS), len(fit))
    near = np.atleast_2d(cKDTree(source[fit]).query(source[held_out], k=most)[1])  # (m, most)
    for count in NEIGHBOURS:
        taken = fit[near[:, :count]]
        yield np.stack([target[taken].mean(axis=1) for target in targets])


def _folds(count: int, random: np.random.Generator) -> Iterator[tuple[Rows, Rows]]:
    """Particles to fit and particles left out, each left out once."""
    order = random.permutation(count)
    for fold in range(FOLDS):
        held_out = order[fold::FOLDS]
        yield np.setdiff1d(order, held_out, assume_unique=True), held_out


def _standardised(columns: Floats) -> Floats:
    """Mean 0 and variance 1; constant columns become 0."""
    spread = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(spread > 1e-12, spread, np.inf))


# -- axes in common -------------------------------------------------------------------------------


def canonical(first: Floats, second: Floats, random: np.random.Generator) -> Axes:
    """Canonical correlations of particles that took no part in finding the axes."""
    folds = list(_folds(len(first), random))
    found = np.mean([_left_out(first, second, *fold) for fold in folds], axis=0)
    by_chance: list[float] = []
    for _ in range(SHUFFLES):
        shuffled = second[random.permutation(len(second))]
        by_fold = [_left_out(first, shuffled, *fold) for fold in folds]
        by_chance.append(float(np.mean(by_fold, axis=0).max()))
    return Axes(np.sort(found)[::-1], float(np.mean(by_chance)), float(np.std(by_chance, ddof=1)))


def _left_out(first: Floats, second: Floats, fit: Rows, held_out: Rows) -> Floats:
    """(k,) correlations along the canonical axes of `fit`, of the particles held out."""
    one, two = _whitening(first[fit]), _whitening(second[fit])
    u, _, v = np.linalg.svd(one.apply(first[fit]).T @ two.apply(second[fit]))
    k = min(MOST_AXES, len(u), len(v))
    a, b = one.apply(first[held_out]) @ u[:, :k], two.apply(second[held_out]) @ v[:k].T
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    scale = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    return np.asarray((a * b).sum(axis=0) / np.where(scale > 0, scale, np.inf))


@dataclass(frozen=True)
class _Whitening:
    mean: Floats
    turn: Floats

    def apply(self, values: Floats) -> Floats:
        return np.asarray((values - self.mean) @ self.turn)


def _whitening(values: Floats) -> _Whitening:
    """To mean 0 and unit covariance, leaving out axes along which nothing varies."""
    mean = values.mean(axis=0)
    variance, vectors = np.linalg.eigh(np.cov(values.T).reshape(values.shape[1], -1))
    kept = variance > 1e-9 * max(variance.max(), 1e-300)
    return _Whitening(mean, vectors[:, kept] / np.sqrt(variance[kept]))


# -- groups ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GroupAgreement:
    """Adjusted Rand index (Hubert & Arabie 1985) of two ways to group the same particles: 1 for
    the same groups, 0 for groups drawn at random; `chance` is the most of random pairings."""

    this: str
    other: str
    adjusted_rand: float
    chance: float
    particles: int

    def sentence(self) -> str:
        """The index and what it is to be compared with."""
        return (
            f"Groups {self.this} and {self.other}: adjusted Rand index {self.adjusted_rand:.2f} of "
            f"{self.particles:,} particles (1: the same groups; drawn at random: at most "
            f"{max(self.chance, 0.0):.2f})."
        )


def group_agreement(
    this: npt.ArrayLike, other: npt.ArrayLike, names: tuple[str, str], seed: int = 0
) -> GroupAgreement | None:
    """Compare labels (n,) and (n,) of the same particles; those below 0 are in no group. None when
    no particle is in a group of both."""
    from sklearn.metrics import adjusted_rand_score

    first, second = np.asarray(this), np.asarray(other)
    grouped = (first >= 0) & (second >= 0)
    first, second = first[grouped], second[grouped]
    if not len(first):
        return None
    random = np.random.default_rng(seed)
    some = random.permutation(len(first))[:MOST_PARTICLES]
    chance = max(
        float(adjusted_rand_score(first[some], random.permutation(second[some])))
        for _ in range(SHUFFLES)
    )
    found = float(adjusted_rand_score(first, second))
    return GroupAgreement(*names, found, chance, len(first))
