"""Is there motion beyond its error? Judged from the particles that both halves saw, held out.

Two models trained on disjoint halves of the data say how each held-out particle is deformed. With
u_i, w_i their fields for particle i (means over particles removed, superposed so that errors of
the poses do not count), at each position:

    shared motion   C = mean over i of u_i . w_i
    error           E = mean over i of |u_i - w_i|^2         (paper, Fig. 6)

If the halves' errors are independent, C is the variance of the true motion and E twice that of
either half's error. Agreement by chance is C for particles paired at random. That test alone would
be fooled: both encoders see the same noise and agree on fitting it, also for particles that do not
move: by shifting the whole molecule, which is gone after superposition, and by bending it. So there
must be more of the motion than of its error, over the molecule or in a part of it, after what
noise alone would make them agree on (`image_noise`) has been taken off, twice for safety; and it
must not follow how the particles were imaged (`confounders`).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_conformix.analysis.motion.agreement import (
    SMALLEST_MOTION_ANGSTROM,
    Agreement,
    agreement,
)
from napari_conformix.analysis.motion.confounders import Confounding, confounding
from napari_conformix.analysis.motion.superposition import resting_core, shape_change

Floats = npt.NDArray[np.float64]
Level = Literal["clear", "weak", "none", "artefact", "unknown"]

#: held-out particles below which nothing is said
FEWEST_PARTICLES = 20
#: held-out particles below which the words are guarded
FEW_PARTICLES = 100
#: A; where the halves differ by less than this, they have not begun to move the molecule
STILL_ANGSTROM = 0.05
#: share of the motion that follows the imaging conditions from which on it is not counted
FOLLOWS = 0.2

#: how often the covariance that noise alone is expected to give is taken off
NOISE_SAFETY = 2.0

_ADVICE: dict[Level, str] = {
    "clear": "Believe it where the error spheres are smaller than the arrows. Particles whose "
    "motion exceeds its error: conformix select JOB --ratio-above 1 --name moving",
    "weak": "Do not sort single particles by this motion. More particles, fewer latent dimensions "
    "or a stronger regularisation make the error smaller.",
    "none": "Take the consensus refinement as it is. If you know that the molecule moves, train "
    "for more epochs or with more particles; for a changing composition use another method.",
    "artefact": "Look for what the images share: preferred views, a wrong contour of the "
    "consensus, an uncorrected aberration or defocus.",
    "unknown": "",
}


@dataclass(frozen=True)
class Verdict:
    """Whether the motion is real, in a sentence and in figures. Lengths are RMS values in A over
    positions and particles, about the mean; NaN where nothing could be compared.

    moves                     whether there is motion beyond its error
    level                     'clear'; 'weak': more agreement than by chance, but smaller than its
                              error; 'none'; 'artefact': follows how the particles were imaged;
                              'unknown': cannot be judged
    sentence                  the verdict with its numbers; `advice`: what to do next
    warnings                  what else to know before believing it
    particles                 held-out particles compared
    shared_angstrom           change of shape that both halves agree on (root of C)
    noise_angstrom            what the noise of the images alone would make them agree on, or NaN
    error_angstrom            difference between the halves (root of E)
    correlation               of the halves' fields over particles and positions
    p_value                   probability of such an agreement between randomly paired particles
    whole_shared_angstrom, whole_error_angstrom   of the resting part of the molecule, before
                              superposition: its shifts and turns as a whole
    systematic_angstrom       difference of the halves' mean fields, shared by all particles
    moving_share              share of the molecule whose motion exceeds its error
    top_position              (3,) xyz in A from the centre: where the shared motion is largest
    top_angstrom              shared motion there; `top_error_angstrom`: its error there
    follows_imaging           share of the shared motion that viewing direction, shift and defocus
                              predict; `follows_by_chance`: with these shuffled; NaN when unknown
    """

    moves: bool
    level: Level
    sentence: str
    advice: str
    warnings: tuple[str, ...] = ()
    particles: int = 0
    shared_angstrom: float = np.nan
    noise_angstrom: float = np.nan
    error_angstrom: float = np.nan
    correlation: float = np.nan
    p_value: float = np.nan
    whole_shared_angstrom: float = np.nan
    whole_error_angstrom: float = np.nan
    systematic_angstrom: float = np.nan
    moving_share: float = np.nan
    top_position: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    top_angstrom: float = np.nan
    top_error_angstrom: float = np.nan
    follows_imaging: float = np.nan
    follows_by_chance: float = np.nan

    @property
    def found(self) -> bool:
        """As `moves`: the name that every verdict has."""
        return self.moves


def judge(
    half1: npt.ArrayLike,
    half2: npt.ArrayLike,
    positions: npt.ArrayLike,
    conditions: npt.ArrayLike | None = None,
    *,
    noise: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Verdict:
    """Compare the halves' fields of the same held-out particles.

    half1, half2  (v, p, 3) A, displacements at `positions` (p, 3) xyz in A from the centre
    conditions    (v, f) from :func:`~...confounders.imaging_conditions`
    noise         (p,) A^2 from :func:`~...image_noise.shared_noise`, of
                  fields superposed on :func:`~...superposition.resting_core` of the halves' mean
    """
    first, second = np.asarray(half1, np.float64), np.asarray(half2, np.float64)
    place = np.asarray(positions, np.float64)
    if len(first) < FEWEST_PARTICLES:
        return too_few(len(first))
    core = resting_core((first + second) / 2, place)
    u, w = (_centred(shape_change(half, place, core)) for half in (first, second))
    by_noise = np.zeros(len(place)) if noise is None else np.asarray(noise, np.float64)
    found = left = agreement(u, w, place, seed, NOISE_SAFETY * by_noise)
    follows = None if conditions is None else confounding(u, w, conditions, seed)
    if follows is not None and _much(follows.share, follows.by_chance):
        rest = u - follows.predicted, w - follows.predicted
        left = agreement(*rest, place, seed, NOISE_SAFETY * by_noise)
    resting = _centred(first[:, core]), _centred(second[:, core])
    figures = replace(
        _figures(found, left, follows, place),
        particles=len(first),
        shared_angstrom=_root((u * w).sum(axis=2).mean()),
        noise_angstrom=np.nan if noise is None else _root(by_noise.mean()),
        systematic_angstrom=_rms(first.mean(axis=0) - second.mean(axis=0)),
        whole_shared_angstrom=_root((resting[0] * resting[1]).sum(axis=2).mean()),
        whole_error_angstrom=_rms(resting[0] - resting[1]),
    )
    return _in_words(figures)


def too_few(particles: int) -> Verdict:
    """The verdict when hardly any particle was held out."""
    return Verdict(
        moves=False,
        level="unknown",
        sentence=f"Whether there is motion beyond its error cannot be said: {particles} particles "
        f"were held out, and at least {FEWEST_PARTICLES} are needed.",
        advice="Train with more particles, or a larger validation_fraction.",
        particles=particles,
    )


def one_model(title: str) -> Verdict:
    """The verdict of a method without half sets."""
    return Verdict(
        moves=False,
        level="unknown",
        sentence=f"Whether there is motion beyond its error cannot be said: {title} trains one "
        "model, and there is no second one to compare its displacements with.",
        advice="Train a method with two half sets on the same particles.",
    )


def _figures(
    found: Agreement, left: Agreement, follows: Confounding | None, place: Floats
) -> Verdict:
    """All but the words; `left` is what the imaging conditions do not explain of `found`."""
    level: Level = "none"
    if left.moves:
        level = "clear"
    elif found.moves:
        level = "artefact"
    elif found.by_more_than_chance:
        level = "weak"
    top = int(left.shared.argmax())
    x, y, z = (float(value) for value in place[top])
    return Verdict(
        moves=level == "clear",
        level=level,
        sentence="",
        advice=_ADVICE[level],
        error_angstrom=_root(found.error.mean()),
        correlation=found.correlation,
        p_value=found.p_value,
        moving_share=float(left.beyond_error.mean()),
        top_position=(x, y, z),
        top_angstrom=_root(left.shared[top]),
        top_error_angstrom=_root(left.error[top]),
        follows_imaging=np.nan if follows is None else follows.share,
        follows_by_chance=np.nan if follows is None else follows.by_chance,
    )


def _in_words(v: Verdict) -> Verdict:
    agreed = "the two halves, trained apart, agree on a change of shape of "
    agreed += f"{_angstrom(v.shared_angstrom)} RMS"
    if np.isfinite(v.noise_angstrom):
        agreed += f" (the noise of the images alone would give {_angstrom(v.noise_angstrom)})"
    differ = f"they differ by {_angstrom(v.error_angstrom)} RMS"
    differ += f" ({v.particles} held-out particles)"
    where = ", ".join(f"{c:.0f}" for c in v.top_position)
    sentences: dict[Level, str] = {
        "clear": f"Motion beyond its error: {agreed}, and {differ}. {v.moving_share:.0%} of the "
        f"molecule moves by more than its error, most of all at x, y, z = {where} A from the "
        f"centre ({_angstrom(v.top_angstrom)}, error {_angstrom(v.top_error_angstrom)}).",
        "weak": f"No motion beyond its error: {agreed}, more than by chance "
        f"(p = {v.p_value:.3f}), but {differ}, so that it cannot be known for single particles.",
        "none": f"No motion beyond its error: {agreed}, while {differ}.",
        "artefact": f"No motion beyond its error: {agreed}, and {differ}, but "
        f"{v.follows_imaging:.0%} of it follows from where and at which defocus the particles were "
        "seen, of which a molecule knows nothing, and the rest does not exceed its error.",
        "unknown": "",
    }
    advice = v.advice
    if v.level == "none" and v.whole_error_angstrom < STILL_ANGSTROM:
        advice = "The models hardly displace anything yet: train for more epochs, then ask again."
    return replace(v, sentence=sentences[v.level], advice=advice, warnings=tuple(_warnings(v)))


def _warnings(v: Verdict) -> list[str]:
    found = []
    if v.particles < FEW_PARTICLES:
        found.append(
            f"Only {v.particles} particles were held out: these numbers are uncertain themselves."
        )
    if v.whole_shared_angstrom > max(v.shared_angstrom, SMALLEST_MOTION_ANGSTROM):
        found.append(
            "The model also shifts and turns the molecule as a whole, by "
            f"{_angstrom(v.whole_shared_angstrom)} RMS "
            f"(error {_angstrom(v.whole_error_angstrom)}). That corrects the poses or fits noise, "
            "and was not counted as motion."
        )
    if v.moves and _much(v.follows_imaging, v.follows_by_chance):
        found.append(
            f"{v.follows_imaging:.0%} of the motion follows from the viewing direction, shift and "
            f"defocus of the particles (by chance: {v.follows_by_chance:.0%}). Whether it exceeds "
            "its error was judged without that part."
        )
    if v.moves and v.systematic_angstrom > v.shared_angstrom:
        found.append(
            f"The halves' mean fields differ by {_angstrom(v.systematic_angstrom)} RMS, more than "
            "the molecule moves: compare particles with each other, not with the consensus."
        )
    return found


def _much(share: float, by_chance: float) -> bool:
    return share > max(FOLLOWS, 2 * by_chance)


def _angstrom(value: float) -> str:
    return f"{value:.2f} A" if value < 9.95 else f"{value:.1f} A"


def _centred(field: Floats) -> Floats:
    return np.asarray(field - field.mean(axis=0))


def _rms(field: Floats) -> float:
    return _root(np.square(field).sum(axis=-1).mean())


def _root(square: float) -> float:
    return float(np.sqrt(max(float(square), 0.0)))
