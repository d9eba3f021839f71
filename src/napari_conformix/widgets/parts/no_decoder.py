"""What the pages say where a job has latents of another program and no model behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_conformix.runs import Warning
from napari_conformix.training.events import Notice
from napari_conformix.widgets.parts.style import sentence, signed

if TYPE_CHECKING:
    from napari_conformix.runs import Event
    from napari_conformix.widgets.session import Session

#: where the molecule at the cursor would be described
NO_MOLECULE: Final = (
    "There is no decoder for latents of another program, so no molecule can be shown here. Select "
    "particles, see their images, and reconstruct the selection on the Reconstruct page."
)
#: on the Deformation page
NO_MOTION: Final = (
    "There is no decoder for latents of another program, so how particles move is not known. "
    "Reconstruct clusters or selections from their own images and compare those maps."
)
#: where movies are made
NO_MOVIE: Final = "There is no decoder for latents of another program, so there are no movies."
_NO_TRAINING: Final = (
    "The latents of this job are of another program: there is no model to train or decode. They "
    "can be explored, selected, grouped and exported, and a selection can be reconstructed from "
    "its own images."
)


class NothingToTrain(QWidget):
    """On the Train page: why there is nothing to do, what was said of the import, and how to train
    a method on the same particles."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.text, self.told = sentence(_NO_TRAINING), sentence()
        self.train_button = QPushButton("Train on these particles…")
        self.train_button.setToolTip("Leave this job as it is, and make a new one to be trained")
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(self.told)
        layout.addWidget(self.train_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addStretch(1)
        self.train_button.clicked.connect(session.close_job)
        session.job_opened.connect(lambda *_: self.told.setText(""))
        session.events.connect(self._take_events)
        self.hide()

    def _take_events(self, events: list[Event]) -> None:
        """What was found when the latents were opened."""
        if self._session.has_decoder:
            return
        lines = [
            signed("warning" if isinstance(event, Warning) else "note", event.message)
            for event in events
            if isinstance(event, Warning | Notice)
        ]
        if lines:
            self.told.setText("<br>".join(lines))
