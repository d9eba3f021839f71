"""How far two jobs place the same particles alike, computed on request and said in words."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_conformix.widgets.parts import hint, sentence
from napari_conformix.widgets.session import unbroken

if TYPE_CHECKING:
    from napari_conformix.jobs.comparison import Comparison
    from napari_conformix.widgets.second_view.store import Beside


class AgreementBox(QWidget):
    """A button, and what it found."""

    def __init__(self, beside: Beside) -> None:
        super().__init__()
        self._beside = beside
        self.ask = QPushButton("How well do the two agree?")
        self.ask.setToolTip("What a particle's place in one view says of its place in the other")
        self.said = sentence()
        self.command = hint()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.ask, self.said, self.command):
            layout.addWidget(widget)
        self.ask.clicked.connect(self.compare)
        self.forget()

    def forget(self) -> None:
        """Other jobs, or newer latents."""
        self._beside.session.workers.drop("job:next to agreement")
        self._say("", "")
        self.ask.setEnabled(True)

    def compare(self) -> None:
        """Compare the jobs, in a worker."""
        this, other = self._beside.session.job, self._beside.other.job
        if this is None or other is None:
            return

        def work() -> Comparison:
            return this.compare(other)

        def tell(comparison: Comparison) -> None:
            self.ask.setEnabled(True)
            if this is self._beside.session.job and other is self._beside.other.job:
                command = shlex.join(["conformix", "compare", str(this.folder), str(other.folder)])
                text = unbroken("\n\n".join(comparison.lines()[1:]))
                self._say(text, f"The same: {command}")

        def failed(error: Exception) -> None:
            self.ask.setEnabled(True)
            self._say("", "")
            self._beside.session.report_error(error)

        self.ask.setEnabled(False)
        self._say("Comparing the positions of the particles …", "")
        self._beside.session.run_in_worker(work, tell, failed, key="job:next to agreement")

    def _say(self, text: str, command: str) -> None:
        for label, words in ((self.said, text), (self.command, command)):
            label.setText(words)
            label.setVisible(bool(words))
