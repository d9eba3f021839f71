"""A folder in which one process at a time works, and what any other can see of it and ask of it.

Training and reconstruction share this protocol: a lock, an event log, marker files that say how a
run ended, and files that ask it to pause or stop.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Literal

from napari_conformix.runs import launching, layout, lock
from napari_conformix.runs.event_log import EventReader
from napari_conformix.runs.events import Event

State = Literal["created", "running", "paused", "stopped", "interrupted", "failed", "finished"]
#: how often a follower with nothing to read looks whether the process lives
SECONDS_BETWEEN_SIGNS_OF_LIFE = 0.25

_ENDINGS: dict[str, State] = {
    layout.SUCCESS: "finished",
    layout.FAILURE: "failed",
    layout.ABORTED: "stopped",
}


class RunFolder:
    """Several objects, processes and hosts may look at one folder at once."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"

    @property
    def state(self) -> State:
        """What it is doing, from the lock, the marker files and the events."""
        launching.reap()
        if lock.live_owner(self.folder) is not None:
            return "paused" if (self.folder / layout.PAUSE_FILE).exists() else "running"
        for name, state in _ENDINGS.items():
            if (self.folder / name).exists():
                return state
        began = (self.folder / layout.EVENTS).exists() or (self.folder / layout.LOCK).exists()
        return "interrupted" if began else "created"

    # -- asking -----------------------------------------------------------------------------------

    def pause(self) -> None:
        """Let the run wait after its current step, until :meth:`unpause`."""
        (self.folder / layout.PAUSE_FILE).touch()

    def unpause(self) -> None:
        """Let the run go on."""
        (self.folder / layout.PAUSE_FILE).unlink(missing_ok=True)

    def stop(self) -> None:
        """Let the run end after its current step; what it can resume from stands."""
        (self.folder / layout.ABORT_FILE).touch()

    def kill(self) -> None:
        """End the process at once (only on this host); what was saved last stands.

        Raises
        ------
        UserError
            If the process is on another host, or is this very process.
        """
        launching.kill(self.folder)

    # -- following --------------------------------------------------------------------------------

    def events(self) -> list[Event]:
        """What has happened so far.

        Returns
        -------
        list of Event
            From the first on.
        """
        return self._reader().read_new()

    def follow(
        self,
        *,
        from_start: bool = True,
        poll_seconds: float = 0.05,
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[Event]:
        """Events as they come.

        Ends when the run has ended, or its process is gone without a word (then :attr:`state` is
        'interrupted'), or `stop` says so.

        Parameters
        ----------
        from_start : bool
            Begin with the first event; False: only with those to come.
        poll_seconds : float
            How long to wait before looking again, when there is nothing new.
        stop : Callable
            Asked before every look; True ends the iteration.

        Yields
        ------
        Event
            In the order of the log.
        """
        reader = self._reader(from_start)
        looked = float("-inf")
        while not stop():
            new = reader.read_new()
            yield from new
            if new:
                continue
            if monotonic() - looked > SECONDS_BETWEEN_SIGNS_OF_LIFE:
                looked = monotonic()
                if self.state not in ("running", "paused"):
                    yield from reader.read_new()
                    return
            sleep(poll_seconds)

    @staticmethod
    def event_of(line: str) -> Event:
        """The event of a line of the log; a kind of run reads the kinds that it knows.

        Parameters
        ----------
        line : str
            Of events.jsonl.

        Returns
        -------
        Event
            Of the base class where a run has no kinds of its own.
        """
        return Event.model_validate_json(line)

    def _reader(self, from_start: bool = True) -> EventReader:
        path = self.folder / layout.EVENTS
        return EventReader(path, from_start=from_start, parse=self.event_of)
