"""What the events and the state of a reconstruction say. No Qt."""

from __future__ import annotations

from typing import Final

from napari_conformix.jobs.reconstruction import events as ev
from napari_conformix.runs import Event, Failed, Warning
from napari_conformix.widgets.parts import in_bytes, in_words
from napari_conformix.widgets.runs.status import Progress

_PHASES: Final = {
    "preparing": "reading the files",
    "fields": "displacement fields",
    "inverse": "learning the inverse of the motion",
    "back-projecting": "adding particles",
    "maps": "making the maps",
    "FSC": "comparing the half maps",
    "local resolution": "local resolution",
    "report": "writing the report",
}
_LIVE: Final = ("starting", "running", "paused", "stopping")


class ReconstructionStatus:
    """Reads the events of one reconstruction."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin with another run."""
        self._state = ""
        self.done = self.total = 0
        self._facts: dict[str, str] = {}
        self._warnings: list[str] = []
        self._failure: Failed | None = None
        self._stage = ""

    def take(self, events: list[Event]) -> None:
        """These happened, after those that were taken before."""
        for event in events:
            if isinstance(event, ev.ReconstructionStarted):
                self._started(event)
            elif isinstance(event, ev.ReconstructionProgress):
                self._progress(event)
            elif isinstance(event, Warning) and event.message not in self._warnings:
                self._warnings.append(event.message)
            elif isinstance(event, Failed):
                self._failure = event
            elif isinstance(event, ev.ReconstructionFinished):
                self._facts = {"time": f"last run: {in_words(event.seconds)}"}

    def take_state(self, state: str) -> None:
        """'running', 'paused', 'stopped', 'interrupted', 'failed', 'finished'; '' for nothing."""
        self._state = state
        if state not in _LIVE:
            self._facts.pop("eta", None)

    def progress(self) -> Progress:
        """All of it in words."""
        live = self._state in _LIVE
        facts = {name: text for name, text in self._facts.items() if live or name != "eta"}
        counted = f": {self.done:,} of {self.total:,}" if self.total else ""
        share: float | None = self.done / self.total if self.total else 0.0
        if live and not self.total:
            facts["stage"] = self._stage
            # without a total the bar says only that something goes on
            share = None if self._state == "running" else share
        failed = self._failure is not None and self._state == "failed"
        return Progress(
            live=live,
            share=share,
            stage=f"{self._stage}{counted}" if self._stage else self._state,
            numbers=tuple(facts.values()),
            outcome=tuple(self._outcome()),
            traceback=self._failure.traceback if failed else "",
            # what a finished one warns of is in its report
            warnings=tuple(self._warnings) if self._state != "finished" else (),
        )

    def _started(self, event: ev.ReconstructionStarted) -> None:
        self._failure = None
        self.done, self.total = event.done, event.particles
        self._facts = {"device": f"on {event.device}"}
        if event.estimated_seconds is not None:
            self._facts["eta"] = f"about {in_words(event.estimated_seconds)} in all"
        if event.estimated_memory_bytes is not None:
            self._facts["memory"] = f"{in_bytes(event.estimated_memory_bytes)} of memory"

    def _progress(self, event: ev.ReconstructionProgress) -> None:
        self._failure = None
        self.done, self.total = event.done, event.total
        self._stage = event.message.rstrip(". ") or _PHASES.get(event.phase, event.phase)
        for name in ("eta", "speed"):
            self._facts.pop(name, None)
        if event.eta_seconds is not None:
            self._facts["eta"] = f"{in_words(event.eta_seconds)} left"
        if event.images_per_second is not None:
            self._facts["speed"] = f"{event.images_per_second:,.0f} particles/s"
        if event.memory_bytes is not None:
            self._facts["memory"] = f"{in_bytes(event.memory_bytes)} of memory"

    def _outcome(self) -> list[tuple[str, str]]:
        """(severity, sentence) of how it stands."""
        lines = []
        if self._state == "failed" and self._failure is not None:
            lines.append(("error", self._failure.message))
        elif self._state == "interrupted":
            lines.append(
                ("warning", "It ended without a word (killed, or the machine went down). Resume "
                 "goes on from the sums saved last.")
            )  # fmt: skip
        elif self._state == "stopped":
            lines.append(("note", f"Stopped after {self.done:,} particles; Resume goes on there."))
        elif self._state == "paused":
            lines.append(("note", "It waits and keeps its memory. Resume goes on, Stop ends it."))
        return lines
