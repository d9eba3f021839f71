"""How a run is asked to pause or stop, and how it says that it did."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Protocol

ABORT_FILE = "RELION_JOB_ABORT_NOW"
PAUSE_FILE = "PAUSE"


class Control(Protocol):
    """What the loop asks between two steps."""

    def stop_requested(self) -> bool:
        """Whether the user has asked for a stop.

        Returns
        -------
        bool
            True once asked, and from then on.
        """

    def pause_requested(self) -> bool:
        """Whether the run shall wait.

        Returns
        -------
        bool
            True while it shall.
        """


@dataclass
class FolderControl:
    """Control by files in the folder, by :meth:`stop` from a signal handler, and by `asked`.

    The files are looked at no more than once in `interval_seconds`: on a shared disk each look
    costs a round trip.
    """

    folder: Path
    interval_seconds: float = 0.2
    asked: Callable[[], bool] = field(default_factory=lambda: lambda: False)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _looked: float = float("-inf")
    _paused: bool = False

    def stop(self) -> None:
        """Ask for a stop from within the process (safe in a signal handler)."""
        self._stopped.set()

    def stop_requested(self) -> bool:
        """Whether a stop was asked for, by :meth:`stop` or by the file.

        Returns
        -------
        bool
            True once asked, and from then on.
        """
        self._look()
        return self._stopped.is_set() or self.asked()

    def pause_requested(self) -> bool:
        """Whether the file that asks for a pause is there.

        Returns
        -------
        bool
            True while it is.
        """
        self._look()
        return self._paused

    def _look(self) -> None:
        now = monotonic()
        if now - self._looked < self.interval_seconds:
            return
        self._looked = now
        if (self.folder / ABORT_FILE).exists():
            self._stopped.set()
        self._paused = (self.folder / PAUSE_FILE).exists()
