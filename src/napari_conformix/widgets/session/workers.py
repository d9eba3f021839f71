"""Slow work off the window's thread, where the newest request wins.

For each key at most one request runs and one waits; a newer request takes the place of the one
that waits, so that dragging a cursor never queues up stale work. Results arrive on the window's
thread, in the order in which they were asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from qtpy.QtCore import QThreadPool
from superqt.utils import create_worker

#: Following a run keeps a thread for as long as the window is open; on a machine with two cores
#: the pool's default would leave one for everything else.
_LEAST_THREADS = 8

Done = Callable[[Any], None]
Failed = Callable[[Exception], None]


@dataclass(frozen=True)
class _Request:
    function: Callable[[], Any]
    on_done: Done | None
    on_error: Failed | None


@dataclass
class _Outcome:
    """What a function gave or raised, filled in by its thread.

    superqt raises a worker's error again on the window's thread, where PyQt6 ends the program,
    and does not hand over the result of a worker that was asked to quit; `finished` always comes.
    """

    value: Any = None
    error: Exception | None = None


class Workers:
    """Runs functions in threads, newest request first (superqt's workers underneath).

    `on_error` hears of every error that a request has no handler of its own for, and of every
    error in a handler: under PyQt6 an exception that leaves a slot ends the program.
    """

    def __init__(self, on_error: Failed) -> None:
        self._on_error = on_error
        self._running: dict[str, _Request] = {}
        self._waiting: dict[str, _Request] = {}
        self._anonymous = 0
        self._closed = False
        pool = QThreadPool.globalInstance()
        pool.setMaxThreadCount(max(pool.maxThreadCount(), _LEAST_THREADS))

    def submit(
        self,
        function: Callable[[], Any],
        on_done: Done | None = None,
        on_error: Failed | None = None,
        key: str | None = None,
    ) -> None:
        """Run `function()` in a thread and hand its result to `on_done` on this thread.

        With a key, a request that still waits under that key is forgotten. The one that runs is
        left to finish and delivered, so a long drag shows intermediate results.
        """
        if self._closed:
            return
        if key is None:
            self._anonymous += 1
            key = f"#{self._anonymous}"
        request = _Request(function, on_done, on_error)
        if key in self._running:
            self._waiting[key] = request
        else:
            self._start(key, request)

    def drop(self, prefix: str = "") -> None:
        """Forget what waits, and the results of what runs, under keys that begin with `prefix`."""
        for key in [k for k in self._waiting if k.startswith(prefix)]:
            del self._waiting[key]
        for key, request in list(self._running.items()):
            if key.startswith(prefix):
                self._running[key] = _Request(request.function, None, _ignore)

    def busy(self, key: str) -> bool:
        """Whether a request of that key runs or waits."""
        return key in self._running or key in self._waiting

    def close(self) -> None:
        """Forget everything; threads that still run end by themselves and are not heard."""
        self.drop()
        self._closed = True

    def _start(self, key: str, request: _Request) -> None:
        self._running[key] = request
        outcome = _Outcome()
        worker = create_worker(_call, request.function, outcome, _start_thread=False)
        worker.finished.connect(partial(self._deliver, key, outcome))
        worker.start()

    def _deliver(self, key: str, outcome: _Outcome) -> None:
        request = self._running.pop(key)
        waiting = self._waiting.pop(key, None)
        if waiting is not None and not self._closed:
            self._start(key, waiting)
        if outcome.error is not None:
            self._guarded(request.on_error or self._on_error, outcome.error)
        elif request.on_done is not None:
            self._guarded(request.on_done, outcome.value)

    def _guarded(self, handler: Callable[[Any], None], argument: Any) -> None:
        try:
            handler(argument)
        except Exception as error:
            self._on_error(error)


def _call(function: Callable[[], Any], outcome: _Outcome) -> None:
    try:
        outcome.value = function()
    except Exception as error:
        outcome.error = error


def _ignore(error: Exception) -> None:
    """The error of a request that nobody waits for any more."""
