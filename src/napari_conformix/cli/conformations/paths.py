"""`conformix path`: paths through the conformations of a job, saved under a name."""

import shlex
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from napari_conformix.cli.conformations.path_options import CourseOptions
from napari_conformix.cli.options import ModelOptions
from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.errors import UserError
from napari_conformix.export.formats import MOVIE_FILES

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.jobs import Job


def path(
    job: JobFolder,
    /,
    *,
    name: Annotated[
        str | None, Parameter(help="Name to save the path under; needed to make one.")
    ] = None,
    course: CourseOptions = CourseOptions(),
    model: ModelOptions = ModelOptions(),
    overwrite: Annotated[
        bool, Parameter(help="Replace the path of that name.", negative=())
    ] = False,
    list_: Annotated[
        bool, Parameter(name="--list", help="List the saved paths.", negative=())
    ] = False,
    delete: Annotated[str | None, Parameter(help="Delete this saved path.")] = None,
) -> None:
    """Make a path through the conformations of a trained job and save it.

    A path stays in the latent space of one half. How many particles are near each of its steps is
    printed; steps with none are extrapolated. Decode it with `conformix decode JOB --path NAME`,
    film it with `conformix movie JOB --path NAME`.
    """
    from napari_conformix.jobs import Job
    from napari_conformix.jobs import paths as job_paths
    from napari_conformix.jobs.checks import doubt

    opened = Job.open(job)
    if list_:
        _list(opened)
        return
    if delete is not None:
        opened.delete_path(delete)
        print(f"Deleted the path {delete}.")
        return
    course.asked()
    if name is None:
        raise UserError("A path needs a name to be saved under: --name NAME.")
    job_paths.refuse_taken(opened, name, overwrite=overwrite)
    made = _made(opened, course, model)
    saved = opened.save_path(name, made, overwrite=overwrite)
    print("\n".join(lines(made)))
    if doubted := doubt(opened, made.epoch):
        print(f"\n{doubted}")
    print(f"\nSaved as {saved}.")
    if opened.method_class.has_decoder:
        arguments = shlex.join([str(job), "--path", name])
        print(f"Maps: conformix decode {arguments} -o FOLDER")
        print(f"Movie: conformix movie {arguments} -o FILE{MOVIE_FILES.usual.suffix}")


def _made(job: "Job", course: CourseOptions, model: ModelOptions) -> "LatentPath":
    """The path that is asked for."""
    from napari_conformix.jobs import paths as job_paths

    if course.file is not None:
        return job_paths.read(job, course.file, model.half)
    half: int | None = model.half
    if course.like is None:
        return job.make_path(course.how(), half=half, epoch=model.epoch)
    before = job.path(course.like)
    of = before.half if half is None else half
    return job.make_path(course.how(before.how), half=of, epoch=model.epoch)


def lines(path: "LatentPath") -> list[str]:
    """What a path is, and a line a step: where it is and how many particles are near."""
    where = path.axis + (f" ({path.unit})" if path.unit else "")
    wide = max(len(where), 9) + 2 if where else 0
    text = [path.sentence(), "", f"step   length{where:>{wide}}   particles near"]
    for step, (length, near) in enumerate(zip(path.arc, path.support, strict=True), start=1):
        position = "" if path.positions is None else f"{path.positions[step - 1]:.3g}"
        note = "" if near else "  none: extrapolated"
        text.append(f"{step:>4} {length:>8.3g}{position:>{wide}}{near:>17,}{note}")
    return text


def _list(job: "Job") -> None:
    for name in job.paths():
        print(f"{name}: {job.path(name).sentence()}")
    if not job.paths():
        print(f"There are no paths yet; make one: conformix path {job.folder} --pc 1 --name NAME")
