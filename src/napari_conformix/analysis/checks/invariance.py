"""Do the latents know how their particles were imaged? A structure does not.

What viewing direction, in-plane angle, shift, defocus and optics group predict of the latents of
particles that took no part in the fit, as a share of their variance (cross-validated R^2), next to
what they predict when particles and latents are paired at random. Two kinds of regression look for
it, a linear one on smooth functions of the conditions and means over the particles imaged most
alike, which see any dependence; the better one counts, and by chance the better one counts too.

Only the *mean* of the latents is predicted. A motion seen end-on cannot be seen, so that latents
seen from there scatter more, or less: that is no fault of the latents, and is not found here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_conformix.analysis.checks.imaging_conditions import Condition
from napari_conformix.analysis.clusters import one_thread

Floats = npt.NDArray[np.float64]
Level = Literal["none", "slight", "strong", "unknown"]

#: particles that are looked at, drawn at random from more
MOST_PARTICLES = 10_000
#: below this nothing is said
FEWEST_PARTICLES = 200
#: random pairings of particles and latents, from which chance and its spread are taken
SHUFFLES = 20
#: parts into which particles are cut: each is predicted from the others
FOLDS = 5
#: ridge penalties, in units of the particles' number (features have variance 1)
PENALTIES = (1e-3, 3e-2, 1.0, 30.0)
#: neighbours over which means are taken
NEIGHBOURS = (10, 40)
#: principal components that are predicted; those that follow hold next to nothing
MOST_COMPONENTS = 16
#: share of the variance from which on a component is looked at by itself
COMPONENT_HOLDS = 0.02
#: standard deviations of chance above which a share is no chance
SIGMAS = 4.0
#: shares below which a dependence is of no account, and above which colours mislead
SLIGHT, STRONG = 0.02, 0.1
#: the same for a single component: much of it, where it holds something
STRONG_OF_COMPONENT, HOLDS_MUCH = 0.3, 0.05
#: share of a component's variance that may go unseen without a word
SEEN_OF_COMPONENT = 0.05


@dataclass(frozen=True)
class Explained:
    """What one condition explains of the latents' variance.

    share, chance, spread            of all of it: found, and mean and standard deviation over
                                     shuffles; below 0 where a prediction is worse than the mean
    component                        the principal component that it explains most of, from 1
    component_holds                  the component's share of the variance
    component_share, component_chance, component_spread   of that component's variance
    """

    condition: str
    share: float
    chance: float
    spread: float
    component: int
    component_holds: float
    component_share: float
    component_chance: float
    component_spread: float

    @property
    def level(self) -> Level:
        """'strong' when the view shows it, 'slight' when there is more than by chance."""
        whole = _beyond(self.share, self.chance, self.spread)
        part = _beyond(self.component_share, self.component_chance, self.component_spread)
        much = part >= STRONG_OF_COMPONENT and self.component_holds >= HOLDS_MUCH
        if whole >= STRONG or much:
            return "strong"
        return "slight" if whole >= SLIGHT or part >= STRONG else "none"

    @property
    def least_seen(self) -> float:
        """The smallest share of all variance that would have stood out from chance."""
        return max(self.chance + SIGMAS * self.spread, SLIGHT)

    @property
    def least_seen_of_component(self) -> float:
        """The same of a component's variance."""
        return self.component_chance + SIGMAS * self.component_spread


@dataclass(frozen=True)
class Invariance:
    """What the imaging conditions explain of the latents; the last one is all of them together.

    particles   how many were looked at
    of          what was predicted, in words: 'latents', 'motion view'
    epoch       that the latents are of
    """

    explained: tuple[Explained, ...]
    particles: int
    of: str = "latents"
    epoch: int = 0

    @property
    def level(self) -> Level:
        """The worst of all conditions; 'unknown' without enough particles."""
        levels = {explained.level for explained in self.explained}
        for level in ("strong", "slight", "none"):
            if level in levels:
                return level
        return "unknown"

    @property
    def worst(self) -> Explained:
        """The condition that explains most; a single one is named before all together."""
        rank = {"none": 0, "slight": 1, "strong": 2, "unknown": 0}
        single = self.explained[:-1] or self.explained
        worst = max(single, key=lambda e: (rank[e.level], e.share))
        return worst if rank[worst.level] == rank[self.level] else self.explained[-1]

    def sentence(self) -> str:
        """What was found, with its figures."""
        if not self.explained:
            return (
                "Whether the latents follow how the particles were imaged cannot be said: "
                f"{self.particles} particles are too few, {FEWEST_PARTICLES} are needed."
            )
        worst, all_together = self.worst, self.explained[-1]
        others = ", ".join(
            f"{e.condition} {_percent(e.share)}" for e in self.explained if e is not worst
        )
        verb = "explain" if worst is all_together else "explains"
        return (
            f"Of the variance of the {self.of}, {worst.condition} {verb} {_percent(worst.share)} "
            f"(by chance: {_with_spread(worst.chance, worst.spread)}); {others}: "
            f"{self._conclusion(worst)}"
        )

    def _conclusion(self, worst: Explained) -> str:
        if self.level == "none":
            told = "no sign that they show how particles were seen instead of their structure"
            whole = max(e.least_seen for e in self.explained)
            part = max(e.least_seen_of_component for e in self.explained)
            if whole > SLIGHT or part > SEEN_OF_COMPONENT:
                told += (
                    f"; but with {self.particles:,} particles, up to {_percent(whole)} of all "
                    f"variance, or {_percent(part)} of a component's, could go unseen"
                )
            return f"{told}. {WITHIN}"
        if worst.component_share > max(2 * worst.share, STRONG):
            axis = (
                f"principal component {worst.component}, which holds "
                f"{_percent(worst.component_holds)} of the variance, follows it by "
                f"{_percent(worst.component_share)}"
            )
            if self.level == "strong":
                return f"{axis}, and may show how particles were seen, not their structure."
            return f"{axis}: do not read structure from that axis alone."
        if self.level == "slight":
            return "more than by chance, but too little to dominate the view."
        return "colours of the view may show how particles were seen, not their structure."

    @property
    def advice(self) -> str:
        """What to do about it; '' when there is nothing to be done."""
        if self.level not in ("strong", "slight"):
            return ""
        columns = _COLUMNS.get(self.worst.condition)
        look = (
            f"Colour the latent space view by {columns} and see which axis follows. "
            if columns
            else ""
        )
        if self.level == "slight":
            return look.strip()
        return (
            look + "Judge groups of particles by what they reconstruct to, each from its own "
            "images, before believing them: states that prefer a view on the grid look alike, "
            "and their maps differ. If the maps agree, train with a stronger prior or fewer "
            "latent dimensions, and check mask, poses and defocus."
        )


#: what is not looked at: means over all particles say nothing of a gradient that each group has
WITHIN = (
    "What differs from group to group, such as codes nearer to the middle of each at low defocus, "
    "is not looked for: colour the latent space view by rlnDefocusU to see it."
)
#: columns of a STAR file to colour a view by
_COLUMNS = {
    "viewing direction": "rlnAngleRot and rlnAngleTilt",
    "in-plane angle": "rlnAnglePsi",
    "shift": "rlnOriginXAngst and rlnOriginYAngst",
    "defocus": "rlnDefocusU",
    "optics group": "rlnOpticsGroup",
}


def invariance(
    latents: npt.ArrayLike,
    conditions: list[Condition],
    *,
    of: str = "latents",
    epoch: int = 0,
    seed: int = 0,
) -> Invariance:
    """What each of `conditions` (all together last, see `imaging_conditions`) explains of the
    latents (n, d); rows with a NaN are left out."""
    values = np.asarray(latents, np.float64)
    rows = np.flatnonzero(np.isfinite(values).all(axis=1))
    random = np.random.default_rng(seed)
    if len(rows) > MOST_PARTICLES:
        rows = np.sort(random.choice(rows, MOST_PARTICLES, replace=False))
    if len(rows) < FEWEST_PARTICLES:
        return Invariance((), len(rows), of, epoch)
    scores = _principal(values[rows])
    if not scores.any():
        return Invariance((), 0, of, epoch)
    shuffled = [scores[random.permutation(len(rows))] for _ in range(SHUFFLES)]
    targets = np.concatenate([scores, *shuffled], axis=1)  # found, then by chance
    folds = np.arange(len(rows)) % FOLDS
    random.shuffle(folds)
    total = np.square(scores).sum(axis=0)
    explained = []
    every = _Left.most(len(total))
    for condition in conditions:
        with one_thread():  # more of them wait for each other where a trainer is at work
            left = _left(condition.take(rows), targets, folds, len(total))
        every = every.or_less(left)  # what one says, all together say
        told = every if condition is conditions[-1] else left
        explained.append(_explained(condition.name, told, total))
    return Invariance(tuple(explained), len(rows), of, epoch)


def predicted(values: npt.ArrayLike, conditions: list[Condition], seed: int = 0) -> Floats:
    """(n, d): what the conditions say of the values (n, d), each particle predicted from others:
    their mean, and what one condition after the other predicts of the rest, if anything."""
    target = np.asarray(values, np.float64)
    left = target - target.mean(axis=0)
    folds = np.random.default_rng(seed).permutation(len(target)) % FOLDS
    for condition in conditions:
        rests = [left - prediction for prediction in _predictions(condition, left, folds)]
        best = min(rests, key=lambda rest: float(np.square(rest).sum()))
        if np.square(best).sum() < (1 - SLIGHT) * np.square(left).sum():
            left = best
    return np.asarray(target - left)


def _principal(values: Floats) -> Floats:
    """(n, k): the scores of the leading components, of falling variance."""
    centred = values - values.mean(axis=0)
    variance, axes = np.linalg.eigh(centred.T @ centred)
    order = np.argsort(variance)[::-1][:MOST_COMPONENTS]
    return np.asarray(centred @ axes[:, order[variance[order] > 1e-12 * variance.max()]])


@dataclass(frozen=True)
class _Left:
    """Sums of squares that the best prediction leaves: of each component (1 + shuffles, k), and of
    all of them by one kind of prediction (1 + shuffles,). The first row is what was found."""

    components: Floats
    whole: Floats

    @classmethod
    def most(cls, count: int) -> "_Left":
        return cls(np.full((1 + SHUFFLES, count), np.inf), np.full(1 + SHUFFLES, np.inf))

    def or_less(self, other: "_Left") -> "_Left":
        return _Left(
            np.minimum(self.components, other.components), np.minimum(self.whole, other.whole)
        )


def _left(condition: Condition, targets: Floats, folds: npt.NDArray[np.int64], count: int) -> _Left:
    """`targets` (n, (1 + shuffles) * count): the components, then the same of each shuffle."""
    best = _Left.most(count)
    for predicted in _predictions(condition, targets, folds):
        left = np.square(targets - predicted).sum(axis=0).reshape(1 + SHUFFLES, count)
        best = best.or_less(_Left(left, left.sum(axis=1)))
    return best


def _explained(name: str, left: _Left, total: Floats) -> Explained:
    """Shares of `total` (k,), the sums of squares of the components."""
    whole = 1 - left.whole / total.sum()
    holds = total / total.sum()
    looked_at = holds >= min(COMPONENT_HOLDS, holds[0])
    components = np.where(looked_at, 1 - left.components / total, -np.inf)
    worst = int(components[0].argmax())
    by_chance = components[1:].max(axis=1)
    return Explained(
        condition=name,
        share=float(whole[0]),
        chance=float(whole[1:].mean()),
        spread=float(whole[1:].std(ddof=1)),
        component=worst + 1,
        component_holds=float(holds[worst]),
        component_share=float(components[0, worst]),
        component_chance=float(by_chance.mean()),
        component_spread=float(by_chance.std(ddof=1)),
    )


def _predictions(
    condition: Condition, targets: Floats, folds: npt.NDArray[np.int64]
) -> Iterator[Floats]:
    """(n, t) of each regression in turn; no particle is predicted from itself."""
    yield from _ridge(condition.features, targets, folds)
    yield from _neighbours(condition.places, targets)


def _ridge(features: Floats, targets: Floats, folds: npt.NDArray[np.int64]) -> Iterator[Floats]:
    """Each fold predicted from the others, with each penalty."""
    predicted = np.zeros((len(PENALTIES), *targets.shape))
    for fold in range(FOLDS):
        inside, outside = folds == fold, folds != fold
        known, answers = features[outside], targets[outside]
        centre = answers.mean(axis=0)
        variance, axes = np.linalg.eigh(known.T @ known)
        overlap = axes.T @ (known.T @ (answers - centre))  # (f, t)
        rotated = features[inside] @ axes
        for k, penalty in enumerate(PENALTIES):
            held = np.maximum(variance, 0.0) + penalty * len(known)
            predicted[k, inside] = centre + (rotated / held) @ overlap
    yield from predicted


def _neighbours(places: Floats, targets: Floats) -> Iterator[Floats]:
    """Means over the particles imaged most alike, without the particle itself."""
    from scipy.sparse import csr_matrix
    from scipy.spatial import cKDTree

    count = len(places)
    # alike in all, as rows of one image are, they would be neighbours in an order of their own
    jitter = np.random.default_rng(0).normal(0, 1e-9, places.shape)
    nearest = cKDTree(places + jitter).query(places + jitter, max(NEIGHBOURS) + 1)[1][:, 1:]
    for number in NEIGHBOURS:
        if number > count // 2:
            return
        indices = nearest[:, :number].ravel()
        weight = np.full(count * number, 1 / number)
        starts = np.arange(0, count * number + 1, number)
        mean = csr_matrix((weight, indices, starts), shape=(count, count))
        yield np.asarray(mean @ targets)


def _beyond(share: float, chance: float, spread: float) -> float:
    """The share if it is no chance, else 0."""
    return share - max(chance, 0.0) if share > chance + SIGMAS * spread else 0.0


def _percent(share: float) -> str:
    return f"{in_percent(share)} %"


def _with_spread(share: float, spread: float) -> str:
    """'0.1 ± 0.2 %'."""
    return f"{in_percent(share)} ± {in_percent(spread)} %"


def in_percent(share: float) -> str:
    """Two digits of a share; nothing explains less than nothing."""
    percent = 100 * max(share, 0.0)
    if percent >= 9.95:
        return f"{percent:.0f}"
    return f"{percent:.1f}" if percent >= 0.095 or percent < 0.005 else f"{percent:.2f}"
