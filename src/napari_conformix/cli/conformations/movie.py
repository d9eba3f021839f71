"""`conformix movie`: a path through conformations as a movie, or as maps for ChimeraX."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from napari_conformix.cli.conformations.decode import Half
from napari_conformix.cli.conformations.movie_process import record
from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.errors import UserError

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.export import MovieOptions, Vector
    from napari_conformix.jobs import Job

#: more steps than this of a path along a component are not decoded for a long movie
MOST_STEPS = 300

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]
LOOK = Group("Look")
CAMERA = Group("Camera (x, y, z are those of the map)")


def movie(
    job: JobFolder,
    /,
    *,
    pc: Annotated[
        int | None, Parameter(help="Along this principal component of the latents, from 1.")
    ] = None,
    motion: Annotated[
        int | None, Parameter(help="Along this motion coordinate, from 1 (both halves share it).")
    ] = None,
    path: Annotated[
        str | None,
        Parameter(help="A saved path (`conformix path`), or a file with a latent on each line."),
    ] = None,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="movie.mp4 or movie.gif.")
    ] = None,
    maps: Annotated[
        Path | None,
        Parameter(
            help="Folder for the maps themselves with a script for ChimeraX; needs no display."
        ),
    ] = None,
    half: Half = None,
    steps: Annotated[
        int | None, Parameter(help="Conformations along --pc or --motion; 24 if nothing asks more.")
    ] = None,
    seconds: Annotated[
        float | None, Parameter(help="Length of the movie; else a frame for every step.")
    ] = None,
    fps: Annotated[float, Parameter(help="Frames per second.")] = 12.0,
    once: Annotated[
        bool, Parameter(help="From the start to the end, and not back again.", negative=())
    ] = False,
    size: Annotated[
        str, Parameter(help="Pixels: 720 (a square), 1280x720, 720p, 1080p.", group=LOOK)
    ] = "720",
    title: Annotated[str, Parameter(help="A line at the top.", group=LOOK)] = "",
    inset: Annotated[
        Corner, Parameter(help="Corner of the latent map with its moving cursor.", group=LOOK)
    ] = "bottom-right",
    inset_size: Annotated[
        float, Parameter(help="Side of that map, as a share of the shorter side.", group=LOOK)
    ] = 0.3,
    no_inset: Annotated[
        bool, Parameter(help="Leave the latent map out.", negative=(), group=LOOK)
    ] = False,
    no_scale_bar: Annotated[
        bool, Parameter(help="Leave the scale bar out.", negative=(), group=LOOK)
    ] = False,
    no_label: Annotated[
        bool,
        Parameter(
            help="Leave step, position and model out; that a step has no particles is always said.",
            negative=(),
            group=LOOK,
        ),
    ] = False,
    no_consensus: Annotated[
        bool, Parameter(help="Leave the translucent consensus out.", negative=(), group=LOOK)
    ] = False,
    background: Annotated[
        str, Parameter(help="Colour: black, white, #rrggbb, ...", group=LOOK)
    ] = "black",
    contour: Annotated[
        float | None,
        Parameter(help="Contour in the maps' own grey values, the same in all frames.", group=LOOK),
    ] = None,
    quality: Annotated[int, Parameter(help="Of an .mp4: 1 to 9.", group=LOOK)] = 8,
    turn: Annotated[
        float,
        Parameter(
            help="Degrees that the camera turns in all, about the vertical of the picture.",
            allow_leading_hyphen=True,
            group=CAMERA,
        ),
    ] = 0.0,
    rock: Annotated[
        float, Parameter(help="Degrees that the camera rocks to either side.", group=CAMERA)
    ] = 0.0,
    view_from: Annotated[
        str | None,
        Parameter(help="Where it is seen from: 0,0,1.", allow_leading_hyphen=True, group=CAMERA),
    ] = None,
    up: Annotated[
        str | None,
        Parameter(
            help="What points up in the picture: 0,1,0.", allow_leading_hyphen=True, group=CAMERA
        ),
    ] = None,
    centre: Annotated[
        str | None,
        Parameter(
            help="What is in the middle, in A from the centre of the map.",
            allow_leading_hyphen=True,
            group=CAMERA,
        ),
    ] = None,
    field: Annotated[
        float | None,
        Parameter(
            help="A that the shorter side of the picture shows; else all of the molecule.",
            group=CAMERA,
        ),
    ] = None,
    perspective: Annotated[
        float, Parameter(help="Opening angle in degrees; 0: orthographic.", group=CAMERA)
    ] = 0.0,
    overwrite: Annotated[bool, Parameter(help="Replace what is there.", negative=())] = False,
) -> None:
    """Make a movie (-o) along a path through conformations, or write its maps (--maps).

    All frames have one contour in the maps' own grey values. A step that no particle supports is
    drawn grey and marked: what is seen there is extrapolated. Without a display a virtual one is
    started (Xvfb). --maps writes map_001.mrc ..., path.json and play.cxc, which plays them in
    ChimeraX.
    """
    from napari_conformix.export import options_from, parse_size

    width, height = parse_size(size)
    options = options_from(
        width=width,
        height=height,
        frames_per_second=fps,
        seconds=seconds,
        there_and_back=not once,
        turn_degrees=turn,
        rock_degrees=rock,
        inset=None if no_inset else inset.replace("-", " "),
        inset_share=inset_size,
        scale_bar=not no_scale_bar,
        label=not no_label,
        title=title,
        background=background,
        quality=quality,
        consensus=False if no_consensus else None,
        contour=contour,
        view=_view(view_from, up, centre, field, perspective),
    )
    _make(job, (pc, motion, path), steps, half, output, maps, options, overwrite=overwrite)


def _make(
    folder: Path,
    which: tuple[int | None, int | None, str | None],
    steps: int | None,
    half: int | None,
    output: Path | None,
    maps: Path | None,
    options: "MovieOptions",
    *,
    overwrite: bool,
) -> None:
    from napari_conformix.export import check_file, refuse_used
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.checks import doubt
    from napari_conformix.jobs.folder import refuse_without_decoder

    if output is None and maps is None:
        raise UserError("Give a file for the movie (-o movie.mp4), a folder for its maps, or both.")
    if output is not None:
        check_file(output, overwrite=overwrite)
    if maps is not None:
        refuse_used(maps, overwrite=overwrite)
    job = Job.open(folder)
    refuse_without_decoder(job.method_class, "be made into a movie")
    chosen = _chosen_path(job, which, steps, half, options)
    print(chosen.sentence(), file=sys.stderr)
    if maps is not None:
        _write_maps(job, chosen, maps, options, overwrite=overwrite)
    if output is not None:
        print(record(job, chosen, output, options, overwrite=overwrite))
    if job.model_biased is not None:
        print(job.model_biased)
    if doubted := doubt(job, chosen.epoch):
        print(doubted)


def _write_maps(
    job: "Job", path: "LatentPath", folder: Path, options: "MovieOptions", *, overwrite: bool
) -> None:
    from napari_conformix.export import write_series

    with progress_bar("Decoding the maps") as tell:
        written = write_series(
            folder,
            job,
            path,
            contour=options.contour,
            there_and_back=options.there_and_back,
            frames_per_second=options.frames_per_second,
            overwrite=overwrite,
            progress=lambda done, total: tell(done / total),
        )
    assert written is not None  # nothing asks it to stop
    print(f"{written.folder}: {len(written.maps)} maps; in ChimeraX: open {written.script}")


def _chosen_path(
    job: "Job",
    which: tuple[int | None, int | None, str | None],
    steps: int | None,
    half: int | None,
    options: "MovieOptions",
) -> "LatentPath":
    """The path that is asked for; UserError when none or several are."""
    from napari_conformix.jobs import paths

    pc, motion, path = which
    if sum(value is not None for value in which) != 1:
        raise UserError("Give one of --pc NUMBER, --motion NUMBER and --path NAME-OR-FILE.")
    if path is not None:
        if steps is not None:
            raise UserError("--steps is for --pc and --motion; a path has its own steps.")
        return paths.read(job, path, half)
    kind, number = ("component", pc) if pc is not None else ("motion", motion)
    count = _steps(options) if steps is None else steps
    how = {"kind": kind, "component": number, "count": count}
    made = paths.make(job, how, half=half)
    if half is None and made.half:
        print(f"By the model of half {made.half}; --half chooses.", file=sys.stderr)
    return made


def _steps(options: "MovieOptions") -> int:
    """So many steps that no frame of the movie shows one twice in a row."""
    from napari_conformix.export import STEPS

    if options.seconds is None:
        return STEPS
    frames = round(options.seconds * options.frames_per_second)
    return min(max(frames // 2 + 1 if options.there_and_back else frames, 2), MOST_STEPS)


def _view(
    seen_from: str | None,
    up: str | None,
    centre: str | None,
    field: float | None,
    perspective: float,
) -> dict[str, object] | None:
    """The camera, as the options take it; None where nothing is asked."""
    given: dict[str, object] = {}
    if seen_from is not None:
        x, y, z = _vector("--view-from", seen_from, zero=False)
        given["direction"] = (-x, -y, -z)
    if up is not None:
        given["up"] = _vector("--up", up, zero=False)
    if centre is not None:
        given["centre_angstrom"] = _vector("--centre", centre)
    if field is not None:
        given["field_angstrom"] = field
    if perspective:
        given["perspective_degrees"] = perspective
    return given or None


def _vector(option: str, text: str, *, zero: bool = True) -> "Vector":
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UserError(f"{option} {text!r} must be three numbers x,y,z.") from error
    if not zero and x == y == z == 0:
        raise UserError(f"{option} {text!r} is no direction; one of its numbers must not be 0.")
    return x, y, z
