"""Following a run: its events reach the window's thread in small helpings.

A thread reads new lines of `events.jsonl` and the state of the job; a timer on the window's
thread takes what has come, for a few milliseconds at a time, so that opening a job with a hundred
thousand events leaves the window alive. The thread is superqt's (napari's own would ask about
running tasks when the window closes).
"""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from superqt.utils import create_worker

from napari_conformix.runs import EVENTS, Event, EventReader
from napari_conformix.training.events import from_line

_POLL_SECONDS = 0.05
_STATE_SECONDS = 0.5
_DRAIN_INTERVAL_MS = 30
_DRAIN_BUDGET_SECONDS = 0.015
_HELPING = 250


class Follower:
    """Follows one job or reconstruction until :meth:`stop`; every callback is called on the
    window's thread. `parse` makes an event of a line."""

    def __init__(
        self,
        job: Any,
        on_events: Callable[[list[Event]], None],
        on_state: Callable[[str], None],
        on_error: Callable[[Exception], None],
        parse: Callable[[str], Event] = from_line,
    ) -> None:
        self._job = job
        self._parse = parse
        self._on_events, self._on_state, self._on_error = on_events, on_state, on_error
        self._arrived: deque[Event | str | Exception] = deque()
        self._stopped = False
        self._timer = QTimer()
        self._timer.setInterval(_DRAIN_INTERVAL_MS)
        self._timer.timeout.connect(self._drain)

    def start(self) -> None:
        """Begin with the first event of the job."""
        create_worker(self._tail, _start_thread=True)
        QApplication.instance().aboutToQuit.connect(self.stop)
        self._timer.start()

    def stop(self) -> None:
        """Nothing is called after this; the thread ends within its poll interval."""
        self._stopped = True
        with suppress(RuntimeError):  # Qt has ended before us and taken its timer along
            self._timer.stop()
        self._arrived.clear()

    def _tail(self) -> None:
        try:
            self._read_until_stopped()
        except Exception as error:  # superqt would raise it again and so end the program
            self._arrived.append(error)

    def _read_until_stopped(self) -> None:
        reader = EventReader(Path(self._job.folder) / EVENTS, parse=self._parse)
        state, next_state = "", 0.0
        while not self._stopped:
            events = reader.read_new()
            self._arrived.extend(events)
            if not events:
                # The state after the events, so that 'failed' comes with its message shown.
                if time.monotonic() >= next_state:
                    if (current := self._job.state) != state:
                        state = current
                        self._arrived.append(state)
                    next_state = time.monotonic() + _STATE_SECONDS
                time.sleep(_POLL_SECONDS)

    def _drain(self) -> None:
        until = time.perf_counter() + _DRAIN_BUDGET_SECONDS
        while self._arrived and not self._stopped and time.perf_counter() < until:
            try:
                self._hand_over()
            except Exception as error:  # a slot that raises would end the program under PyQt6
                self._on_error(error)

    def _hand_over(self) -> None:
        """One helping: a run of events, or one state or error."""
        item = self._arrived.popleft()
        if isinstance(item, Exception):
            self._on_error(item)
        elif isinstance(item, str):
            self._on_state(item)
        else:
            helping = [item]
            while self._arrived and len(helping) < _HELPING:
                if not isinstance(self._arrived[0], Event):
                    break
                helping.append(self._arrived.popleft())
            self._on_events(helping)
