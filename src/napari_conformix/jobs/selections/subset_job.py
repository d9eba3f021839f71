"""A job made of some particles of another: the same method, settings and maps."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_conformix.export.formats import offered_to, program_of
from napari_conformix.jobs.folder import Inputs, creation, refuse_without_decoder
from napari_conformix.jobs.selections.saved import export_selection, load_selection
from napari_conformix.runs import atomic_write, formats, layout

if TYPE_CHECKING:
    from napari_conformix.analysis.selections import Selection
    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.particles import ParticleSet

AnyJob = TypeVar("AnyJob", bound="JobFolder")

#: the particles of the new job, and where they come from, in its folder
PARTICLES = "particles"
ORIGIN = "made_from.json"


def train_on(
    job: "AnyJob",
    selection: "Selection | str",
    folder: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    consensus: str | Path | None = None,
    mask: str | Path | None = None,
    check: bool = True,
) -> "AnyJob":
    """Make the job folder `folder` for the particles of a selection of `job`; nothing is trained.

    Method, settings, maps and half sets are those of `job`, but for what is given here. The
    particles are written into the new folder (with every column, and half sets that the program
    had made), so that it does not depend on the old one; images stay where they are. Raises
    UserError that lists all problems, or when the folder is not empty; then nothing is written.
    """

    refuse_without_decoder(job.method_class, "be trained on a selection")
    chosen = load_selection(job, selection) if isinstance(selection, str) else selection
    folder = Path(folder).expanduser().absolute()
    before = job.spec.inputs
    own = offered_to(program_of(job.particles.source.format)).usual
    particles = folder / f"{PARTICLES}{own.suffix}"
    was_there = folder.exists()
    creation.make_folder(folder)
    written = [particles, folder / ORIGIN, folder / layout.SPEC]
    try:
        export_selection(job, chosen, particles)
        inputs = Inputs(
            particles=particles,
            # a passthrough file was joined to the table, and is written with it
            datadir=before.datadir or root_of_stacks(job.particles),
            consensus=creation.absolute(consensus) or before.consensus,
            mask=creation.absolute(mask) or before.mask,
        )
        made = creation.make_spec(
            method=job.spec.method,
            inputs=inputs,
            settings=_settings(job, settings or {}),
            preset=None,
            check=check,
        )
        _write_origin(folder / ORIGIN, job, chosen)
        made.spec.write(folder / layout.SPEC)  # the last: a folder with it is a job
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        if not was_there:
            folder.rmdir()
        raise
    return type(job).just_made(folder, made)


def root_of_stacks(particles: "ParticleSet") -> Path | None:
    """The folder that the names of the stacks are relative to, where they were found; None where
    the names are absolute, or no stack was found."""
    from napari_conformix.particles import stack_names

    numbers = np.unique(particles.stack_index)
    for name, number in zip(stack_names(particles), numbers.tolist(), strict=True):
        path, parts = particles.stacks[number], Path(name).parts
        if not Path(name).is_absolute() and path.is_file() and path.parts[-len(parts) :] == parts:
            return Path(*path.parts[: -len(parts)])
    return None


def _settings(job: "JobFolder", changed: Mapping[str, Any]) -> Any:
    """All settings of a job with some replaced, checked by the method's model."""
    from napari_conformix.jobs.folder import validate_settings

    return validate_settings(job.method_class.Settings, {**job.spec.settings, **changed})


def _write_origin(path: Path, job: "JobFolder", selection: "Selection") -> None:
    """Where the particles come from, for whoever wonders later."""
    origin = {
        **formats.ORIGIN.stamp(),
        "job": str(job.folder.absolute()),
        "particles": str(job.spec.inputs.particles),
        "selection": json.loads(selection.to_json()),
    }
    atomic_write(path, (json.dumps(origin, indent=1) + "\n").encode())
