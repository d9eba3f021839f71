"""A second job next to the one that is open, and which of its rows is which. No widgets here.

The second job has a session of its own, in the same viewer, so that whatever shows a job can show
this one as well; only its messages are shown by the first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_conformix.errors import UserError
from napari_conformix.runs import layout
from napari_conformix.widgets.session import Session

if TYPE_CHECKING:
    from napari_conformix.analysis.comparison import Matching
    from napari_conformix.jobs import Job
    from napari_conformix.particles import ParticleSet


class Beside:
    """The other job of a session."""

    #: the names of the opened and the other job
    opened = Signal(str, str)
    #: why, as a sentence; '' when the user wished it
    closed = Signal(str)
    #: a :class:`Matching` of the opened job's rows and the other's
    matched = Signal(object)

    def __init__(self, session: Session) -> None:
        self.session = session
        self.other = Session(session.viewer)
        self.matching: Matching | None = None
        self.names = ("", "")
        self.other.message.connect(self._told)
        self.other.busy_changed.connect(session.busy_changed.emit)
        self.other.job_opened.connect(self._job_opened)
        self.other.particles_opened.connect(self._match)
        session.particles_opened.connect(self._match)
        session.job_closed.connect(self._first_closed)
        session.closing.connect(self.other.shut_down)

    @property
    def is_open(self) -> bool:
        """Whether there is another job."""
        return self.other.job is not None

    def open(self, path: str | Path) -> None:
        """Open a job folder (or its job.toml) next to the opened job; errors are messages."""
        path = Path(path).expanduser().resolve()
        if path.name == layout.SPEC:
            path = path.parent
        job = self.session.job
        if job is None:
            self._refuse("Open a job first; then another one can be put next to it.")
        elif not (path / layout.SPEC).is_file():
            self._refuse(f"{path} is not a job folder: it has no job.toml. Choose a job's folder.")
        elif path == Path(job.folder).resolve():
            self._refuse(f"{path} is the job that is open; choose another job of its particles.")
        else:
            self.other.open_job(path)

    def close(self, why: str = "") -> None:
        """Let go of the other job."""
        was_open = self.is_open
        self.matching = None
        self.session.workers.drop("job:next to")
        self.other.close()
        if was_open:
            self.closed.emit(why)

    # -- inside -----------------------------------------------------------------------------------

    def _refuse(self, sentence: str) -> None:
        self.session.message.emit(sentence, "error")

    def _first_closed(self) -> None:
        if self.is_open:
            this, other = self.names
            why = f"{this} was closed, and {other}, which stood next to it, with it."
            self.close(why)
            self.session.message.emit(why, "info")

    def _told(self, text: str, level: str) -> None:
        """What the other job's session has to say; without its files there is nothing to show."""
        if level == "error" and self.is_open and self.matching is None:
            self.close(text)
        self.session.message.emit(text, level)

    def _job_opened(self, other: Job) -> None:
        """Find words for both; their particles may take longer."""
        self.matching, self.names = None, ("", "")
        this = self.session.job
        if this is None:  # it was closed while the other was being opened
            self.close()
            return

        def name() -> tuple[str, str]:
            from napari_conformix.jobs.comparison import titles

            return titles(this, other)

        def tell(names: tuple[str, str]) -> None:
            if other is self.other.job and this is self.session.job:
                self.names = names
                self.opened.emit(*names)
                self._match()

        self.session.run_in_worker(name, tell, self._failed, key="job:next to names")

    def _match(self, particles: ParticleSet | None = None) -> None:
        """Once both files are read, find which rows show the same image."""
        this, other = self.session.particles, self.other.particles
        if this is None or other is None or not self.names[0] or not self.is_open:
            return

        def match() -> Any:
            from napari_conformix.jobs.comparison import match_jobs

            return match_jobs(this, other)

        def tell(matching: Matching) -> None:
            if this is self.session.particles and other is self.other.particles:
                self.matching = matching
                self.matched.emit(matching)

        self.session.run_in_worker(match, tell, self._failed, key="job:next to match")

    def _failed(self, error: Exception) -> None:
        """No particle is in both, or a file is not what it was."""
        if isinstance(error, UserError):
            self.close(str(error))
        else:
            self.close("The two jobs could not be compared.")
        self.session.report_error(error)
