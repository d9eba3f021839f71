"""Makes a movie while the window is used: a frame at a time, everything slow in a worker.

While one frame is drawn, the map of the next is decoded and the frame before is written. What the
window's thread does for a frame is to draw it, off the screen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_conformix.export.movie_file import MovieFile
from napari_conformix.export.movie_plan import Shot
from napari_conformix.widgets.movies.studio import Studio

if TYPE_CHECKING:
    from napari_conformix.widgets.movies.frames import Film
    from napari_conformix.widgets.session import Session

#: not of the job: that it was closed is heard, and the file is removed then
_KEY: Final = "movie"


class MovieRecorder(QObject):
    """Records one film at a time. A movie that is stopped, or fails, leaves no file."""

    #: frames done, frames in all
    progressed = Signal(int, int)
    #: the file
    finished = Signal(object)
    stopped = Signal()
    failed = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._film: Film | None = None
        self._movie: MovieFile | None = None
        self._stopping = False
        self._number = 0
        self._frame: np.ndarray | None = None
        session.job_closed.connect(self.stop)
        session.closing.connect(self._window_closes)

    @property
    def running(self) -> bool:
        """Whether a movie is being made."""
        return self._film is not None

    def start(self, film: Film, file: Path) -> None:
        """Begin; one of `finished`, `stopped` and `failed` follows."""
        options = film.options
        self._film, self._stopping = film, False
        self._number, self._frame = 0, None
        try:
            film.open()
            self._movie = MovieFile(
                file, (options.width, options.height), options.frames_per_second, options.quality
            )
        except Exception as error:
            self._fail(error)
            return
        self._in_worker(partial(_begin, film, self._movie), self._set_up)

    def stop(self) -> None:
        """End after the frame that is being drawn; nothing is left."""
        self._stopping = self.running

    # -- inside -----------------------------------------------------------------------------------

    def _in_worker(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        self._session.run_in_worker(work, lambda _: self._go_on(then), self._fail, key=_KEY)

    def _go_on(self, then: Callable[[], None]) -> None:
        if self._film is None:
            return  # the window has closed
        if self._stopping:
            self._let_go()
            self.stopped.emit()
            return
        try:
            then()
        except Exception as error:
            self._fail(error)

    def _set_up(self) -> None:
        self._film.set_up()
        QTimer.singleShot(0, lambda: self._go_on(self._draw))  # the window has its turn before

    def _draw(self) -> None:
        """Draw the shot whose map is ready; meanwhile the next one is made ready."""
        film, number = self._film, self._number
        following = film.shots[number + 1] if number + 1 < len(film) else None
        work = partial(_work, film, self._movie, self._frame, following)
        self._in_worker(work, self._draw if following is not None else self._write_last)
        self._frame = film.draw(film.shots[number])
        self._number += 1
        self.progressed.emit(self._number, len(film))

    def _write_last(self) -> None:
        movie, frame = self._movie, self._frame
        self._in_worker(partial(_finish, movie, frame), partial(self._end, movie.path))

    def _end(self, file: Path) -> None:
        self._let_go()
        self.finished.emit(file)

    def _fail(self, error: Exception) -> None:
        if self._film is not None:
            self._let_go()
            self.failed.emit(error)

    def _let_go(self) -> None:
        """Nothing is held any more; an unfinished file is removed."""
        film, movie = self._film, self._movie
        self._film = self._movie = self._frame = None
        if movie is not None:
            movie.abort()
        if film is not None:
            film.close()

    def _window_closes(self) -> None:
        self._let_go()
        Studio.shut_down()


def _begin(film: Film, movie: MovieFile) -> None:
    film.begin()
    film.prepare(film.shots[0])
    movie.__enter__()


def _work(film: Film, movie: MovieFile, frame: np.ndarray | None, following: Shot | None) -> None:
    """Write the frame before, and have the map of the next ready."""
    if frame is not None:
        movie.add(frame)
    if following is not None:
        film.prepare(following)


def _finish(movie: MovieFile, frame: np.ndarray) -> None:
    movie.add(frame)
    movie.__exit__(None, None, None)
