"""A movie of the molecule along a path, written from a script or from the command line.

In the window `recorder` does the same, a frame at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_conformix.analysis.paths import making
from napari_conformix.analysis.spaces import views
from napari_conformix.errors import UserError
from napari_conformix.export.movie_file import MovieFile, check_ffmpeg
from napari_conformix.export.movie_plan import MovieOptions, check_file, loops, options_from
from napari_conformix.export.movie_words import STEPS
from napari_conformix.jobs.folder import refuse_without_decoder
from napari_conformix.widgets.movies.frames import Film, InsetView, Look
from napari_conformix.widgets.movies.inset import latent_view_of, plain_colours
from napari_conformix.widgets.session import Session

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.jobs import Job


def write_movie(
    source: Session | Job,
    file: str | Path,
    *,
    path: LatentPath | None = None,
    options: MovieOptions | None = None,
    half: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    **changes: Any,
) -> Path | None:
    """Write a path through conformations as a movie, in the format of the file's suffix; returns
    the file, None when `stop` said so. The file appears complete or not at all.

    Parameters
    ----------
    source: a session, whose contour, colours and camera are taken, or a job.
    path: the first component or motion of `half` (the first half by default) if None.
    options: how it looks; `changes` are single fields of `MovieOptions`, such as turn_degrees=360.
    progress: receives (frames done, frames in all).

    It keeps the calling thread, which must be the window's, until it is done; scene and camera of
    a session are not touched.
    """
    file = check_file(Path(file), overwrite=overwrite)
    wanted = options_from(**{**(options or MovieOptions()).model_dump(), **changes})
    job = source.job if isinstance(source, Session) else source
    if job is None:
        raise UserError("No job is open; open a job folder first.")
    refuse_without_decoder(job.method_class, "be made into a movie")
    check_ffmpeg()
    path = default_path(job, half) if path is None else path
    session = source if isinstance(source, Session) else None
    film = make_film(job, path, wanted, session=session, loops=loops(file))
    return record(film, file, progress, stop)


def make_film(
    job: Job,
    path: LatentPath,
    options: MovieOptions,
    *,
    session: Session | None = None,
    inset: InsetView | None = None,
    loops: bool = False,
) -> Film:
    """The frames; without an `inset` they have the view that the path was made in."""
    from napari.qt import get_qapp

    get_qapp()
    look = Look.of_job(job, options.contour) if session is None else Look.of_session(session)

    def find_view() -> InsetView | None:
        if inset is not None and (inset.view.row_half == path.half).any():
            return inset
        view = latent_view_of(job, path)
        return None if view is None else InsetView(view, plain_colours(view))

    return Film(job, path, options, look, inset=find_view, loops=loops)


def record(
    film: Film,
    file: Path,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Path | None:
    """Draw and write all frames; None, and no file, when `stop` said so."""
    options = film.options
    size = (options.width, options.height)
    try:
        film.open()
        film.begin()
        film.set_up()
        with MovieFile(file, size, options.frames_per_second, options.quality) as movie:
            for number, shot in enumerate(film.shots, start=1):
                if stop is not None and stop():
                    movie.abort()
                    return None
                movie.add(film.draw(shot))
                if progress is not None:
                    progress(number, len(film))
    finally:
        film.close()
    return file


def default_path(job: Job, half: int | None = None) -> LatentPath:
    """Along the first motion of the particles of a half, or their first principal component."""
    table = job.latents()
    own = views.halves(table)[0] if half is None else half
    make = making.along_motion if views.has_motion(table) else making.along_component
    return make(table, 1, STEPS, half=own)


def movie_main(
    job_path: str | Path,
    file: str | Path,
    *,
    along: Path | None = None,
    look: Path | None = None,
    overwrite: bool = False,
) -> Path | None:
    """What ``python -m napari_conformix.widgets --movie FILE JOB`` does.

    `along` is the description (.json) of a saved path, `look` a file of `MovieOptions`. None when
    a signal stopped it.
    """
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.jobs import Job
    from napari_conformix.runs import stop_on_signals
    from napari_conformix.widgets.movies.studio import Studio

    path = None if along is None else LatentPath.load(along.parent, along.stem)
    options = None if look is None else MovieOptions.model_validate_json(look.read_bytes())
    stopped = threading.Event()
    try:
        with stop_on_signals(stopped.set):
            return write_movie(
                Job.open(job_path),
                file,
                path=path,
                options=options,
                overwrite=overwrite,
                progress=lambda done, total: print(f"frame {done} of {total}", flush=True),
                stop=stopped.is_set,
            )
    finally:
        Studio.shut_down()  # before OpenGL ends
