"""What is known of a run from its events and its state, in words. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from napari_conformix.runs import Event


@dataclass(frozen=True)
class Progress:
    """How far a run is, and how it stands.

    live        whether there is a bar
    share       of the work that is done, from 0 to 1; None: it goes on, nobody knows how far
    stage       what is being done, written on the bar
    numbers     time left, speed, memory
    outcome     (severity, sentence) of how it ended or stands
    traceback   of what failed, for a bug report
    warnings    of the run
    notices     what the method did as planned
    """

    live: bool = True
    share: float | None = 0.0
    stage: str = ""
    numbers: tuple[str, ...] = ()
    outcome: tuple[tuple[str, str], ...] = ()
    traceback: str = ""
    warnings: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


class RunStatus(Protocol):
    """Reads the events of one kind of run."""

    def clear(self) -> None:
        """Begin with another run."""

    def take(self, events: list[Event]) -> None:
        """These happened, after those that were taken before."""

    def take_state(self, state: str) -> None:
        """The run is in another state; '' for none."""

    def progress(self) -> Progress:
        """All of it in words."""
