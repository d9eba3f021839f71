"""How far a reconstruction is, and how it ended."""

from __future__ import annotations

from typing import Final

from qtpy.QtWidgets import QPlainTextEdit, QProgressBar, QVBoxLayout, QWidget

from napari_conformix.jobs.reconstruction import events as ev
from napari_conformix.runs import Event, Failed, Warning
from napari_conformix.widgets.parts import Fold, hint, in_bytes, in_words, sentence, signed

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


class ReconstructionProgress(QWidget):
    """Shows the newest of what the events of one reconstruction say."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.text = hint()
        self.outcome = sentence()
        self.traceback = QPlainTextEdit()
        self.traceback.setReadOnly(True)
        self.traceback.setMaximumHeight(160)
        self.details = Fold("Details for a bug report", self.traceback)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        for widget in (self.bar, self.text, self.outcome, self.details):
            layout.addWidget(widget)
        self.clear()

    def clear(self) -> None:
        """Begin with another run."""
        self.state = ""
        self.done = self.total = 0
        self._facts: dict[str, str] = {}
        self._warnings: list[str] = []
        self._failure: Failed | None = None
        self._stage = ""
        self._show()

    def take(self, events: list[Event]) -> None:
        """Show where the run is after these events."""
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
        self._show()

    def show_state(self, state: str) -> None:
        """'running', 'paused', 'stopped', 'interrupted', 'failed', 'finished'; '' for nothing."""
        self.state = state
        self._show()

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

    def _show(self) -> None:
        live = self.state in _LIVE
        share = self.done / self.total if self.total else 0.0
        self.bar.setVisible(live)
        # without a total the bar says only that something goes on
        self.bar.setRange(0, 1000 if self.total or self.state != "running" else 0)
        self.bar.setValue(round(1000 * share))
        counted = f": {self.done:,} of {self.total:,}" if self.total else ""
        self.bar.setFormat(f"{self._stage}{counted}" if self._stage else self.state)
        if live and not self.total:
            self._facts["stage"] = self._stage
        else:
            self._facts.pop("stage", None)
        if not live:
            self._facts.pop("eta", None)
        self.text.setText(" · ".join(part for part in self._facts.values() if part))
        self.text.setVisible(bool(self.text.text()))
        said = [signed(*line) for line in self._outcome()]
        self.outcome.setText("<br>".join(said))
        self.outcome.setVisible(bool(said))
        failed = self._failure is not None and self.state == "failed"
        self.traceback.setPlainText(self._failure.traceback if failed else "")
        self.details.setVisible(bool(self.traceback.toPlainText()))

    def _outcome(self) -> list[tuple[str, str]]:
        """(severity, sentence) of how it stands. What a finished one warns of is in its report."""
        lines = []
        if self.state == "failed" and self._failure is not None:
            lines.append(("error", self._failure.message))
        elif self.state == "interrupted":
            lines.append(
                ("warning", "It ended without a word (killed, or the machine went down). Resume "
                 "goes on from the sums saved last.")
            )  # fmt: skip
        elif self.state == "stopped":
            lines.append(("note", f"Stopped after {self.done:,} particles; Resume goes on there."))
        elif self.state == "paused":
            lines.append(("note", "It waits and keeps its memory. Resume goes on, Stop ends it."))
        if self.state != "finished":
            lines += [("warning", message) for message in self._warnings]
        return lines
