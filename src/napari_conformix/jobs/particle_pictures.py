"""Images of single particles beside the projections of what the model sees in them.

A projection is of the volume that is decoded from the particle's own latent (by the model of its
own half), in the particle's pose, at its shift and with its CTF: what the image would look like
without noise, if the model were right. Images are read for the particles asked for and no others.
"""

import threading
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_conformix.analysis.picture_agreement import Agreement, agreement, common_scale
from napari_conformix.errors import UserError
from napari_conformix.imaging.filters import low_pass_gain
from napari_conformix.imaging.fourier import fourier_shift, resample_3d
from napari_conformix.imaging.projection import project_volume
from napari_conformix.jobs import layout
from napari_conformix.training.contract import Batch, Frame
from napari_conformix.training.normalise import outside_circle

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_conformix.jobs.job import Job
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.latent_table import LatentTable

Ctf = Literal["recorded", "flipped", "wiener"]
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

#: pictures are of this many pixels a side at most; larger images are Fourier-cropped
MOST_PIXELS: Final = 128
#: states whose average is what a particle's own state must explain its image better than
AVERAGED_STATES: Final = 8
#: of the Wiener filter CTF / (CTF^2 + this): one tenth of the signal where the CTF is 1
WIENER: Final = 0.1
#: grey goes to black and white at this percentile of the images' absolute values
_LIMIT_PERCENTILE: Final = 99.7
#: a gain is called one where it exceeds what noise can give by so many errors
_CLEARLY: Final = 2.0
_MICROGRAPHS: Final = ("rlnMicrographName", "location/micrograph_path")


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


def letter(index: int) -> str:
    """A, B, ... Z, AA, AB, ...: what marks the same particle in pictures and on the map."""
    name = ""
    while index >= 0:
        index, rest = divmod(index, 26)
        name = chr(ord("A") + rest) + name
        index -= 1
    return name


def draw_rows(rows: ArrayLike, count: int, seed: int) -> Rows:
    """`count` of the rows at random, sorted; all where there are no more."""
    candidates = np.unique(np.asarray(rows, np.int64))
    if len(candidates) <= count:
        return candidates
    return np.sort(np.random.default_rng(seed).choice(candidates, count, replace=False))


class PictureMaker:
    """Reads pictures of a job's particles. Keeps the average states; safe in several threads."""

    def __init__(self, job: "Job", epoch: int | None = None) -> None:
        self._job, self._epoch = job, epoch
        self._lock = threading.Lock()
        self._averages: dict[tuple[int, int], torch.Tensor] = {}

    @property
    def why_no_projections(self) -> str:
        """Why there are images only, in a sentence; empty where there are projections too."""
        kind = self._job.method_class
        if not getattr(kind, "has_decoder", True):
            return f"{kind.title}: there is no decoder, so there are no projections to compare."
        if not (self._job.folder / layout.LATENTS).exists():
            return "The job has no latents yet, so there are no projections to compare."
        return ""

    def read(
        self, rows: ArrayLike, stop: "Callable[[], bool] | None" = None
    ) -> "RawPictures | None":
        """Images of the rows (b,) and their projections, in the order asked; None when `stop` said
        so. UserError names a stack that is missing or a row that is not there."""
        particles = self._job.particles
        chosen = np.asarray(rows, np.int64).reshape(-1)
        wrong = chosen[(chosen < 0) | (chosen >= len(particles))]
        if len(wrong):
            raise UserError(
                f"There is no particle {wrong[0]}; rows go from 0 to {len(particles) - 1}."
            )
        if not len(chosen):
            raise UserError("There is no particle to show: the selection is empty.")
        subset = particles.subset(chosen)
        grids = self._job.spec.grids
        box = min(MOST_PIXELS, grids.box)
        pixel_size = grids.box * grids.pixel_size_angstrom / box
        batch = self._batch(subset, Frame(grids.box, grids.pixel_size_angstrom, box, pixel_size))
        raw = RawPictures(
            facts=self._facts(particles, subset, chosen),
            pixel_size_angstrom=pixel_size,
            images=torch.fft.rfft2(batch.images),
            ctf=torch.nan_to_num(batch.ctf, nan=1.0),
            why_no_projections=self.why_no_projections,
            without_ctf=int(torch.isnan(batch.ctf).any(-1).any(-1).sum()),
        )
        return raw if raw.why_no_projections else self._with_projections(raw, chosen, batch, stop)

    # -- images -----------------------------------------------------------------------------------

    def _batch(self, subset: "ParticleSet", frame: Frame) -> Batch:
        """As training reads them (sign, beam tilt, grid), and always to background sigma 1."""
        from napari_conformix.training.data import TrainingData

        settings = self._job.settings.model_copy(
            update={"images": "stream", "normalise_images": True}
        )
        return TrainingData(subset, frame, settings).batch(np.arange(len(subset)))

    def _facts(self, particles: "ParticleSet", subset: "ParticleSet", rows: Rows) -> list[Facts]:
        half, held_out = subset.half, np.zeros(len(rows), bool)
        if (self._job.folder / layout.SPLIT).exists():
            split = self._job.split
            half, held_out = split.half[rows], split.validation[rows]
        names = next(
            (
                n
                for n in ("rlnMicrographName", "location/micrograph_path")
                if n in particles.columns
            ),
            None,
        )
        micrographs = [""] * len(rows) if names is None else subset.column(names).tolist()
        defocus = (subset.defocus_u_angstrom + subset.defocus_v_angstrom) / 2
        return [
            Facts(
                row=int(row),
                image=f"{subset.image_index[i] + 1:06d}@"
                f"{subset.stacks[subset.stack_index[i]].name}",
                micrograph=Path(str(micrographs[i])).name,
                defocus_angstrom=float(defocus[i]),
                half=int(half[i]),
                held_out=bool(held_out[i]),
            )
            for i, row in enumerate(rows)
        ]

    # -- projections ------------------------------------------------------------------------------

    def _with_projections(
        self, raw: "RawPictures", rows: Rows, batch: Batch, stop: "Callable[[], bool] | None"
    ) -> "RawPictures | None":
        table = self._job.latents(self._epoch)
        shape = (len(rows), *raw.images.shape[-2:])
        own = torch.full(shape, torch.nan, dtype=raw.images.dtype)
        average = own.clone()
        known = np.isfinite(table.mean[rows]).all(axis=1) & np.isfinite(batch.rotation.numpy()).all(
            axis=(1, 2)
        )
        for i in np.flatnonzero(known):
            if stop is not None and stop():
                return None
            half = int(table.half[rows[i]])
            volume = self._volume(table.mean[rows[i]], half)
            own[i] = self._imaged(volume, batch, [int(i)], raw.pixel_size_angstrom)[0]
        for half in np.unique(table.half[rows[known]]):
            if stop is not None and stop():
                return None
            which = np.flatnonzero(known & (table.half[rows] == half)).tolist()
            volume = self._average_state(table, int(half))
            average[which] = self._imaged(volume, batch, which, raw.pixel_size_angstrom)
        return replace(raw, projections=own, average=average, latent_dim=table.mean.shape[1])

    def _imaged(
        self, volume: torch.Tensor, batch: Batch, which: list[int], pixel_size: float
    ) -> torch.Tensor:
        """(b, n, n // 2 + 1): projections in the poses and at the shifts of some, without CTF."""
        projected = project_volume(volume, batch.rotation[which])  # (b, n, n)
        shift = torch.nan_to_num(batch.shift_angstrom[which]) / pixel_size
        # the sum over the voxels of the consensus grid, of which this one may have fewer
        coarser = pixel_size / self._job.spec.grids.pixel_size_angstrom
        return coarser * fourier_shift(torch.fft.rfft2(projected), shift)

    def _volume(self, latent: Floats, half: int) -> torch.Tensor:
        """(n, n, n) of a latent, on the grid of the pictures."""
        grids = self._job.spec.grids
        volume = torch.from_numpy(self._job.decode(latent, half=half or None, epoch=self._epoch))
        if grids.box <= MOST_PIXELS:
            return volume
        pixel_size = grids.box * grids.pixel_size_angstrom / MOST_PIXELS
        return resample_3d(volume, grids.pixel_size_angstrom, MOST_PIXELS, pixel_size)

    def _average_state(self, table: "LatentTable", half: int) -> torch.Tensor:
        """(n, n, n): the mean of states of a half drawn at random, as sharp as the decoder's."""
        with self._lock:
            key = (table.epoch, half)
            if key not in self._averages:
                there = (table.half == half) & np.isfinite(table.mean).all(axis=1)
                rows = draw_rows(np.flatnonzero(there), AVERAGED_STATES, seed=0)
                volumes = [self._volume(table.mean[row], half) for row in rows]
                self._averages = {k: v for k, v in self._averages.items() if k[0] == key[0]}
                self._averages[key] = torch.stack(volumes).mean(0)
            return self._averages[key]


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
            "more than that"
            if mean - chance > _CLEARLY * of_mean
            else "these pictures do not say that the states are real"
        )
        return (
            f"Image and projection correlate by {agreed.correlation[known].mean():.2f} on the mean "
            f"(most of an image is noise), by {agreed.baseline[known].mean():.2f} with the average "
            f"of {AVERAGED_STATES} states drawn at random. Gain: {mean:+.3f} ± {of_mean:.3f}. A "
            "latent is found from its very image, and following nothing but noise could give up "
            f"to {chance:+.3f}: {verdict}. {clear} of {len(gain)} particles gain clearly more."
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
