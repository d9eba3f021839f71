"""The motions of all particles and the verdict on them, computed once for all pages.

Both may take a while for many particles: they are computed in a worker when a page wants them,
with a word on how far it is, and again when there are newer latents.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Final

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_conformix.errors import NotSupportedError

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import MotionTable
    from napari_conformix.jobs import Job
    from napari_conformix.widgets.session import Session

_TELL_MS: Final = 200
_WORDS: Final = {
    "table": "Computing the motions of all particles",
    "verdict": "Testing whether the motion exceeds its error",
}


class MotionStore:
    """The motion table and the verdict of a session's job. Get it with :meth:`of`."""

    #: the table of the newest latents is there, or None: another job
    table_changed = Signal(object)
    verdict_changed = Signal(object)
    #: how far it is; '' when nothing is computed
    said = Signal(str)

    _stores: ClassVar[weakref.WeakKeyDictionary[Session, MotionStore]] = weakref.WeakKeyDictionary()

    @classmethod
    def of(cls, session: Session) -> MotionStore:
        """The store of a session, made at the first call."""
        if session not in cls._stores:
            cls._stores[session] = cls(session)
        return cls._stores[session]

    def __init__(self, session: Session) -> None:
        self._session = weakref.proxy(session)  # the session keeps the store, not the reverse
        self.table: MotionTable | None = None
        self.verdict: Any = None
        self._asked: dict[str, int] = {}
        self._share: dict[str, float] = {}
        self._run = 0
        self._timer = QTimer()
        self._timer.setInterval(_TELL_MS)
        self._timer.timeout.connect(self._tell)
        session.job_opened.connect(self._forget)
        session.job_closed.connect(self._forget)

    def _forget(self, job: Job | None = None) -> None:
        """Another job, or none; what still runs for the job before stops."""
        self._run += 1
        self._asked.clear()
        self._share.clear()
        self._tell()
        if self.table is not None or self.verdict is not None:
            self.table = self.verdict = None
            self.table_changed.emit(None)
            self.verdict_changed.emit(None)

    def want_table(self) -> None:
        """See to it that there is a table of the newest latents."""
        self._want("table")

    def want_verdict(self) -> None:
        """See to it that there is a verdict on the newest latents."""
        self._want("verdict")

    def _want(self, what: str) -> None:
        job, latents, run = self._session.job, self._session.latents, self._run
        if job is None or latents is None or self._asked.get(what) == latents.epoch:
            return
        self._asked[what] = latents.epoch
        self._share[what] = 0.0
        compute = job.motion_table if what == "table" else job.verdict

        def progress(share: float) -> None:
            if run == self._run:
                self._share[what] = share

        def work() -> Any:
            return compute(progress=progress, stop=lambda: run != self._run)

        def failed(error: Exception) -> None:
            self._take(what, None)
            if not isinstance(error, NotSupportedError):
                self._session.report_error(error)

        self._timer.start()
        self._session.run_in_worker(
            work, lambda result: self._take(what, result), failed, key=f"job:motion {what}"
        )

    def _take(self, what: str, result: Any) -> None:
        if not self._session.workers.busy(f"job:motion {what}"):
            self._end(what)
        if what == "table":
            self.table = result
            self.table_changed.emit(result)
        else:
            self.verdict = result
            self.verdict_changed.emit(result)

    def _end(self, what: str) -> None:
        self._share.pop(what, None)
        self._tell()

    def _tell(self) -> None:
        """On the window's thread, what the workers have noted."""
        if not self._share:
            self._timer.stop()
            self.said.emit("")
            return
        parts = []
        if "table" in self._share:
            parts.append(
                f"Computing the motions of all particles … {100 * self._share['table']:.0f} %"
            )
        if "verdict" in self._share:
            parts.append(
                f"Testing whether they exceed their error … {100 * self._share['verdict']:.0f} %"
            )
        self.said.emit(" ".join(parts))
