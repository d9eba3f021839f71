"""What a run works on: the particle file of a job, and its split, made by the first run."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_conformix.jobs.folder.spec import Inputs, JobSpec
from napari_conformix.runs import layout
from napari_conformix.training.split import Split, make_split

if TYPE_CHECKING:
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.settings import TrainingSettings


def read_inputs(spec: JobSpec) -> "ParticleSet":
    """The particle file of a job."""
    return read_particle_file(spec.inputs)


def read_particle_file(inputs: Inputs) -> "ParticleSet":
    """The particle file of a job that is not made yet."""
    from napari_conformix.particles import read_particles

    return read_particles(inputs.particles, datadir=inputs.datadir, passthrough=inputs.passthrough)


def load_or_make_split(
    folder: Path, particles: "ParticleSet", settings: "TrainingSettings", independent_halves: bool
) -> Split:
    """The split of the job: made by the first run, the same ever after."""
    path = folder / layout.SPLIT
    if not path.exists():
        split = make_split(
            particles.half,
            independent_halves=independent_halves,
            validation_fraction=settings.validation_fraction,
            seed=settings.seed,
            images=particles.image_key,
        )
        replace(split, images=particles.images_digest).save(path)
    split = Split.load(path)
    split.refuse_other_particles(len(particles), particles.images_digest, particles.source.path)
    return split
