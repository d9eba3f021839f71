"""Everything that is looked at before a run begins: nothing is written until it passes."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from napari_conformix.errors import UserError
from napari_conformix.particles import ImageReader, ParticleSet, Problem
from napari_conformix.particles.checks import DataCheck, Map, check_data, in_order
from napari_conformix.training.contract import Frame
from napari_conformix.training.settings import TrainingSettings

#: box at which images are compared with the map: low resolution is where the signal is
COMPARISON_BOX = 64
#: the background lies outside this share of the box, as in RELION's default of 75 % diameter
BACKGROUND_RADIUS = 0.375
#: a mean correlation (or a difference of scales) this many standard errors from 0 is believed
SURE = 4.0
#: images of an optics group needed to judge its scale, and the share that it may be off
FEWEST_FOR_SCALE = 20
LARGEST_DEPARTURE = 0.1


@dataclass(frozen=True)
class Report:
    """What the checks found.

    problems  errors first
    frame     the grids of the run; None when the map does not say them
    counts    numbers worth showing: particles, half_1, half_2, stacks, optics_groups, sampled
    """

    problems: list[Problem]
    frame: Frame | None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def errors(self) -> list[Problem]:
        """What must be fixed before a run can start."""
        return [p for p in self.problems if p.severity == "error"]

    @property
    def warnings(self) -> list[Problem]:
        """What should be looked at."""
        return [p for p in self.problems if p.severity == "warning"]

    def text(self) -> str:
        """The report for a terminal or a log: counts, then a line a problem.

        Returns
        -------
        str
            Several lines.
        """
        counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in self.counts.items())
        return "\n".join([counts, *map(str, self.problems)])


def preflight(
    particles: ParticleSet,
    consensus: Path | str | None,
    mask: Path | str | None,
    settings: TrainingSettings,
    *,
    sample: int = 200,
) -> Report:
    """Check a data set for a run, and find the grids.

    In addition to all of `check_data`: optics that are not applied, the background of the images
    (mean 0, sigma 1), and whether the images agree with projections of the consensus, which shows a
    wrong contrast or wrong poses. The last two look at random particles.

    Parameters
    ----------
    particles : ParticleSet
        All particles of the run.
    consensus : pathlib.Path or str or None
        File of the consensus map; None is an error of the report.
    mask : pathlib.Path or str or None
        File of the mask, if there is one.
    settings : TrainingSettings
        Of the run.
    sample : int
        How many particles are looked at.

    Returns
    -------
    Report
        Problems, grids and counts.
    """
    check = check_data(particles, consensus, mask, sample=sample, seed=settings.seed)
    problems = list(check.problems)
    if consensus is None:
        problems.append(Problem("error", "There is no consensus map; give one."))
    problems += _not_applied(particles)
    frame = _frame(particles, check, settings, problems)
    rows = _sample(check.readable, sample, settings.seed)
    problems += _background(particles, rows, settings)
    usable = not any(p.severity == "error" for p in problems)
    if frame is not None and check.consensus is not None and usable and len(rows):
        agreement = compare_with_map(particles, rows, check.consensus.data, frame, settings)
        problems.append(_contrast(agreement, check.consensus, settings))
        problems += _group_scales(particles, rows, agreement, settings)
    return Report(in_order(problems), frame, _counts(particles, len(rows)))


def _counts(particles: ParticleSet, sampled: int) -> dict[str, int]:
    return {
        "particles": len(particles),
        "half_1": int((particles.half == 1).sum()),
        "half_2": int((particles.half == 2).sum()),
        "stacks": len(np.unique(particles.stack_index)),
        "optics_groups": len(np.unique(particles.optics_index)),
        "sampled": sampled,
    }


def _sample(readable: npt.NDArray[np.bool_], sample: int, seed: int) -> npt.NDArray[np.int64]:
    random = np.random.default_rng([seed, 0xF11])
    return np.sort(random.permutation(np.flatnonzero(readable))[:sample])


def _not_applied(particles: ParticleSet) -> list[Problem]:
    from napari_conformix.imaging import unapplied_aberrations

    where = str(particles.source.path)
    return [Problem("warning", text, where) for text in unapplied_aberrations(particles.optics)]


def _frame(
    particles: ParticleSet, check: DataCheck, settings: TrainingSettings, problems: list[Problem]
) -> Frame | None:
    """The map's grid, and the grid that images are brought to."""
    consensus = check.consensus
    if consensus is None:
        return None
    box = consensus.data.shape[0]
    pixel_size = consensus.pixel_size_angstrom or _images_extent(particles, check) / box
    working_box = settings.working_box or box
    if working_box % 2 or not 16 <= working_box <= box:
        message = (
            f"working_box is {working_box}; it must be an even number from 16 to the map's box of "
            f"{box}."
        )
        problems.append(Problem("error", message))
        return None
    if not np.isfinite(pixel_size) or pixel_size <= 0:
        return None
    return Frame(box, pixel_size, working_box, pixel_size * box / working_box)


def _images_extent(particles: ParticleSet, check: DataCheck) -> float:
    """Side of the images of the largest optics group in A; NaN when unknown."""
    group = int(np.bincount(particles.optics_index).argmax()) if len(particles) else 0
    box = check.boxes.get(group)
    return box * particles.optics[group].pixel_size_angstrom if box else float("nan")


def _background(
    particles: ParticleSet, rows: npt.NDArray[np.int64], settings: TrainingSettings
) -> list[Problem]:
    if settings.normalise_images or not len(rows):
        return []
    reader, means, sigmas = ImageReader(particles), [], []
    for row in rows.tolist():
        try:
            image = reader.read([row])[0]
        except UserError:
            continue  # check_particles has reported it
        values = image[_outside(image.shape[-1])]
        means.append(float(values.mean()))
        sigmas.append(float(values.std()))
    if not means:
        return []
    mean, sigma = float(np.mean(means)), float(np.mean(sigmas))
    if not np.isfinite([mean, sigma]).all() or (abs(mean) < 0.1 and 0.9 < sigma < 1.1):
        return []
    message = (
        f"Outside the particle the images have mean {mean:.3g} and sigma {sigma:.3g} (a sample of "
        f"{len(means)}), where 0 and 1 are usual; setting normalise_images brings them there."
    )
    return [Problem("warning", message, str(particles.source.path))]


def _outside(box: int) -> npt.NDArray[np.bool_]:
    axis = np.arange(box) - box // 2
    outside: npt.NDArray[np.bool_] = (
        axis[:, None] ** 2 + axis[None, :] ** 2 > (BACKGROUND_RADIUS * box) ** 2
    )
    return outside


@dataclass(frozen=True)
class Agreement:
    """Images next to projections of the map, each less its mean over the circle of the box.

    correlation   (b,)
    overlap       (b,) sum of image x projection
    power         (b,) sum of projection^2; overlap / power is the image's scale
    """

    correlation: npt.NDArray[np.float64]
    overlap: npt.NDArray[np.float64]
    power: npt.NDArray[np.float64]


def _contrast(agreement: Agreement, consensus: Map, settings: TrainingSettings) -> Problem:
    """Say how images and projections of the map agree."""
    correlation = agreement.correlation
    mean = float(correlation.mean())
    error = float(correlation.std()) / max(len(correlation) - 1, 1) ** 0.5
    said = f"mean correlation {mean:.3f} of {len(correlation)} sampled images with projections"
    where = str(consensus.path)
    if mean < -SURE * error:
        cure = "unset" if settings.invert_contrast else "set"
        message = (
            f"The images have the opposite contrast of the map ({said}): the protein is black; "
            f"{cure} invert_contrast."
        )
        return Problem("error", message, where)
    if mean > SURE * error:
        return Problem("note", f"The images agree with the map (white protein), {said}.", where)
    message = (
        f"The images do not agree with the map ({said}); make sure that map and poses come from "
        "the same refinement and that the pixel size is right."
    )
    return Problem("warning", message, where)


def _group_scales(
    particles: ParticleSet,
    rows: npt.NDArray[np.int64],
    agreement: Agreement,
    settings: TrainingSettings,
) -> list[Problem]:
    """Optics groups whose grey scale clearly differs: a model has one scale for all of them."""
    group = particles.optics_index[rows]
    total = agreement.overlap.sum() / agreement.power.sum()
    if total <= 0 or len(np.unique(group)) < 2:
        return []
    found = []
    for g in np.unique(group):
        overlap, power = agreement.overlap[group == g], agreement.power[group == g]
        if len(overlap) < FEWEST_FOR_SCALE:
            continue
        scale = overlap.sum() / power.sum()
        error = (overlap - scale * power).std() * len(overlap) ** 0.5 / power.sum()
        if abs(scale - total) > max(SURE * error, LARGEST_DEPARTURE * total):
            found.append(f"{particles.optics[g].name} {scale / total:.2f}")
    if not found:
        return []
    cure = (
        "they differ although normalise_images is set"
        if settings.normalise_images
        else "setting normalise_images usually brings them together"
    )
    message = (
        "The grey scale of the images differs between optics groups (relative to the mean of all, "
        f"from projections of the map: {', '.join(found)}). One scale is fitted to all, so the "
        f"difference can show up as motion; {cure}."
    )
    return [Problem("warning", message, str(particles.source.path))]


def compare_with_map(
    particles: ParticleSet,
    rows: npt.NDArray[np.int64],
    consensus: npt.NDArray[np.float32],
    frame: Frame,
    settings: TrainingSettings | None = None,
) -> Agreement:
    """Compare images, as training would see them, with projections of the map at low resolution.

    Projections of the map are turned, shifted and given the CTF of each particle.

    Parameters
    ----------
    particles : ParticleSet
        Where images, poses and optics come from.
    rows : numpy.ndarray
        (b,) int64, rows of the particle file.
    consensus : numpy.ndarray
        (z, y, x) float32.
    frame : Frame
        The grids of the run.
    settings : TrainingSettings, optional
        How images are read; the defaults without them.

    Returns
    -------
    Agreement
        For each of the b images.
    """
    from napari_conformix.imaging import (
        ctf_of,
        fourier_resize_3d,
        fourier_shift,
        project_volume,
    )

    box = min(COMPARISON_BOX, frame.working_box)
    pixel_size = frame.box * frame.pixel_size_angstrom / box
    volume = fourier_resize_3d(torch.from_numpy(consensus), box)
    rotation = torch.from_numpy(np.array(particles.rotation[rows]))
    shift = torch.from_numpy(np.array(particles.shift_angstrom[rows])) / pixel_size
    projection = torch.fft.rfft2(project_volume(volume, rotation))  # (b, box, box // 2 + 1)
    ctf = ctf_of(particles, rows, box, pixel_size)
    expected = torch.fft.irfft2(fourier_shift(projection, shift) * ctf, s=(box, box))
    images = _small_images(particles, rows, box, frame, settings or TrainingSettings())
    axis = torch.arange(box) - box // 2
    inside = axis[:, None] ** 2 + axis[None, :] ** 2 < (box // 2) ** 2
    a, b = (stack[:, inside].double() for stack in (images, expected))  # (b, pixels)
    a, b = (x - x.mean(dim=1, keepdim=True) for x in (a, b))
    overlap = (a * b).sum(dim=1)
    norm = (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-12)
    return Agreement((overlap / norm).numpy(), overlap.numpy(), b.square().sum(dim=1).numpy())


def image_map_correlation(
    particles: ParticleSet,
    rows: npt.NDArray[np.int64],
    consensus: npt.NDArray[np.float32],
    frame: Frame,
) -> npt.NDArray[np.float64]:
    """Correlation of images with projections of the map, see :func:`compare_with_map`.

    Parameters
    ----------
    particles : ParticleSet
        Where images, poses and optics come from.
    rows : numpy.ndarray
        (b,) int64, rows of the particle file.
    consensus : numpy.ndarray
        (z, y, x) float32.
    frame : Frame
        The grids of the run.

    Returns
    -------
    numpy.ndarray
        (b,) float64.
    """
    return compare_with_map(particles, rows, consensus, frame).correlation


def _small_images(
    particles: ParticleSet,
    rows: npt.NDArray[np.int64],
    box: int,
    frame: Frame,
    settings: TrainingSettings,
) -> torch.Tensor:
    """(b, box, box): images of the working grid, Fourier-cropped; a few at a time."""
    from napari_conformix.imaging import fourier_resize_2d
    from napari_conformix.training.batches import TrainingData

    streaming = settings.model_copy(update={"images": "stream"})
    data = TrainingData(particles, frame, streaming)
    chunks = [rows[first : first + 32] for first in range(0, len(rows), 32)]
    return torch.cat([fourier_resize_2d(data.batch(chunk).images, box) for chunk in chunks])
