"""Writes the maps of a path in a worker: how far it is, and an end before the last one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QTimer

from napari_conformix.export.map_series import SeriesFiles, write_series

if TYPE_CHECKING:
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.export.movie_plan import MovieOptions
    from napari_conformix.jobs import Job
    from napari_conformix.widgets.movies.frames import Look
    from napari_conformix.widgets.session import Session

#: between two looks at how far it is
_LOOK_MS: Final = 100


class MapsRun:
    """One series at a time; `told(done, total)` receives how far it is."""

    def __init__(self, session: Session, told: Callable[[int, int], None]) -> None:
        self._session = session
        self._stop = threading.Event()
        self._at = (0, 1)
        self.running = False
        self._timer = QTimer()
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(lambda: told(*self._at))

    def start(
        self,
        job: Job,
        path: LatentPath,
        folder: Path,
        look: Look,
        options: MovieOptions,
        *,
        overwrite: bool,
        done: Callable[[SeriesFiles | None], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """`done` with the files, or with None after a stop, or `failed` follows."""
        self._stop.clear()
        self.running, self._at = True, (0, len(path))
        colour = {} if look.colour is None else {"colour": look.colour}

        def write() -> SeriesFiles | None:
            return write_series(
                folder,
                job,
                path,
                contour=look.contour,
                there_and_back=options.there_and_back,
                frames_per_second=options.frames_per_second,
                overwrite=overwrite,
                progress=self._count,
                stop=self._stop.is_set,
                **colour,
            )

        self._timer.start()
        self._session.run_in_worker(
            write, lambda made: self._end(done, made), lambda e: self._end(failed, e), key="maps"
        )

    def stop(self) -> None:
        """After the map that is being decoded."""
        self._stop.set()

    def _count(self, done: int, total: int) -> None:
        self._at = (done, total)

    def _end(self, then: Callable, result: object) -> None:
        self.running = False
        self._timer.stop()
        then(result)
