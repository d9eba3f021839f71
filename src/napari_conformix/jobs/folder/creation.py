"""Making a job folder: everything is checked before anything is written."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_conformix.errors import UserError
from napari_conformix.jobs.folder.inputs import read_particle_file
from napari_conformix.jobs.folder.spec import Grids, Inputs, JobSpec, validate_settings
from napari_conformix.runs import layout

if TYPE_CHECKING:
    from napari_conformix.particles import ParticleSet
    from napari_conformix.training.preflight import Report
    from napari_conformix.training.settings import TrainingSettings


@dataclass(frozen=True)
class Made:
    """What a job folder is made of.

    spec       what `job.toml` will say
    report     what the checks found, and
    particles  what they have read; None without checks
    """

    spec: JobSpec
    report: "Report | None" = None
    particles: "ParticleSet | None" = None


def make_spec(
    *,
    method: str,
    inputs: Inputs,
    settings: "Mapping[str, Any] | TrainingSettings | None",
    preset: str | None,
    check: bool,
) -> Made:
    """What `job.toml` will say, and what the checks found. UserError lists everything wrong."""
    values = complete_settings(method, settings, preset)
    _refuse_missing(inputs, values)
    particles = read_particle_file(inputs) if check else None
    report = None if particles is None else run_checks(particles, inputs, values)
    grids = grids_of(report) if report is not None else unchecked_grids(inputs, values)
    spec = JobSpec(
        method=method, inputs=inputs, grids=grids, settings=values.model_dump(mode="json")
    )
    return Made(spec, report, particles)


def complete_settings(
    method: str, settings: "Mapping[str, Any] | TrainingSettings | None", preset: str | None
) -> "TrainingSettings":
    """Defaults, then the preset (the method's first one if none is named), then `settings`."""
    from napari_conformix.methods import method_class
    from napari_conformix.training.settings import TrainingSettings

    kind = method_class(method)
    if not kind.has_decoder:
        raise UserError(
            "Latents of another program are no method to train; open them with: conformix import "
            "JOB --particles X.star --latents z.pkl"
        )
    model = kind.Settings
    if isinstance(settings, TrainingSettings):
        if preset is not None:
            raise UserError("Give either a preset or a complete settings object, not both.")
        return validate_settings(model, settings.model_dump())
    name = preset if preset is not None else next(iter(model.presets))
    if name not in model.presets:
        known = ", ".join(model.presets)
        raise UserError(f"There is no preset {name!r} of {method}; presets: {known}.")
    return validate_settings(model, {**model.presets[name], **(settings or {})})


def absolute(path: str | Path | None) -> Path | None:
    """An absolute path without resolving links: the user's own name for the file is kept."""
    return None if path is None else Path(path).expanduser().absolute()


def inputs_of(
    particles: str | Path,
    passthrough: str | Path | None,
    datadir: str | Path | None,
    consensus: str | Path | None,
    mask: str | Path | None,
) -> Inputs:
    """The files of a job, by absolute paths."""
    return Inputs.model_validate(
        {
            "particles": absolute(particles),
            "passthrough": absolute(passthrough),
            "datadir": absolute(datadir),
            "consensus": absolute(consensus),
            "mask": absolute(mask),
        }
    )


def write_folder(folder: Path, spec: JobSpec) -> None:
    """Make the folder with its job.toml; UserError when it holds anything already."""
    make_folder(folder)
    try:
        spec.write(folder / layout.SPEC)
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror or error}.") from error


def make_folder(folder: Path) -> None:
    """Make an empty folder; UserError when it holds anything already, or cannot be made."""
    refuse_used_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror or error}.") from error


def refuse_used_folder(folder: Path) -> None:
    """UserError unless `folder` is absent or empty."""
    if folder.is_file():
        raise UserError(f"{folder} is a file; give the name of a new folder.")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} exists and is not empty; give the name of a new folder.")


def run_checks(particles: "ParticleSet", inputs: Inputs, settings: "TrainingSettings") -> "Report":
    """The pre-flight report on the inputs; looks at images and maps, writes nothing."""
    from napari_conformix.training.preflight import preflight

    return preflight(particles, inputs.consensus, inputs.mask, settings)


def grids_of(report: "Report") -> Grids:
    """The grids that the checks found; with errors, UserError with all of the report."""
    if report.errors or report.frame is None:
        raise UserError(
            "\n".join(map(str, report.problems))
            or "The box and pixel size of the run could not be read from the consensus map."
        )
    return Grids(**asdict(report.frame))


def unchecked_grids(inputs: Inputs, settings: "TrainingSettings") -> Grids:
    """The grids by the header of the consensus map alone."""
    from napari_conformix.particles import read_map

    if inputs.consensus is None:
        raise UserError("A consensus map is needed; give one (--consensus map.mrc).")
    volume, pixel_size = read_map(inputs.consensus)
    box = volume.shape[0]
    working_box = settings.working_box or box
    return Grids(
        box=box,
        pixel_size_angstrom=pixel_size,
        working_box=working_box,
        working_pixel_size_angstrom=pixel_size * box / working_box,
    )


def _refuse_missing(inputs: Inputs, settings: "TrainingSettings") -> None:
    missing = [
        f"{name}: there is no {path}."
        for name, path in (*inputs, *settings)
        if isinstance(path, Path) and not path.exists()
    ]
    if missing:
        raise UserError("\n".join(missing))
