"""`conformix movie`: a path through conformations as a movie, or as maps for ChimeraX."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_conformix.cli.conformations.movie_options import (
    CameraOptions,
    LookOptions,
    OutputOptions,
    TimeOptions,
    WhichOptions,
    movie_options,
)
from napari_conformix.cli.conformations.movie_process import record
from napari_conformix.cli.runs.training import JobFolder
from napari_conformix.cli.terminal import progress_bar
from napari_conformix.errors import UserError
from napari_conformix.export.formats import MOVIE_FILES
from napari_conformix.export.movie_words import STEPS

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.export.movie_plan import MovieOptions
    from napari_conformix.jobs import Job

#: more steps than this of a path along a component are not decoded for a long movie
MOST_STEPS = 300


def movie(
    job: JobFolder,
    /,
    *,
    which: WhichOptions = WhichOptions(),
    to: OutputOptions = OutputOptions(),
    time: TimeOptions = TimeOptions(),
    look: LookOptions = LookOptions(),
    camera: CameraOptions = CameraOptions(),
) -> None:
    """Make a movie (-o) along a path through conformations, or write its maps (--maps).

    All frames have one contour in the maps' own grey values. A step that no particle supports is
    drawn grey and marked: what is seen there is extrapolated. Without a display a virtual one is
    started (Xvfb). --maps writes map_001.mrc ..., path.json and play.cxc, which plays them in
    ChimeraX.
    """
    _make(job, which, to, movie_options(time, look, camera))


def _make(folder: Path, which: WhichOptions, to: OutputOptions, options: "MovieOptions") -> None:
    from napari_conformix.export.map_series import refuse_used
    from napari_conformix.export.movie_plan import check_file
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.checks import doubt
    from napari_conformix.jobs.folder import refuse_without_decoder

    if to.output is None and to.maps is None:
        raise UserError(
            f"Give a file for the movie (-o {MOVIE_FILES.usual.example}), a folder for its maps, "
            "or both."
        )
    if to.output is not None:
        check_file(to.output, overwrite=to.overwrite)
    if to.maps is not None:
        refuse_used(to.maps, overwrite=to.overwrite)
    job = Job.open(folder)
    refuse_without_decoder(job.method_class, "be made into a movie")
    chosen = _chosen_path(job, which, options)
    print(chosen.sentence(), file=sys.stderr)
    if to.maps is not None:
        _write_maps(job, chosen, to.maps, options, overwrite=to.overwrite)
    if to.output is not None:
        print(record(job, chosen, to.output, options, overwrite=to.overwrite))
    if job.model_biased is not None:
        print(job.model_biased)
    if doubted := doubt(job, chosen.epoch):
        print(doubted)


def _write_maps(
    job: "Job", path: "LatentPath", folder: Path, options: "MovieOptions", *, overwrite: bool
) -> None:
    from napari_conformix.export.map_series import write_series

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


def _chosen_path(job: "Job", which: WhichOptions, options: "MovieOptions") -> "LatentPath":
    """The path that is asked for; UserError when none or several are."""
    from napari_conformix.jobs import paths

    which.refuse()
    half: int | None = which.half
    if which.path is not None:
        return paths.read(job, which.path, half)
    kind, number = ("motion", which.motion) if which.pc is None else ("component", which.pc)
    count = _steps(options) if which.steps is None else which.steps
    how = {"kind": kind, "component": number, "count": count}
    made = paths.make(job, how, half=half)
    if half is None and made.half:
        print(f"By the model of half {made.half}; --half chooses.", file=sys.stderr)
    return made


def _steps(options: "MovieOptions") -> int:
    """So many steps that no frame of the movie shows one twice in a row."""
    if options.seconds is None:
        return STEPS
    frames = round(options.seconds * options.frames_per_second)
    return min(max(frames // 2 + 1 if options.there_and_back else frames, 2), MOST_STEPS)
