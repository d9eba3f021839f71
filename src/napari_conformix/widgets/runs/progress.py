"""How far a run is: bar, time left, speed, memory; how it ended, and what it warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from qtpy.QtWidgets import QPlainTextEdit, QProgressBar, QVBoxLayout, QWidget

from napari_conformix.widgets.parts import Fold, hint, sentence, signed
from napari_conformix.widgets.runs.status import RunStatus

if TYPE_CHECKING:
    from napari_conformix.runs import Event

_STEPS: Final = 1000
_MOST_WARNINGS: Final = 50

Status = TypeVar("Status", bound=RunStatus)


class RunProgress(QWidget, Generic[Status]):
    """Shows what :attr:`status` makes of the events; feed it lists of events, and states."""

    def __init__(self, status: Status) -> None:
        super().__init__()
        self.status = status
        self.state = ""
        self.bar = QProgressBar()
        self.bar.setRange(0, _STEPS)
        self.text = hint()
        self.outcome = sentence()
        self.traceback = QPlainTextEdit()
        self.traceback.setReadOnly(True)
        self.traceback.setMaximumHeight(160)
        self.details = Fold("Details for a bug report", self.traceback)
        self.warnings = sentence()
        self.notices = sentence()
        self.notices_fold = Fold("What the method did on its own", self.notices)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        for widget in (
            self.bar,
            self.text,
            self.outcome,
            self.details,
            self.warnings,
            self.notices_fold,
        ):
            layout.addWidget(widget)
        self.clear()

    def clear(self) -> None:
        """Begin with another run."""
        self.state = ""
        self.status.clear()
        self.refresh()

    def take(self, events: list[Event]) -> None:
        """Show where the run is after these events; once for all of them, for a run that is opened
        may have thousands."""
        self.status.take(events)
        self.refresh()

    def show_state(self, state: str) -> None:
        """The run is in another state, or 'starting' or 'stopping'; '' for nothing."""
        self.state = state
        self.status.take_state(state)
        self.refresh()

    def refresh(self) -> None:
        """Show what the status says now."""
        now = self.status.progress()
        self.bar.setVisible(now.live)
        self.bar.setRange(0, 0 if now.share is None else _STEPS)
        self.bar.setValue(round(_STEPS * (now.share or 0.0)))
        self.bar.setFormat(now.stage)
        _say(self.text, " · ".join(filter(None, now.numbers)))
        _say(self.outcome, "<br>".join(signed(*line) for line in now.outcome))
        if now.traceback != self.traceback.toPlainText():  # or its selection would be lost
            self.traceback.setPlainText(now.traceback)
        self.details.setVisible(bool(now.traceback))
        shown = now.warnings[-_MOST_WARNINGS:]
        _say(self.warnings, "<br>".join(signed("warning", text) for text in shown))
        self.notices.setText("\n".join(now.notices))
        self.notices_fold.setVisible(bool(now.notices))


def _say(label, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))
