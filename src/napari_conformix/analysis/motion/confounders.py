"""Does a motion follow how its particles were imaged? Then it is likely no motion.

Both halves see the same images, so that an artefact of viewing direction or defocus (a reference
that is wrong in the same way for both, an uncorrected aberration) is shared by them as a true
motion is, and their difference does not show it. A true conformation does not know from where it
is seen.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_conformix.analysis.checks import powers, standardised

Floats = npt.NDArray[np.float64]
#: principal components of the motion that are predicted
COMPONENTS = 6
#: parts into which particles are cut: each is predicted from the others
FOLDS = 5
#: ridge penalties to choose from, in units of the standardised features
PENALTIES = np.logspace(-1, 5, 13)
#: highest power of the viewing direction among the features
DEGREE = 4


@dataclass(frozen=True)
class Confounding:
    """How much of a motion follows the imaging conditions.

    share         of the motion that both halves share, predicted from how the images were taken,
                  for particles that took no part in the fit (0 to 1)
    by_chance     the same when the particles' imaging conditions are shuffled
    predicted     (v, p, 3) A: the part of the motion that follows them
    """

    share: float
    by_chance: float
    predicted: Floats


def imaging_conditions(
    rotation: npt.ArrayLike,
    shift_angstrom: npt.ArrayLike,
    defocus_angstrom: npt.ArrayLike,
    group: npt.ArrayLike,
) -> Floats:
    """Features (v, f) to predict from, each with mean 0 and variance 1.

    rotation (v, 3, 3): A, whose last column is the viewing direction in the map; powers of it up to
    the fourth, of the in-plane directions up to the second, of shift (v, 2) and defocus (v,), and
    the optics groups (v,).
    """
    matrix = np.asarray(rotation, np.float64)
    columns = [*powers(matrix[:, :, 2], DEGREE), *powers(matrix[:, :, 0], 2)]
    columns += powers(np.asarray(shift_angstrom, np.float64), 2)
    columns += powers(standardised(np.asarray(defocus_angstrom, np.float64)[:, None]), 2)
    groups = np.asarray(group)
    columns += [(groups == g).astype(np.float64) for g in np.unique(groups)[1:]]
    return standardised(np.stack(columns, axis=1))


def confounding(
    half1: npt.ArrayLike, half2: npt.ArrayLike, conditions: npt.ArrayLike, seed: int = 0
) -> Confounding:
    """How much of the motion in both fields (v, p, 3), means removed, follows `conditions` (v, f).

    Ridge regression of the principal components of the halves' mean field, each particle predicted
    from the other folds; the share is that of the halves' covariance which the prediction takes
    away, so that noise of either half does not count.
    """
    first, second = (np.asarray(half, np.float64) for half in (half1, half2))
    count = len(first)
    mean = ((first + second) / 2).reshape(count, -1)
    axes = np.linalg.svd(mean, full_matrices=False)[2][:COMPONENTS]
    scores = [half.reshape(count, -1) @ axes.T for half in (first, second)]
    features = np.asarray(conditions, np.float64)
    shuffled = features[np.random.default_rng(seed).permutation(count)]
    predicted = _predict(features, (scores[0] + scores[1]) / 2, seed)
    by_chance = _predict(shuffled, (scores[0] + scores[1]) / 2, seed)
    return Confounding(
        share=_taken_away(scores, predicted),
        by_chance=_taken_away(scores, by_chance),
        predicted=(predicted @ axes).reshape(first.shape),
    )


def _predict(features: Floats, target: Floats, seed: int) -> Floats:
    """(v, k): each fold predicted by a ridge regression on the others."""
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold, cross_val_predict

    folds = KFold(min(FOLDS, len(target)), shuffle=True, random_state=seed)
    return np.asarray(cross_val_predict(RidgeCV(PENALTIES), features, target, cv=folds))


def _taken_away(scores: list[Floats], predicted: Floats) -> float:
    shared = float((scores[0] * scores[1]).sum())
    if shared <= 0:
        return 0.0
    left = float(((scores[0] - predicted) * (scores[1] - predicted)).sum())
    return float(np.clip(1 - left / shared, 0.0, 1.0))
