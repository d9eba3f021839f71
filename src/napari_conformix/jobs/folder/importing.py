"""Jobs whose latents another program made: there is no model, and all else is as in any job.

The folder holds what a finished run leaves: latents (half 0, epoch 0), half sets of the particles,
and events that say so. Rows of the particle file without a latent hold NaN, and are in no view.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_conformix.errors import UserError
from napari_conformix.jobs.folder import creation
from napari_conformix.jobs.folder.inputs import read_particle_file
from napari_conformix.jobs.folder.spec import Grids, Inputs, JobSpec
from napari_conformix.methods import IMPORTED, settings_model
from napari_conformix.particles import Problem
from napari_conformix.runs import EventLog, Warning, layout, temporary_name
from napari_conformix.training.events import Finished, Latents, Notice
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.split import Split, make_split

if TYPE_CHECKING:
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.settings import TrainingSettings

#: images that are looked at; they are only needed for galleries and reconstructions
SAMPLED = 20


@dataclass(frozen=True)
class Source:
    """Where latents come from.

    latents   .pkl of cryoDRGN, .npy, text, .star or .cs
    columns   their names in a .star or .cs file; numbers from 1 in an array; () takes all
    rows      .pkl or .npy of the rows of the particle file that they belong to, as cryoDRGN's --ind
    """

    latents: Path
    columns: tuple[str, ...] = ()
    rows: Path | None = None


def import_latents(folder: Path, inputs: Inputs, source: Source) -> JobSpec:
    """Make a job folder of latents of another program. UserError says what does not fit; nothing is
    written then. What should be known of the data is said in the job's events."""
    from napari_conformix.particles.latents import on_particles, read_indices, read_latents

    creation.refuse_used_folder(folder)
    _refuse_missing(inputs, source)
    found = read_latents(source.latents, source.columns)
    rows = None if source.rows is None else read_indices(source.rows)
    particles = read_particle_file(inputs)
    mean, spread, told = on_particles(found, particles, rows, source.latents)
    problems, grids = _look(particles, inputs)
    settings = _settings(replace(source, columns=found.columns or source.columns))
    spec = JobSpec(
        method=IMPORTED, inputs=inputs, grids=grids, settings=settings.model_dump(mode="json")
    )
    table = LatentTable(
        mean=mean,
        std=spread,
        half=np.zeros(len(mean), np.int8),
        validation=np.zeros(len(mean), bool),
        epoch=0,
    )
    known = int(np.isfinite(mean).all(axis=1).sum())
    notes = [
        f"{known:,} of {len(mean):,} particles have a latent of {mean.shape[1]} numbers. {told}"
    ]
    _write(folder, spec, table, _split(particles, settings.seed), problems, notes)
    return spec


def _refuse_missing(inputs: Inputs, source: Source) -> None:
    named = [*inputs, ("latents", source.latents), ("rows", source.rows)]
    missing = [f"{name}: there is no {path}." for name, path in named if path and not path.exists()]
    if missing:
        raise UserError("\n".join(missing))


def _settings(source: Source) -> "TrainingSettings":
    return settings_model(IMPORTED).model_validate(vars(source))


def _look(particles: "ParticleSet", inputs: Inputs) -> tuple[list[Problem], Grids]:
    """What is to be said of the data set, and the grid of its maps.

    What is wrong with poses, CTF or images keeps nobody from exploring: it becomes a warning. Maps
    that do not fit the particles are refused.
    """
    from napari_conformix.particles.checks import check_data, check_maps

    check = check_data(particles, None, None, sample=SAMPLED)
    unfit = [problem for problem in check.problems if problem.severity == "error"]
    problems = [replace(problem, severity="warning") for problem in unfit]
    problems += [problem for problem in check.problems if problem.severity == "warning"]
    if unfit:
        text = "Until that is fixed, nothing can be reconstructed; the latents can be explored."
        problems.append(Problem("warning", text))
    of_maps, consensus, _ = check_maps(particles, check.boxes, inputs.consensus, inputs.mask)
    wrong = [problem for problem in of_maps if problem.severity == "error"]
    if wrong:
        raise UserError("\n".join(map(str, wrong)))
    box, pixel_size = _images_grid(particles, check.boxes)
    if consensus is not None:
        side = box * pixel_size
        box = consensus.data.shape[0]
        pixel_size = consensus.pixel_size_angstrom or side / box
    if not box or not np.isfinite(pixel_size) or pixel_size <= 0:
        raise UserError(
            f"The size of the images is neither in {particles.source.path} nor are its stacks "
            f"where it says, for example {particles.stacks[0]}. Give the folder that their names "
            "are relative to (--datadir), or a consensus map (--consensus)."
        )
    grids = Grids(
        box=box,
        pixel_size_angstrom=pixel_size,
        working_box=box,
        working_pixel_size_angstrom=pixel_size,
    )
    return [*problems, *of_maps], grids


def _images_grid(particles: "ParticleSet", boxes: dict[int, int]) -> tuple[int, float]:
    """Box, made even, and pixel size in A of the images of the largest optics group; 0 and NaN
    where they are not known."""
    group = int(np.bincount(particles.optics_index).argmax()) if len(particles) else 0
    box = boxes.get(group, 0)
    return box + box % 2, particles.optics[group].pixel_size_angstrom


def _split(particles: "ParticleSet", seed: int) -> Split:
    """The half sets of the file, or made ones; nobody is held out, as nothing is trained."""
    split = make_split(
        particles.half,
        independent_halves=False,
        validation_fraction=0.1,
        seed=seed,
        images=particles.image_key,
    )
    none = np.zeros(len(split), bool)
    return replace(split, validation=none, images=particles.images_digest)


def _write(
    folder: Path,
    spec: JobSpec,
    table: LatentTable,
    split: Split,
    problems: Sequence[Problem],
    notes: Sequence[str],
) -> None:
    """The whole folder under another name, then renamed: it is a job or it is not there."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = temporary_name(folder)
        making.mkdir()
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror or error}.") from error
    try:
        spec.write(making / layout.SPEC)
        table.save(making / layout.LATENTS)
        split.save(making / layout.SPLIT)
        with EventLog(making / layout.EVENTS) as log:
            for problem in problems:
                if problem.severity == "warning":
                    log.append(Warning(message=problem.message))
            for note in notes:
                log.append(Notice(epoch=0, message=note))
            log.append(Latents(epoch=0))
            log.append(Finished(epoch=0))
        (making / layout.SUCCESS).touch()
        os.replace(making, folder)  # takes the place of an empty folder, too
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
