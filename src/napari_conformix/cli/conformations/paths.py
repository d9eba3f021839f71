"""`conformix path`: paths through the conformations of a job, saved under a name."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from napari_conformix.cli.conformations.decode import Half
from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.errors import UserError

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
    pc: Annotated[
        int | None, Parameter(help="Along this principal component of the latents, from 1.")
    ] = None,
    motion: Annotated[
        int | None, Parameter(help="Along this motion coordinate, from 1 (methods with motions).")
    ] = None,
    points: Annotated[
        str | None,
        Parameter(
            help="Through these points of a map: 'x,y x,y ...', in the units of its axes.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    map_: Annotated[
        str | None,
        Parameter(name="--map", help="The map of --points: motion, pca1, latent1, 'umap motion'."),
    ] = None,
    axes: Annotated[str, Parameter(help="The two axes of that map, from 1.")] = "1,2",
    closed: Annotated[
        bool, Parameter(help="Return from the last of --points to the first.", negative=())
    ] = False,
    from_row: Annotated[
        int | None, Parameter(help="Through the data from this particle (its row, from 0)...")
    ] = None,
    to_row: Annotated[int | None, Parameter(help="... to this one.")] = None,
    clusters: Annotated[
        str | None,
        Parameter(help="Through the centres of this set of clusters, in the shortest order."),
    ] = None,
    over: Annotated[
        Literal["lines", "data"],
        Parameter(help="From cluster to cluster: straight, or through the data between them."),
    ] = "lines",
    file: Annotated[
        Path | None,
        Parameter(help="The latents of a file: text with one a line, .npy, or a saved path."),
    ] = None,
    like: Annotated[
        str | None, Parameter(help="As this saved path was made, from the latents of now.")
    ] = None,
    count: Annotated[int | None, Parameter(help="Number of steps; 20 if not given.")] = None,
    percentiles: Annotated[
        str, Parameter(help="Where --pc and --motion begin and end among the particles.")
    ] = "5,95",
    straight: Annotated[
        bool,
        Parameter(
            help="Set what --pc or --points leave open to its mean, instead of following the "
            "particles; such a path may leave the data.",
            negative=(),
        ),
    ] = False,
    half: Half = None,
    epoch: Annotated[
        int | None, Parameter(help="Of the latents; those of the result if not given.")
    ] = None,
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
    how: dict[str, Callable[[], dict[str, Any]]] = {
        "--pc": lambda: _along("component", pc, percentiles) | {"straight": straight},
        "--motion": lambda: _along("motion", motion, percentiles),
        "--points": lambda: _through(points, map_, axes) | {"closed": closed, "exact": straight},
        "--from-row": lambda: {"kind": "data", "start": from_row, "end": to_row},
        "--clusters": lambda: {"kind": "clusters", "set": clusters, "over": over},
        "--file": lambda: {},
        "--like": lambda: opened.path(str(like)).how,
    }
    values = (pc, motion, points, from_row, clusters, file, like)
    given = [option for option, value in zip(how, values, strict=True) if value is not None]
    if len(given) != 1 or (from_row is None) != (to_row is None):
        raise UserError(
            "Give one of --pc NUMBER, --motion NUMBER, --points 'x,y x,y', --from-row ROW with "
            "--to-row ROW, --clusters SET, --file FILE and --like NAME; or --list."
        )
    if name is None:
        raise UserError("A path needs a name to be saved under: --name NAME.")
    job_paths.refuse_taken(opened, name, overwrite=overwrite)
    if file is not None:
        made = job_paths.read(opened, file, half)
    else:
        steps = {} if count is None else {"count": count}
        of: int | None = half
        if like is not None and half is None:
            of = opened.path(like).half
        made = opened.make_path({**how[given[0]](), **steps}, half=of, epoch=epoch)
    saved = opened.save_path(name, made, overwrite=overwrite)
    print("\n".join(lines(made)))
    if doubted := doubt(opened, made.epoch):
        print(f"\n{doubted}")
    print(f"\nSaved as {saved}.")
    if opened.method_class.has_decoder:
        arguments = shlex.join([str(job), "--path", name])
        print(f"Maps: conformix decode {arguments} -o FOLDER")
        print(f"Movie: conformix movie {arguments} -o FILE.mp4")


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


def axes_of_view(text: str, key: str | None) -> list[int | str]:
    """'1,2' -> [0, 1]; names of columns for the map 'columns'."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 2 and key == "columns":
        return list(parts)
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UserError(f"--axes {text!r} must be two numbers from 1 with a comma between: 1,2.")
    return [int(part) - 1 for part in parts]


def _list(job: "Job") -> None:
    for name in job.paths():
        print(f"{name}: {job.path(name).sentence()}")
    if not job.paths():
        print(f"There are no paths yet; make one: conformix path {job.folder} --pc 1 --name NAME")


def _along(kind: str, number: int | None, percentiles: str) -> dict[str, Any]:
    return {"kind": kind, "component": number, "percentiles": _pair(percentiles, "--percentiles")}


def _through(points: str | None, key: str | None, axes: str) -> dict[str, Any]:
    places = [_pair(part, "--points") for part in str(points).replace(";", " ").split()]
    return {"kind": "points", "map": key, "axes": axes_of_view(axes, key), "points": places}


def _pair(text: str, option: str) -> list[float]:
    try:
        one, other = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UserError(f"{option} {text!r} must be two numbers with a comma between.") from error
    return [one, other]
