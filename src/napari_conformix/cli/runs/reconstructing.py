"""`conformix reconstruct`: half maps of a job's particles, deformed or plain."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.reconstruction import ReconstructionRun
    from napari_conformix.runs import Event


@Parameter(name="*")
@dataclass(frozen=True)
class HowOptions:
    """How a reconstruction is made: fields of its settings."""

    mask: Annotated[
        Path | None,
        Parameter(help="Mask for the FSC; else the job's, else one is made around the map."),
    ] = None
    warp: Annotated[
        str, Parameter(help="gather (exact), or inverse: the paper's way, for comparison.")
    ] = "gather"
    steady: Annotated[
        bool,
        Parameter(
            help="Hold displacements back where the models of the two halves do not agree on them, "
            "so that a resting part is not blurred."
        ),
    ] = True
    device: Annotated[str, Parameter(help="auto, cpu, cuda or cuda:1.")] = "auto"
    local_resolution: Annotated[bool, Parameter(help="Make a map of local resolution.")] = True


def reconstruct(
    job: JobFolder,
    /,
    *,
    deformed: Annotated[
        bool | None,
        Parameter(
            negative="--plain",
            help="Follow every particle's motion back to the consensus, or back-project the "
            "images as they are; by default deformed where the method knows motions.",
        ),
    ] = None,
    selection: Annotated[
        str | None, Parameter(help="Name of a saved selection; without it, all particles.")
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(
            name=["--output", "-o"], help="Folder; by default reconstruction/NAME in the job."
        ),
    ] = None,
    how: HowOptions = HowOptions(),
    resume: Annotated[
        bool, Parameter(help="Go on with one that was stopped or interrupted.", negative=())
    ] = False,
    overwrite: Annotated[
        bool, Parameter(help="Replace a reconstruction that is there.", negative=())
    ] = False,
) -> None:
    """Reconstruct half maps of a trained job's particles, with FSC and local resolution.

    Next to deformed maps there are always the plain ones of the same particles, to compare with.
    Ctrl-C stops it after the current batch; --resume goes on.
    """
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.reconstruction import ReconstructionRun

    opened = Job.open(job)
    follow_motion = opened.method_class.has_displacement if deformed is None else deformed
    if deformed is None and not follow_motion:
        print(
            f"{opened.method_class.title} has no displacements to undo: the images are "
            "back-projected as they are (--plain)."
        )
    if resume:
        run = _begun(opened, selection, output, follow_motion)
    else:
        run = ReconstructionRun.create(
            opened,
            None if selection is None else opened.selection(selection),
            output,
            deformed=follow_motion,
            overwrite=overwrite,
            settings=asdict(how),
        )
    if _show(run.run(), run):
        report = run.report()
        for sentence in report.sentences():
            print(sentence)
        if opened.model_biased is not None:
            print(opened.model_biased)
        print(f"Maps, curves and report.html: {run.folder}")
        half1, solvent = (
            quote(str(run.folder / name)) for name in (report.half_maps[0], report.mask)
        )
        pixel = f"{report.pixel_size_angstrom:g}"
        print(
            f"Sharpen in RELION: relion_postprocess --i {half1} --mask {solvent} --angpix {pixel}"
        )
    else:
        print(f"Stopped. Go on with the same command and --resume ({run.folder}).")


def _begun(
    job: "Job", selection: str | None, output: Path | None, deformed: bool
) -> "ReconstructionRun":
    """The reconstruction that the same options began."""
    from napari_conformix.jobs.reconstruction import ReconstructionRun, default_folder

    return ReconstructionRun.open(output or default_folder(job, selection, deformed))


def _show(events: "Iterable[Event]", run: "ReconstructionRun") -> bool:
    """Show a run in this process; False when it was stopped. UserError when it failed."""
    from napari_conformix.jobs.reconstruction import ReconstructionProgress
    from napari_conformix.runs import Failed, Warning

    with progress_bar(f"Reconstructing {run.name}") as tell:
        for event in events:
            if isinstance(event, Failed):
                raise UserError(event.message)
            if isinstance(event, Warning):
                print(f"Warning: {event.message}")
            elif isinstance(event, ReconstructionProgress) and event.total:
                tell(event.done / event.total)
    return run.state == "finished"
