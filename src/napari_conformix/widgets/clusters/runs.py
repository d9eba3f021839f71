"""Reconstructions of clusters, one after the other: a queue whose head is a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from psygnal import Signal

from napari_conformix.jobs.reconstruction import reconstruction_event
from napari_conformix.widgets.session import Follower

if TYPE_CHECKING:
    from napari_conformix.widgets.session import Session

#: states in which nothing more comes
ENDS: Final = ("finished", "failed", "stopped", "interrupted")


class ClusterRuns:
    """Starts the next when the one before has ended; a stop ends the queue, a failure does not.

    The run that is under way goes on when the window is closed; those that wait do not begin.
    """

    #: what waits or runs is another; `current` and `waiting` say what
    changed = Signal()
    #: (cluster, state) of the current run
    state_changed = Signal(int, str)
    #: events of the current run
    events = Signal(list)

    def __init__(self, session: Session) -> None:
        self._session = session
        self.current: int | None = None
        self.waiting: list[int] = []
        self._launch: Callable[[int], Any] | None = None
        self._run: Any = None
        self._follower: Follower | None = None

    def start(self, clusters: list[int], launch: Callable[[int], Any]) -> None:
        """Reconstruct these clusters; `launch(i)` starts one and returns its run, in a worker."""
        self._launch = launch
        if self.current is None:
            self.waiting = list(clusters)
            self._next()
            return
        self.waiting += [i for i in clusters if i != self.current and i not in self.waiting]
        self.changed.emit()

    def stop(self) -> None:
        """End the current run after its batch, and forget those that wait."""
        self.waiting = []
        self.changed.emit()
        if (run := self._run) is not None:
            self._session.run_in_worker(run.stop, key="job:cluster reconstruction")

    def forget(self) -> None:
        """Another job or set: the run goes on by itself, nobody follows it here."""
        self.waiting, self.current, self._run = [], None, None
        self._let_go()
        self.changed.emit()

    def follow(self, cluster: int, run: Any) -> None:
        """Follow a run that was started before, as if it had been started here."""
        self.current = cluster
        self._started(cluster, run)

    def _next(self) -> None:
        self._let_go()
        self._run = None
        self.current = self.waiting.pop(0) if self.waiting else None
        self.changed.emit()
        if self.current is None:
            return
        cluster, launch = self.current, self._launch
        self._session.run_in_worker(
            lambda: launch(cluster),
            partial(self._started, cluster),
            self._not_started,
            key="job:cluster reconstruction",
        )

    def _started(self, cluster: int, run: Any) -> None:
        if cluster != self.current:
            return
        self._run = run
        self._follower = Follower(
            run,
            self.events.emit,
            partial(self._take_state, cluster),
            self._session.report_error,
            reconstruction_event,
        )
        self._follower.start()

    def _not_started(self, error: Exception) -> None:
        self.waiting = []
        self._next()
        self._session.report_error(error)

    def _take_state(self, cluster: int, state: str) -> None:
        if cluster != self.current:
            return
        self.state_changed.emit(cluster, state)
        if state in ENDS:
            if state in ("stopped", "interrupted"):
                self.waiting = []
            self._next()

    def _let_go(self) -> None:
        if self._follower is not None:
            self._follower.stop()
            self._follower = None
