"""Making, training and watching a job: `new`, `settings`, `train`, `status`."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from napari_conformix.errors import UserError
from napari_conformix.methods import RECOMMENDED, available_methods, settings_model

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.training.settings import TrainingSettings

#: headings of the settings that are shown at once, folded away, and not in the window
SHOWN = {
    "Settings of {method}": "basic",
    "Advanced settings of {method}": "advanced",
    "Expert settings of {method}, not in the window": "expert",
}
JobFolder = Annotated[Path, Parameter(help="The job folder.")]
StacksFolder = Annotated[
    Path | None, Parameter(help="Folder that the stacks' paths are relative to.")
]
Passthrough = Annotated[
    Path | None, Parameter(help="The passthrough file that belongs to a .cs file.")
]


def new(
    job: JobFolder,
    /,
    *,
    particles: Annotated[
        Path | None, Parameter(help="Particles: a RELION STAR or cryoSPARC .cs file.")
    ] = None,
    consensus: Annotated[
        Path | None, Parameter(help="Consensus map (MRC) of the same refinement.")
    ] = None,
    mask: Annotated[Path | None, Parameter(help="Mask (MRC) on the grid of the map.")] = None,
    method: Annotated[
        str | None,
        Parameter(
            help=f"Name of a method ({RECOMMENDED} if none is given); `conformix settings` names "
            "those that are installed."
        ),
    ] = None,
    datadir: StacksFolder = None,
    passthrough: Passthrough = None,
    preset: Annotated[
        str | None,
        Parameter(
            help="A named set of settings, for example quick; `conformix settings METHOD` lists "
            "them."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        Parameter(
            name="--set",
            help="One setting as key=value; may be repeated. `conformix settings METHOD` lists "
            "all settings with unit, default and range, and the presets.",
            negative=(),
        ),
    ] = None,
    from_: Annotated[
        Path | None,
        Parameter(
            name="--from",
            help="Take method, settings and maps of this job, and the particles of one of its "
            "selections (--selection); --set, --consensus and --mask replace what is given.",
        ),
    ] = None,
    selection: Annotated[
        str | None, Parameter(help="The saved selection of the job named by --from.")
    ] = None,
) -> None:
    """Check a data set and make a job folder.

    All problems are reported together; nothing is written if there are errors.
    """
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.selections import train_on

    settings = parse_settings(set_ or [])
    if from_ is not None or selection is not None:
        if from_ is None or selection is None:
            raise UserError("--from JOB and --selection NAME belong together; give both.")
        given = {"--particles": particles, "--method": method, "--preset": preset}
        given |= {"--datadir": datadir, "--passthrough": passthrough}
        extra = [option for option, value in given.items() if value is not None]
        if extra:
            raise UserError(f"{', '.join(extra)}: with --from that is the other job's; leave out.")
        made = train_on(
            Job.open(from_), selection, job, settings=settings, consensus=consensus, mask=mask
        )
    elif particles is None:
        raise UserError("Give --particles FILE, or --from JOB with --selection NAME.")
    else:
        made = Job.create(
            job,
            method=method or RECOMMENDED,
            particles=particles,
            consensus=consensus,
            mask=mask,
            datadir=datadir,
            passthrough=passthrough,
            settings=settings,
            preset=preset,
        )
    for problem in made.report.problems if made.report else ():
        print(problem)
    grids = made.spec.grids
    print(
        f"Made {job}: {made.spec.method}, {len(made.particles):,} particles, box {grids.box} at "
        f"{grids.pixel_size_angstrom:.4g} A, trained at box {grids.working_box}."
    )
    print(f"Train it with: conformix train {job}")


def parse_settings(assignments: list[str]) -> dict[str, Any]:
    """`key=value` texts as a dictionary; a value that is not TOML is text."""
    values: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = (part.strip() for part in assignment.partition("="))
        if not key or not equals:
            raise UserError(f"--set {assignment!r} must be key=value, for example epochs=50.")
        try:
            values[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[key] = {"True": True, "False": False}.get(text, text)
    return values


def settings(method: Annotated[str, Parameter(help="Name of a method.")] = RECOMMENDED, /) -> None:
    """List every setting of a method, and which methods are installed."""
    model = settings_model(method)
    for title, shown in SHOWN.items():
        lines = list(_setting_lines(model, shown))
        if lines:
            print(f"{title.format(method=method)}\n\n" + "\n".join(lines) + "\n")
    for number, (name, values) in enumerate(model.presets.items()):
        text = ", ".join(f"{key}={value}" for key, value in values.items()) or "the defaults"
        print(f"Preset {name}{' (taken if none is named)' * (number == 0)}: {text}")
    names = [f"{n}{' (taken if none is named)' * (n == RECOMMENDED)}" for n in available_methods()]
    print(f"\nInstalled methods: {', '.join(names)}")


def _setting_lines(model: "type[TrainingSettings]", shown: str) -> Iterator[str]:
    """For each setting that is shown so its name, default, unit and range, and its help below."""
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        details: dict[str, Any] = extra if isinstance(extra, dict) else {}
        if next((key for key in ("expert", "advanced") if details.get(key)), "basic") != shown:
            continue
        unit = f" {details['unit']}" if details.get("unit") else ""
        limits = _range_in_words(model, name)
        default = "not set" if field.default is None else field.default
        yield f"  {name} = {default}{unit}" + (f"    ({limits})" if limits else "")
        yield f"      {field.description}"


def _range_in_words(model: "type[TrainingSettings]", name: str) -> str:
    """For example '1 to 64', '> 0', 'auto | memory'; empty without limits."""
    schema = model.model_json_schema()["properties"][name]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    limits = ((">=", low), (">", above), ("<=", high), ("<", below))
    return ", ".join(f"{sign} {value:g}" for sign, value in limits if value is not None)


def train(
    job: JobFolder,
    /,
    *,
    epochs: Annotated[
        int | None, Parameter(help="Train to this epoch instead of the job's setting.")
    ] = None,
    device: Annotated[str, Parameter(help="auto, cpu, cuda, or one GPU such as cuda:1.")] = "auto",
    resume: Annotated[
        bool,
        Parameter(
            help="Go on from the last checkpoint, to the epoch that was asked for last.",
            negative=(),
        ),
    ] = False,
    detach: Annotated[
        bool,
        Parameter(help="Train in the background, also after this shell ends.", negative=()),
    ] = False,
) -> int:
    """Train a job.

    Ctrl-C stops it cleanly after the current step (exit status 130), a second one at once.
    """
    from napari_conformix.cli.runs.progress import show_run
    from napari_conformix.jobs import Job

    opened = Job.open(job)
    if detach:
        pid = opened.launch(device=device, epochs=epochs, resume=resume)
        print(f"Training as process {pid}. Watch it with: conformix status {job} --follow")
        return 0
    return show_run(opened.train(device=device, epochs=epochs, resume=resume), job)


def stop(job: JobFolder, /) -> None:
    """Ask a run to end after its current step."""
    running = _running(job)
    running.stop()
    print(f"Asked {job} to stop. Go on with: conformix train {job} --resume")


def pause(
    job: JobFolder,
    /,
    *,
    end: Annotated[bool, Parameter(help="Let a paused run go on.", negative=())] = False,
) -> None:
    """Let a run wait after its current step, until `pause --end`."""
    running = _running(job)
    if end:
        running.unpause()
        print(f"{job} goes on.")
    else:
        running.pause()
        print(f"Asked {job} to wait. Let it go on with: conformix pause {job} --end")


def _running(folder: Path) -> "Job":
    """The job, if a trainer is at work in it here or on another host."""
    from napari_conformix.jobs import Job

    job = Job.open(folder)
    if job.state not in ("running", "paused"):
        raise UserError(f"{folder} is not running: it is {job.state}.")
    return job


def status(
    job: JobFolder,
    /,
    *,
    follow: Annotated[
        bool, Parameter(help="Stay and show it as it changes, until the run ends.", negative=())
    ] = False,
) -> None:
    """Say what a job is doing, with its loss curves.

    Leaving --follow with Ctrl-C does not stop the run.
    """
    from napari_conformix.cli.runs.status import follow_status, print_status
    from napari_conformix.jobs import Job

    (follow_status if follow else print_status)(Job.open(job))
