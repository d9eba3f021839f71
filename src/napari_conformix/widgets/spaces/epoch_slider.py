"""The slider under the latent space view that looks back at earlier epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from napari_conformix.analysis.spaces import Past
from napari_conformix.widgets.parts import hint

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.session import Session
    from napari_conformix.widgets.spaces.group import ViewGroup

#: how long an epoch stays on the screen while the forming of the view is played
_PLAY_MS: Final = 350


@dataclass(frozen=True)
class Epochs:
    """Which epochs a job can be looked at in.

    kept    epochs with latents, ascending
    models  those of which there is a model to decode with
    shown   the epoch of the result so far, which the view follows
    chosen  the epoch that the run has ended on, for methods that choose one
    last    the last epoch that is done
    """

    kept: tuple[int, ...]
    models: frozenset[int]
    shown: int
    chosen: int | None
    last: int

    @classmethod
    def of(cls, job: Job, shown: int) -> Epochs:
        """Look into a job's folder."""
        return cls(
            kept=tuple(sorted({*job.latent_epochs(), shown})),
            models=frozenset(job.checkpoints.epochs()),
            shown=shown,
            chosen=job.checkpoints.chosen(),
            last=max(job.checkpoints.last() or 0, shown),
        )

    def text(self, epoch: int, running: bool) -> str:
        """'Epoch 7 of 20, chosen: 17'."""
        what = "newest" if running else "last"
        word, named = (what, self.shown) if self.chosen is None else ("chosen", self.chosen)
        of = f"Epoch {epoch} of {self.last}" + (" so far" if running else "")
        return f"{of}, {word}" if epoch == named else f"{of}, {word}: {named}"


class EpochSlider(QWidget):
    """`epoch_chosen(epoch)` when the user moves it; the result so far is one of the epochs."""

    epoch_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.epochs: Epochs | None = None
        self.running = False
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setPageStep(1)
        self.slider.setToolTip("Look back at how the view formed, epoch by epoch")
        self.play = QToolButton()
        self.play.setText("▶")
        self.play.setToolTip("Play how the view formed")
        self.play.setCheckable(True)
        self.back = QToolButton()
        self.back.setToolTip("The view that everything else in the window belongs to")
        self.label = QLabel()
        self.note = hint()
        # It keeps its place, or the view above would change its size with every look back.
        self.note.setWordWrap(False)
        policy = self.note.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.note.setSizePolicy(policy)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.play)
        row.addWidget(self.slider, 1)
        row.addWidget(self.back)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 2)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.label)
        layout.addWidget(self.note)
        self._timer = QTimer(self)
        self._timer.setInterval(_PLAY_MS)
        self._timer.timeout.connect(self._next)
        self.slider.valueChanged.connect(self._moved)
        self.back.clicked.connect(self.to_result)
        self.play.toggled.connect(self._play)
        self.clear()

    def clear(self) -> None:
        """No job, or none with latents."""
        self.epochs = None
        self.play.setChecked(False)
        self.note.hide()
        self.hide()

    @property
    def epoch(self) -> int | None:
        """The epoch that the slider is at; None without any."""
        return None if self.epochs is None else self.epochs.kept[self.slider.value()]

    def show_epochs(self, epochs: Epochs, *, running: bool) -> None:
        """Take what there is now; the slider stays at its epoch, or follows the result."""
        before, at = self.epochs, self.epoch
        follows = before is None or at is None or at == before.shown
        wanted = epochs.shown if follows or at not in epochs.kept else at
        self.epochs, self.running = epochs, running
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, len(epochs.kept) - 1)
            self.slider.setValue(epochs.kept.index(wanted))
        self.setVisible(len(epochs.kept) > 1)
        self.back.setText("Newest" if epochs.chosen is None else "Chosen")
        self._say()
        same = before is not None and (at in before.models) == (at in epochs.models)
        if wanted != at or wanted == epochs.shown or not same:
            self.epoch_chosen.emit(wanted)

    def to_result(self) -> None:
        """Back to the view that the rest of the window belongs to."""
        if self.epochs is not None:
            self.slider.setValue(self.epochs.kept.index(self.epochs.shown))

    def _moved(self) -> None:
        if not self._timer.isActive():
            self.play.setChecked(False)
        self._say()
        self.epoch_chosen.emit(self.epoch)

    def _say(self) -> None:
        epochs, epoch = self.epochs, self.epoch
        self.label.setText(epochs.text(epoch, self.running))
        at_result = epoch == epochs.shown
        self.back.setEnabled(not at_result)
        self.note.setVisible(not at_result)
        if epoch in epochs.models:
            self.note.setText(f"Molecule at the cursor: epoch {epoch} too.")
            self.note.setToolTip("Its model is kept. All else in the window is of the result.")
        else:
            self.note.setText(f"Latents only: no model of epoch {epoch} is kept.")
            self.note.setToolTip("The setting keep_checkpoints says how many epochs keep theirs.")

    # -- playing ----------------------------------------------------------------------------------

    def _play(self, on: bool) -> None:
        self.play.setText("■" if on else "▶")
        if not on:
            self._timer.stop()
            return
        self._timer.start()
        if self.slider.value() == self.slider.maximum():
            self.slider.setValue(0)

    def _next(self) -> None:
        if self.slider.value() == self.slider.maximum():
            self.play.setChecked(False)
            self.to_result()
        else:
            self.slider.setValue(self.slider.value() + 1)


class LookingBack:
    """Connects a slider with a view: finds the epochs of the session's job, reads their latents."""

    def __init__(self, session: Session, slider: EpochSlider, maps: ViewGroup) -> None:
        self._session, self._slider, self._maps = session, slider, maps
        slider.epoch_chosen.connect(self._show)
        session.latents_changed.connect(self._look)
        session.state_changed.connect(self._state_changed)
        session.job_closed.connect(self._forget)
        session.job_opened.connect(lambda job: self._forget())

    def _forget(self) -> None:
        self._slider.clear()

    def _state_changed(self, state: str) -> None:
        if self._session.latents is not None:
            self._look(self._session.latents)

    def _look(self, latents: LatentTable) -> None:
        job = self._session.job
        if job is None:
            return
        self._session.run_in_worker(
            lambda: Epochs.of(job, latents.epoch), self._take, key="job:epochs"
        )

    def _take(self, epochs: Epochs) -> None:
        running = self._session.state in ("running", "paused", "starting", "stopping")
        self._slider.show_epochs(epochs, running=running)

    def _show(self, epoch: int) -> None:
        """Read the latents of an epoch and let the view look back at them."""
        job, epochs = self._session.job, self._slider.epochs
        if job is None or epochs is None:
            return

        def read() -> Past | None:
            if epoch == epochs.shown:
                return None
            return Past(job.latents(epoch=epoch), epoch in epochs.models)

        self._session.run_in_worker(read, self._maps.show_past, key="job:past latents")
