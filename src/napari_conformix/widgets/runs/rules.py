"""What can be done with a run in each of its states, and what is said of that. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from napari_conformix.runs import State

#: the states of a run, and those between a click and the run's answer; '' while there is no run
WindowState = State | Literal["", "starting", "stopping"]

_ENDED_EARLY: Final = ("stopped", "interrupted", "failed")


@dataclass(frozen=True)
class RunRules:
    """Declared once for a kind of run.

    tips    button -> what it does, in the order of the buttons: one that begins a run where the
            page has it, then 'pause', 'stop', 'resume'
    begin   the button for a run that was made and has not begun
    make    the button that makes a run where there is none; '' where another part of the page does
    next    state -> what can be done, where buttons and messages do not say it
    """

    tips: Mapping[str, str]
    begin: str = "resume"
    make: str = ""
    next: Mapping[str, str] = field(default_factory=dict)

    def enabled(self, state: str, *, ready: bool = True, more: bool = False) -> frozenset[str]:
        """Buttons that can be pressed.

        Parameters
        ----------
        state
            A :data:`WindowState`.
        ready
            Whether there is enough to make a run of.
        more
            Whether a run that is finished could be taken further.
        """
        if state == "":
            found = {self.make} if ready and self.make else set()
        elif state == "created":
            found = {self.begin}
        elif state == "running":
            found = {"pause", "stop"}
        elif state == "paused":
            found = {"resume", "stop"}
        elif state in _ENDED_EARLY or (state == "finished" and more):
            found = {"resume"}
        else:
            found = set()
        return frozenset(found)

    def what_next(self, state: str) -> str:
        """A sentence on what can be done now; '' where none is needed."""
        return self.next.get(state, "")
