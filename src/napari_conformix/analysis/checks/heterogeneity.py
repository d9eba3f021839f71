"""Is there heterogeneity beyond noise? Asked of images that took no part in training.

A latent found from an image fits the noise of that image too, so that it always explains it better
than a common one does. Therefore each held-out image is cut into two random halves of its Fourier
pixels, whose noise is independent (`pixel_halves`): the latent is found from the first half, and
judged on the second. There, with P(z) the power of the image that the latent z leaves unexplained,

    gain over the mean      P(mean latent) - P(own)     > 0 only if the latent says something of the
    particle gain over another       P(another's) - P(own)       0 if latents are noise
    gain of the conditions  P(mean latent) - P(what pose, shift and defocus predict of the latent)
    gain of the whole       P(mean latent) - P(the mean structure shifted, turned and made brighter
                            as the own latent would have it, to first order)

The other particle is one seen from nearly the same side at nearly the same defocus, as latents
scatter by how much an image says; it keeps what the conditions do not predict, and of that the
change of structure. One that is real shows a gain over all of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from napari_conformix.analysis.checks.imaging_conditions import Condition, seen_alike
from napari_conformix.analysis.checks.invariance import predicted
from napari_conformix.analysis.checks.pixel_halves import only, power, random_halves
from napari_conformix.training.contract import Batch, Method

Floats = npt.NDArray[np.float64]
Level = Literal["clear", "weak", "none", "artefact", "alignment", "unknown"]

#: held-out particles below which nothing is said, and below which the words are guarded
FEWEST_PARTICLES = 40
FEW_PARTICLES = 150
#: particles predicted at once
CHUNK = 16
#: standard errors from which on a gain is no chance
SIGMAS = 4.0
#: share of the gain that the conditions, or shifts and turns, may have before it is said
WORTH_SAYING = 0.2
#: steps of the derivatives: of the working pixel, and rad
SHIFT_STEP, TURN_STEP = 0.25, 0.01
#: share of the largest residual by which one may be off being linear in the image
LINEAR = 1e-2


@dataclass(frozen=True)
class Gain:
    """A mean over particles and its standard error, in units of what the mean latent explains."""

    mean: float
    error: float

    @property
    def sure(self) -> bool:
        """Whether it is above 0 by more than chance."""
        return self.mean > SIGMAS * self.error

    @classmethod
    def of(cls, values: Floats, unit: float) -> "Gain":
        """From a value of each particle."""
        return cls(
            float(values.mean() / unit), float(values.std(ddof=1) / np.sqrt(len(values)) / unit)
        )

    def __str__(self) -> str:
        return f"{100 * self.mean:.1f} ± {100 * self.error:.1f} %"


NOTHING = Gain(np.nan, np.nan)


@dataclass(frozen=True)
class Heterogeneity:
    """Whether held-out images need more than one structure, in a sentence and in figures.

    level           'clear'; 'weak': latents say something of their particles, but less than their
    noise costs; 'none'; 'artefact': follows how particles were imaged; 'alignment': whole
                    shifts, turns and brightness; 'unknown'
    sentence, advice, warnings   as of a :class:`~napari_conformix.analysis.motion.verdict.Verdict`
    particles       held-out particles asked
    own             gain over the mean latent
    other           gain over the change of structure of another particle seen alike
    conditions      the part of `own` that pose, shift and defocus predict
    beyond_conditions   the gain over what they predict
    alignment       the part of `own` that shifting, turning and brightening the mean structure has
    beyond_alignment    the gain over that
    """

    level: Level
    sentence: str
    advice: str = ""
    warnings: tuple[str, ...] = ()
    particles: int = 0
    own: Gain = NOTHING
    other: Gain = NOTHING
    conditions: Gain = NOTHING
    beyond_conditions: Gain = NOTHING
    alignment: Gain = NOTHING
    beyond_alignment: Gain = NOTHING

    @property
    def found(self) -> bool:
        """Whether there is heterogeneity beyond noise."""
        return self.level == "clear"


def heterogeneity(
    method: Method,
    batches: Callable[[npt.NDArray[np.int64]], Batch],
    rows: npt.NDArray[np.int64],
    centre: npt.ArrayLike,
    conditions: list[Condition],
    *,
    half: int = 0,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Heterogeneity | None:
    """Ask the held-out particles at `rows` of the particle file; None when `stop` said so.

    batches    rows -> their batch
    centre     (d,) the mean latent of particles, whose structure is the one to compare with
    conditions how these particles were imaged, all together last, see `imaging_conditions`
    """
    if len(rows) < FEWEST_PARTICLES:
        return too_few(len(rows))
    order = _pairs(seen_alike(conditions))
    rows, conditions = rows[order], [condition.take(order) for condition in conditions]
    chunks = [slice(i, i + CHUNK) for i in range(0, len(rows), CHUNK)]

    def each(first: float, last: float) -> Iterator[slice]:
        """The chunks, with word of how far it is; ends early when a stop was asked for."""
        for k, chunk in enumerate(chunks):
            if stop is not None and stop():
                return
            yield chunk
            if progress is not None:
                progress(first + (last - first) * (k + 1) / len(chunks))

    images = _Images(method, half, np.asarray(centre, np.float64))
    generator = torch.Generator().manual_seed(seed)
    # a pair is cut alike: its latents then err alike, and swapping them changes nothing else
    masks = random_halves(len(rows) // 2, method.frame.working_box, generator)
    masks = masks.repeat_interleave(2, dim=0)
    latents = []
    for chunk in each(0.0, 0.3):
        found = images.latents(batches(rows[chunk]).to(method.device), masks[chunk])
        if found is None:
            return cannot_say(method.title)
        latents.append(found)
    if len(latents) < len(chunks):
        return None
    candidates = _candidates(np.concatenate(latents), images.centre, conditions, seed)
    sums = []
    for chunk in each(0.3, 1.0):
        batch = batches(rows[chunk]).to(method.device)
        latent = {name: z[chunk] for name, z in candidates.items()}
        sums.append(images.unexplained(batch, latent, ~masks[chunk]))
    if len(sums) < len(chunks):
        return None
    return judge({name: np.concatenate([s[name] for s in sums]) for name in sums[0]})


def judge(unexplained: dict[str, Floats]) -> Heterogeneity:
    """From the power (v,) of every image that each candidate leaves unexplained, in units of the
    noise of a Fourier pixel.

    'nothing' at all, the 'mean' latent, the 'own', what the 'conditions' predict; the mean
    structure with 'own alignment' or 'own structure', the two parts of what the own latent changes;
    and with "another's structure". Particles come in pairs, each of which takes the other's.
    """
    p = unexplained
    unit = float((p["nothing"] - p["mean"]).mean())
    count = len(p["own"])
    if not unit > 0:
        return Heterogeneity(
            "unknown",
            "Whether there is heterogeneity beyond noise cannot be said: the mean structure does "
            f"not explain the {count} held-out images yet.",
            "Train for more epochs, then ask again. If that does not help, check the contrast of "
            "the images, the consensus map and the poses.",
            particles=count,
        )
    gains = {
        "own": p["mean"] - p["own"],
        "other": (p["another's structure"] - p["own structure"]).reshape(-1, 2).mean(axis=1),
        "conditions": p["mean"] - p["conditions"],
        "beyond_conditions": p["conditions"] - p["own"],
        "alignment": p["mean"] - p["own alignment"],
        "beyond_alignment": p["own alignment"] - p["own"],
    }
    measured = {name: Gain.of(values, unit) for name, values in gains.items()}
    level = _level(**measured)
    return Heterogeneity(
        level,
        _SENTENCES[level](count, measured),
        _ADVICE[level],
        tuple(_warnings(level, count, measured)),
        count,
        **measured,
    )


def too_few(particles: int) -> Heterogeneity:
    """When hardly any particle was held out."""
    return Heterogeneity(
        "unknown",
        f"Whether there is heterogeneity beyond noise cannot be said: {particles} particles were "
        f"held out, and at least {FEWEST_PARTICLES} are needed.",
        "Train with more particles, or a larger validation_fraction.",
        particles=particles,
    )


def cannot_say(title: str) -> Heterogeneity:
    """When the method does not say what an image would be."""
    return Heterogeneity(
        "unknown",
        f"Whether there is heterogeneity beyond noise cannot be said: {title} does not compare "
        "single latents with images, or scales what they predict to every image.",
        "Judge groups of particles by what they reconstruct to, each from its own images.",
    )


# -- candidates -----------------------------------------------------------------------------------


def _candidates(
    own: Floats, centre: Floats, conditions: list[Condition], seed: int
) -> dict[str, Floats]:
    """Latents (v, d) by name, of which the one that explains an image best is asked for."""
    expected = predicted(own, conditions, seed)
    others = np.arange(len(own)) ^ 1  # the other one of its pair
    return {
        "own": own,
        "another": expected + (own - expected)[others],
        # about the mean latent, that what all share does not count as predicted
        "conditions": centre + expected - own.mean(axis=0),
    }


def _pairs(places: Floats) -> npt.NDArray[np.int64]:
    """(v,) indices, the particles of a pair one after the other: those at the places (v, k)
    nearest to each other; an odd one is left out."""
    from scipy.spatial.distance import cdist

    away = cdist(places, places)
    np.fill_diagonal(away, np.inf)
    found: list[int] = []
    for _ in range(len(places) // 2):
        i, j = divmod(int(away.argmin()), len(places))
        found += [i, j]
        away[[i, j]] = away[:, [i, j]] = np.inf
    return np.array(found)


# -- images ---------------------------------------------------------------------------------------


class _Images:
    """What a method's latents predict of images, against its mean structure."""

    def __init__(self, method: Method, half: int, centre: Floats) -> None:
        self.method, self.half, self.centre = method, half, centre
        self._centre = torch.from_numpy(centre).float().to(method.device)
        self._is_linear: bool | None = None

    def latents(self, batch: Batch, mask: torch.Tensor) -> Floats | None:
        """(b, d) found from the Fourier pixels in `mask` (b, h, w // 2 + 1); None when the method
        does not say what it predicts, or scales it to every image."""
        mean = self._centre.expand(len(batch), -1)
        residual = self._residual(mean, batch)
        if residual is None:
            return None
        # Whitening multiplies every Fourier pixel by a number, which a single bright pixel shows.
        if not self._linear(mean, batch, residual):
            return None
        spot = torch.zeros_like(batch.images)
        spot[:, 0, 0] = peak = float(batch.images.std()) * batch.images.shape[-1]
        lit, blank = self._seeing(mean, batch, spot), self._seeing(mean, batch, 0 * spot)
        weight = (lit - blank) / peak
        known = weight.abs() > 1e-3 * weight.abs().amax()
        left = torch.where(known, residual / torch.where(known, weight, 1.0), 0.0)
        shown = only(batch.images, mask.to(batch.images.device), left.to(torch.complex64))
        with torch.no_grad():
            found, _ = self.method.embed(Batch(**vars(batch) | {"images": shown}), self.half)
        return np.asarray(found.double().cpu().numpy())

    def unexplained(
        self, batch: Batch, latents: dict[str, Floats], judged: torch.Tensor
    ) -> dict[str, Floats]:
        """Power (b,) that every candidate leaves in the pixels `judged` (b, h, w // 2 + 1)."""
        mean = self._centre.expand(len(batch), -1)
        left = {"mean": self._certain(mean, batch)}
        for name, latent in latents.items():
            z = torch.from_numpy(np.array(latent, np.float32)).to(batch.images.device)
            left[name] = self._certain(z, batch)
        projection = self._projection(batch)
        changes = [self._projection(seen) - projection for seen in _realigned(self.method, batch)]
        span = torch.stack([projection, *changes], dim=1)
        for name, words in (("own", "own"), ("another", "another's")):
            change = left["mean"] - left[name]  # what that latent predicts beyond the mean one
            aligned = _within(span, change)
            left[f"{words} alignment"] = left["mean"] - aligned
            left[f"{words} structure"] = left["mean"] - (change - aligned)
        left["nothing"] = left["mean"] + projection
        box, judged = batch.images.shape[-1], judged.to(batch.images.device)
        return {name: power(r, judged, box).cpu().numpy() for name, r in left.items()}

    def _linear(self, mean: torch.Tensor, batch: Batch, residual: torch.Tensor) -> bool:
        """Whether residuals follow the image in proportion: a prediction that is scaled to every
        image would have seen the pixels that it is judged on. Asked once."""
        if self._is_linear is None:
            blank = self._seeing(mean, batch, torch.zeros_like(batch.images))
            twice = self._seeing(mean, batch, 2 * batch.images)
            off = (twice - 2 * residual + blank).abs().amax()
            self._is_linear = bool(off < LINEAR * residual.abs().amax())
        return self._is_linear

    def _projection(self, batch: Batch) -> torch.Tensor:
        """(b, h, w // 2 + 1): what the mean structure predicts, whitened."""
        mean = self._centre.expand(len(batch), -1)
        return -self._seeing(mean, batch, torch.zeros_like(batch.images))

    def _seeing(self, latent: torch.Tensor, batch: Batch, images: torch.Tensor) -> torch.Tensor:
        """The residual if the images were others."""
        return self._certain(latent, Batch(**vars(batch) | {"images": images}))

    def _certain(self, latent: torch.Tensor, batch: Batch) -> torch.Tensor:
        residual = self._residual(latent, batch)
        assert residual is not None  # asked before
        return residual

    def _residual(self, latent: torch.Tensor, batch: Batch) -> torch.Tensor | None:
        with torch.no_grad():
            return self.method.image_residual(latent, batch, self.half)


def _realigned(method: Method, batch: Batch) -> Iterator[Batch]:
    """The batch with its particles shifted, and turned, a little: five ways."""
    step = SHIFT_STEP * method.frame.working_pixel_size_angstrom
    for axis in range(2):
        shift = batch.shift_angstrom.clone()
        shift[:, axis] += step
        yield Batch(**vars(batch) | {"shift_angstrom": shift})
    for axis in range(3):
        generator = torch.zeros(3, 3, dtype=torch.float64)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        generator[i, j], generator[j, i] = -TURN_STEP, TURN_STEP
        turn = torch.linalg.matrix_exp(generator).to(batch.rotation)
        yield Batch(**vars(batch) | {"rotation": batch.rotation @ turn})


def _within(changes: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
    """The part of `change` (b, h, w') in the span of `changes` (b, k, h, w'), real coefficients."""
    basis = torch.view_as_real(changes.to(torch.complex128)).flatten(2)  # (b, k, n)
    wanted = torch.view_as_real(change.to(torch.complex128)).flatten(1)  # (b, n)
    basis = basis / basis.norm(dim=2, keepdim=True).clamp_min(1e-30)
    gram = basis @ basis.mT
    gram = gram + 1e-9 * torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    amount = torch.linalg.solve(gram, basis @ wanted[:, :, None])  # (b, k, 1)
    inside = (basis.mT @ amount).squeeze(2).reshape(*change.shape, 2)
    return torch.view_as_complex(inside.contiguous())


# -- words ----------------------------------------------------------------------------------------


def _level(
    own: Gain,
    other: Gain,
    conditions: Gain,
    beyond_conditions: Gain,
    alignment: Gain,
    beyond_alignment: Gain,
) -> Level:
    if conditions.sure and not beyond_conditions.sure and conditions.mean > own.mean / 2:
        return "artefact"
    if alignment.sure and not beyond_alignment.sure:
        return "alignment"
    if own.sure and beyond_conditions.sure and beyond_alignment.sure and other.sure:
        return "clear"
    return "weak" if other.sure else "none"


def _asked(count: int) -> str:
    return f"{count} held-out particles, judged on Fourier pixels that their latents did not see"


def _clear(count: int, gains: dict[str, Gain]) -> str:
    own, other = gains["own"], gains["other"]
    return (
        "Heterogeneity beyond noise: held-out images are explained better by their own latent than "
        f"by the mean one, by {own} of what the mean one explains "
        f"({own.mean / own.error:.0f} standard errors), and better than by the latent of another "
        f"particle seen alike, by {other} ({_asked(count)})."
    )


def _weak(count: int, gains: dict[str, Gain]) -> str:
    return (
        "Hardly any heterogeneity beyond noise: held-out images are explained better by their own "
        f"latent than by another particle's, by {gains['other']} of what the mean latent explains, "
        f"but than by the mean one only by {gains['own']}: latents of single particles are mostly "
        f"noise ({_asked(count)})."
    )


def _none(count: int, gains: dict[str, Gain]) -> str:
    return (
        "No heterogeneity beyond noise: of what the mean latent explains of held-out images, their "
        f"own latents explain {_more_or_less(gains['own'])} than it does, and "
        f"{_more_or_less(gains['other'])} than those of other particles seen alike "
        f"({_asked(count)})."
    )


def _more_or_less(gain: Gain) -> str:
    word = "more" if gain.mean >= 0 else "less"
    return f"{abs(100 * gain.mean):.1f} ± {100 * gain.error:.1f} % {word}"


def _artefact(count: int, gains: dict[str, Gain]) -> str:
    share = gains["conditions"].mean / gains["own"].mean
    return (
        "No heterogeneity beyond noise: held-out images are explained better by their own latent "
        f"than by the mean one, by {gains['own']} of what the mean one explains, but as well by "
        f"what pose, shift and defocus alone predict of the latent ({_percent(share)} of "
        f"the gain), of which a molecule knows nothing ({_asked(count)})."
    )


def _alignment(count: int, gains: dict[str, Gain]) -> str:
    share = gains["alignment"].mean / gains["own"].mean
    return (
        "No heterogeneity beyond noise: held-out images are explained better by their own latent "
        f"than by the mean one, by {gains['own']} of what the mean one explains, but as well by "
        f"the mean structure when it is shifted, turned or made brighter ({_percent(share)} of "
        f"the gain): the latents correct the alignment ({_asked(count)})."
    )


_SENTENCES: dict[Level, Callable[[int, dict[str, Gain]], str]] = {
    "clear": _clear,
    "weak": _weak,
    "none": _none,
    "artefact": _artefact,
    "alignment": _alignment,
}
_ADVICE: dict[Level, str] = {
    "clear": "Group the particles and judge each group by what its own images reconstruct to: "
    "conformix clusters JOB -k 6 --reconstruct",
    "weak": "Do not sort single particles by their latents; compare the maps that large groups "
    "reconstruct to. More particles, fewer latent dimensions or a stronger prior make latents "
    "less noisy.",
    "none": "Take the consensus refinement as it is; groups in the latent space view are cuts "
    "through "
    "noise. If you know that the molecule changes, train for more epochs or with more particles.",
    "artefact": "Look for what the images share: preferred views, a wrong contour of the "
    "consensus, an uncorrected aberration or defocus.",
    "alignment": "Refine poses and scales of the particles first, then train again.",
}


def _warnings(level: Level, count: int, gains: dict[str, Gain]) -> Iterator[str]:
    if count < FEW_PARTICLES:
        yield f"Only {count} particles were held out: these numbers are uncertain themselves."
    if level != "clear":
        return
    own = gains["own"].mean
    share = gains["conditions"].mean / own
    if share > WORTH_SAYING and gains["conditions"].sure:
        yield (
            f"{_percent(share)} of the gain is there already when latents are predicted from pose, "
            "shift and defocus alone: that part shows how particles were seen, not their structure."
        )
    share = gains["alignment"].mean / own
    if share > WORTH_SAYING and gains["alignment"].sure:
        yield (
            f"{_percent(share)} of the gain could as well be a shift, a turn or a brightness of "
            "the whole particle."
        )


def _percent(share: float) -> str:
    return f"{100 * min(share, 9.99):.0f} %"
