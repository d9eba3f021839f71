"""The Train page: choose, train, watch."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_conformix.errors import UserError
from napari_conformix.widgets.page import Page
from napari_conformix.widgets.parts import Fold, NothingToTrain, heading, hint
from napari_conformix.widgets.runs import RunButtons, RunProgress, RunRules
from napari_conformix.widgets.session import commands
from napari_conformix.widgets.training.curves import CurvesView
from napari_conformix.widgets.training.forecast_line import ForecastLine
from napari_conformix.widgets.training.job_form import JobForm
from napari_conformix.widgets.training.status import TrainingStatus

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.runs import Event
    from napari_conformix.widgets.latent_space import LatentSpace

_RULES: Final = RunRules(
    tips={
        "train": "Make the job folder and start the trainer, a program of its own that goes on "
        "when napari is closed",
        "pause": "Let the run wait after its current step",
        "stop": "End the run after its current step; it can be resumed from its last checkpoint",
        "resume": "Go on where the run paused, stopped or was interrupted",
    },
    begin="train",
    make="train",
    next={
        "": "Train makes the job folder and starts the run.",
        "created": "Train starts the run.",
        "running": "You may close napari: the run goes on. Open the job folder to see it again.",
        "paused": "The run waits and keeps its memory. Resume goes on, Stop ends it.",
        "failed": "Fix what is said below, then press Resume; or make a new job.",
        "finished": "To train longer, raise the number of epochs in the settings and press Resume.",
    },
)


class TrainPage(Page):
    """Settings of a new job, or a job and its run."""

    name, title = "train", "Train"
    tip = "Make a job, train it, and watch the run"

    def __init__(self, space: LatentSpace) -> None:
        super().__init__(space)
        session = space.session
        self.state = ""
        self.form = JobForm(session)
        self.settings_fold = Fold("Settings of the run", self.form, opened=True)
        self.run_buttons = RunButtons(_RULES)
        self.buttons = self.run_buttons.buttons
        self.again_button = QPushButton("New job with these settings")
        self.again_button.setToolTip("Leave this job as it is and make another one like it")
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(110)
        self.command_fold = Fold("Show command line", self.command)
        self.hint = hint()
        self.forecast = ForecastLine(session, self.form)
        self.progress = RunProgress(TrainingStatus())
        self.curves = CurvesView()

        self.body = QWidget()
        self.no_training = NothingToTrain(session)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(self.no_training)
        page.addWidget(self.body, 1)
        layout = QVBoxLayout(self.body)
        layout.addWidget(self.settings_fold)
        layout.addWidget(self.again_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.run_buttons)
        layout.addWidget(self.hint)
        layout.addWidget(self.forecast)
        layout.addWidget(self.progress)
        layout.addWidget(heading("Loss"))
        layout.addWidget(self.curves)
        layout.addWidget(self.command_fold)
        layout.addStretch(1)

        actions = {
            "train": self.train,
            "pause": self.pause,
            "stop": self.stop,
            "resume": self.resume,
        }
        self.run_buttons.pressed.connect(lambda name: actions[name]())
        self.again_button.clicked.connect(self.new_job)
        self.form.changed.connect(self._refresh)
        session.job_opened.connect(self._job_opened)
        session.job_closed.connect(self._job_closed)
        session.particles_opened.connect(lambda *_: self._refresh())
        session.inputs_changed.connect(lambda *_: self._refresh())
        session.events.connect(self._take_events)
        session.state_changed.connect(self.set_state)
        if session.job is not None:
            self._job_opened(session.job)
        self._refresh()

    # -- actions ----------------------------------------------------------------------------------

    def train(self) -> None:
        """Make a job from the form (or take the one that is open) and launch its trainer."""
        job = self.session.job
        if job is not None:
            self._launch(job, resume=False)
            return
        try:
            request = self.form.request()
        except (UserError, ValidationError) as error:
            self.session.message.emit(_as_sentence(error), "error")
            return
        self.set_state("starting")
        self.progress.clear()
        self.progress.status.say_stage("checking the files …")
        self.progress.refresh()

        def make() -> Job:
            from napari_conformix.jobs import Job

            job = Job.create(**request)
            job.launch()
            return job

        self.session.run_in_worker(make, self.session.open_job, self._not_started, key="launch")

    def resume(self) -> None:
        """Go on: end a pause, or start a trainer from the last checkpoint."""
        job = self.session.job
        if job is None:
            return
        if self.state == "paused":
            self.session.run_in_worker(job.unpause, key="launch")
        else:
            self._launch(job, resume=self.progress.status.last_epoch > 0 or self.state != "created")

    def pause(self) -> None:
        """Ask the run to wait."""
        if self.session.job is not None:
            self.session.run_in_worker(self.session.job.pause, key="launch")

    def stop(self) -> None:
        """Ask the run to end."""
        job = self.session.job
        if job is not None:
            self.set_state("stopping")
            self.session.run_in_worker(job.stop, on_error=self._not_started, key="launch")

    def new_job(self) -> None:
        """Keep the data set and the settings, let go of the job."""
        self.session.close_job()

    def _launch(self, job: Job, *, resume: bool) -> None:
        epochs = self.form.more_epochs() if resume else None
        self.set_state("starting")
        self.session.run_in_worker(
            lambda: job.launch(epochs=epochs, resume=resume), None, self._not_started, key="launch"
        )

    def _not_started(self, error: Exception) -> None:
        self.set_state(self.session.state)
        self.session.report_error(error)

    # -- what is open -----------------------------------------------------------------------------

    def _job_opened(self, job: Job) -> None:
        self.no_training.setVisible(not self.session.has_decoder)
        self.body.setVisible(self.session.has_decoder)
        if not self.session.has_decoder:
            return
        self.progress.clear()
        self.curves.clear(job.method_class.quantities)
        self.curves.shells.pixel_size_angstrom = job.spec.grids.working_pixel_size_angstrom
        self.form.show_job(job)
        self.settings_fold.button.setChecked(False)
        self.set_state(self.session.state or "starting")

    def _job_closed(self) -> None:
        self.no_training.hide()
        self.body.show()
        self.progress.clear()
        self.curves.clear()
        self.form.show_new()
        self.settings_fold.button.setChecked(True)
        self.set_state("")

    def _take_events(self, events: list[Event]) -> None:
        if not self.session.has_decoder:
            return
        self.progress.take(events)
        self.curves.take(events)
        self.form.set_done(self.progress.status.last_epoch)

    def set_state(self, state: str) -> None:
        """Take the buttons to a state of the job ('starting' and 'stopping' are the page's)."""
        self.state = state
        self.progress.show_state(state)
        self._refresh()

    def _refresh(self) -> None:
        job, ready = self.session.job, self.form.ready()
        more = self.state == "finished" and bool(self.form.more_epochs())
        enabled = _RULES.enabled(self.state, ready=ready or job is not None, more=more)
        self.run_buttons.enable(enabled)
        self.again_button.setVisible(job is not None)
        self.hint.setText(self._what_next(job is not None, ready))
        self.hint.setVisible(bool(self.hint.text()))
        self._show_command()

    def _what_next(self, has_job: bool, ready: bool) -> str:
        if not has_job and not ready:
            return "Open particles and a consensus map on the Data page first."
        return _RULES.what_next(self.state)

    def _show_command(self) -> None:
        with suppress(UserError, ValidationError):
            self.command.setPlainText(self._command())
            return
        self.command.setPlainText("Open particles and a consensus map first.")

    def _command(self) -> str:
        job = self.session.job
        if job is not None:
            resume = self.state not in ("", "created")
            epochs = self.form.more_epochs() if resume else None
            return commands.train_command(job.folder, resume=resume, epochs=epochs)
        return self.form.command()


def _as_sentence(error: Exception) -> str:
    if isinstance(error, ValidationError):
        parts = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        return "The settings do not fit: " + "; ".join(parts) + "."
    return str(error)
