"""Pictures of particles as they are shown: filtered, with or without their CTF, on one grey scale;
and in words, how far image and projection agree."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from napari_conformix.analysis.checks import Agreement, agreement, common_scale
from napari_conformix.errors import UserError
from napari_conformix.imaging import low_pass_gain
from napari_conformix.jobs.motion import AVERAGED_STATES
from napari_conformix.training.batches import outside_circle

Ctf = Literal["recorded", "flipped", "wiener"]
Floats = NDArray[np.float32]

#: of the Wiener filter CTF / (CTF^2 + this): one tenth of the signal where the CTF is 1
WIENER: Final = 0.1
#: grey goes to black and white at this percentile of the images' absolute values
_LIMIT_PERCENTILE: Final = 99.7
#: a gain is called one where it exceeds what noise can give by so many errors
_CLEARLY: Final = 2.0


@dataclass(frozen=True)
class PictureOptions:
    """How pictures are shown; images and projections alike.

    low_pass_angstrom  what is finer is filtered off; None: nothing
    ctf                'recorded': images as they are; 'flipped': images times the sign of their
                       CTF; 'wiener': images times CTF / (CTF^2 + 0.1). The CTF of the projections
                       is treated in the same way.
    projection_ctf     False: projections of the bare molecule, without a CTF
    black              protein is shown black, as in micrographs, not white
    """

    low_pass_angstrom: float | None = 20.0
    ctf: Ctf = "recorded"
    projection_ctf: bool = True
    black: bool = False

    def __post_init__(self) -> None:
        low_pass = self.low_pass_angstrom
        if low_pass is not None and not 0 < low_pass < np.inf:
            raise UserError(f"A low-pass of {low_pass:g} A cannot be; give a length above 0.")


@dataclass(frozen=True)
class Facts:
    """What is known of one particle: its row (from 0), the image's name as RELION counts (from 1),
    the mean defocus in A (NaN: not known), its half set (0: none) and whether it was held out of
    training."""

    row: int
    image: str
    micrograph: str
    defocus_angstrom: float
    half: int
    held_out: bool


@dataclass(frozen=True)
class RawPictures:
    """Half transforms of images and projections, as read; :meth:`shown` filters them in no time.

    images                (b, n, n // 2 + 1) complex: background mean 0 and sigma 1 before
    projections, average  (b, n, n // 2 + 1) or None: of the particle's own state and of the average
                          of states drawn at random, in its pose, at its shift, without CTF; NaN
                          where a particle has no latent or no pose
    ctf                   (b, n, n // 2 + 1) float32; 1 where it is not known, which `without_ctf`
                          counts
    latent_dim            how many numbers the fit to an image had to play with
    """

    facts: list[Facts]
    pixel_size_angstrom: float
    images: torch.Tensor
    ctf: torch.Tensor
    projections: torch.Tensor | None = None
    average: torch.Tensor | None = None
    why_no_projections: str = ""
    without_ctf: int = 0
    latent_dim: int = 0

    def shown(self, options: PictureOptions) -> "Pictures":
        """The pictures as they are to be seen."""
        box = self.images.shape[-2]
        gain = torch.ones(self.images.shape[-2:])
        if options.low_pass_angstrom is not None:
            gain = low_pass_gain(box, 2, self.pixel_size_angstrom, options.low_pass_angstrom)
        gain = gain.to(self.ctf)
        treatment = _treatment(self.ctf, options.ctf) * gain
        images = _real(self.images * treatment)
        projections, agreed, factor = None, None, 1.0
        if self.projections is not None and self.average is not None:
            observed, predicted = self.images * gain, self.projections * self.ctf * gain
            known = torch.isfinite(predicted.real).all(-1).all(-1)
            agreed = agreement(observed, predicted, self.average * self.ctf * gain)
            factor = common_scale(observed[known], predicted[known])
            seen = treatment * self.ctf if options.projection_ctf else gain
            projections = factor * _real(self.projections * seen)
        sign = -1.0 if options.black else 1.0
        return Pictures(
            raw=self,
            options=options,
            images=sign * images,
            projections=None if projections is None else sign * projections,
            agreement=agreed,
            factor=factor,
        )


@dataclass(frozen=True)
class Pictures:
    """What is shown: images and, where there are any, projections, on one grey scale.

    images       (b, n, n) float32, in standard deviations of the images' background before the
                 filter; negative where protein is shown black
    projections  (b, n, n) or None, multiplied by `factor`, the same for all, which fits them to
                 the images; NaN where a particle has none
    agreement    of either with the other, after the same low-pass, whatever is done to the CTF;
                 the baseline is the average of states drawn at random
    """

    raw: RawPictures
    options: PictureOptions
    images: Floats
    projections: Floats | None
    agreement: Agreement | None
    factor: float

    def __len__(self) -> int:
        return len(self.images)

    @property
    def facts(self) -> list[Facts]:
        """Of each particle."""
        return self.raw.facts

    @cached_property
    def limit(self) -> float:
        """Grey goes from minus this (black) to plus this (white) in every picture."""
        return float(np.percentile(np.abs(self.images), _LIMIT_PERCENTILE)) or 1.0

    def grey(self, pictures: Floats) -> NDArray[np.uint8]:
        """(..., n, n) values as 0 to 255; NaN is 128, the grey of nothing."""
        share = np.nan_to_num(0.5 + 0.5 * pictures / self.limit, nan=0.5)
        grey: NDArray[np.uint8] = np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)
        return grey

    @cached_property
    def by_chance(self) -> NDArray[np.float64]:
        """(b,) the gain that a latent fitted to nothing but the noise of its image can give.

        A latent of d numbers follows the noise in d directions: of a least-squares fit the part
        that is noise has the expected length sqrt(d) sigma, and its gain is half of that in units
        of the error. Encoders follow less, so this is the most.
        """
        if self.agreement is None:
            return np.full(len(self), np.nan)
        return np.asarray(np.sqrt(self.raw.latent_dim) / 2 * self.agreement.error)

    @property
    def clear(self) -> NDArray[np.bool_]:
        """(b,) whether the own state explains the image better than fitted noise could."""
        agreed = self.agreement
        if agreed is None:
            return np.zeros(len(self), bool)
        with np.errstate(invalid="ignore"):
            return np.asarray(agreed.gain - self.by_chance > _CLEARLY * agreed.error)

    def caption(self, index: int) -> str:
        """The correlation of one particle in few words; empty without a projection."""
        agreed = self.agreement
        if agreed is None or not np.isfinite(agreed.correlation[index]):
            return ""
        return (
            f"{agreed.correlation[index]:.2f}, average state {agreed.baseline[index]:.2f}: "
            f"{agreed.gain[index]:+.3f} ± {agreed.error[index]:.3f}"
        )

    @property
    def filter_words(self) -> str:
        """What has been done to images and projections."""
        low_pass = self.options.low_pass_angstrom
        words = [f"low-passed at {low_pass:g} A" if low_pass else "not filtered"]
        words += {
            "recorded": [],
            "flipped": ["phases flipped by the CTF"],
            "wiener": [f"Wiener filtered, CTF / (CTF^2 + {WIENER:g})"],
        }[self.options.ctf]
        if self.projections is not None and not self.options.projection_ctf:
            words.append("projections without CTF")
        return ", ".join(words)

    def sentences(self) -> list[str]:
        """What the pictures say, and what they do not."""
        said = []
        if self.raw.why_no_projections:
            said.append(self.raw.why_no_projections)
        if self.raw.without_ctf:
            said.append(
                f"{self.raw.without_ctf} of {len(self)} particles have no defocus in the file: no "
                "CTF is applied to them."
            )
        agreed = self.agreement
        if agreed is None:
            return said
        known = np.isfinite(agreed.correlation)
        if not known.any():
            return [*said, "None of these particles has both a latent and a pose to project in."]
        if self.factor <= 0:
            said.append(
                "The projections fit these images best with the opposite sign: check that protein "
                "is white in the images (setting invert_contrast)."
            )
        return [*said, self._gain_in_words(agreed, known)]

    def _gain_in_words(self, agreed: Agreement, known: NDArray[np.bool_]) -> str:
        gain, error = agreed.gain[known], agreed.error[known]
        mean, of_mean = float(gain.mean()), float(np.sqrt(np.square(error).sum()) / len(error))
        chance, clear = float(self.by_chance[known].mean()), int(self.clear[known].sum())
        verdict = (
            "So the states are more than fitted noise"
            if mean - chance > _CLEARLY * of_mean
            else "So these pictures do not show that the states are real"
        )
        return (
            f"Image and projection correlate by {agreed.correlation[known].mean():.2f} on the mean "
            f"(an image is mostly noise), by {agreed.baseline[known].mean():.2f} with the average "
            f"of {AVERAGED_STATES} random states. Gain: {mean:+.3f} ± {of_mean:.3f}; latents that "
            f"followed nothing but the noise of their images could gain up to {chance:+.3f}. "
            f"{verdict}; {clear} of {len(gain)} particles alone gain clearly more."
        )


def _treatment(ctf: torch.Tensor, how: Ctf) -> torch.Tensor:
    """What the images are multiplied with; symmetric, so nothing moves."""
    if how == "flipped":
        return torch.where(ctf < 0, -1.0, 1.0)
    if how == "wiener":
        return ctf / (ctf.square() + WIENER)
    return torch.ones_like(ctf)


def _real(transform: torch.Tensor) -> Floats:
    """(b, n, n) pictures whose background has mean 0."""
    n = transform.shape[-2]
    pictures: Floats = torch.fft.irfft2(transform, s=(n, n)).numpy()
    pictures -= pictures[:, outside_circle(n)].mean(axis=1)[:, None, None]
    return pictures
