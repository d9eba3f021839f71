"""The Reconstruct page: a better map from the particles whose motion is known."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from napari_conformix.errors import UserError
from napari_conformix.jobs.reconstruction import reconstruction_event
from napari_conformix.widgets.page import Page
from napari_conformix.widgets.parts import Fold, heading, hint
from napari_conformix.widgets.reconstruction.advice import Advice
from napari_conformix.widgets.reconstruction.form import ReconstructForm
from napari_conformix.widgets.reconstruction.offer import Offer, offer_of
from napari_conformix.widgets.reconstruction.result import Result, load
from napari_conformix.widgets.reconstruction.runs_list import (
    Entry,
    ReconstructionList,
    entries_of,
)
from napari_conformix.widgets.reconstruction.view import ReconstructionView
from napari_conformix.widgets.runs import (
    ReconstructionStatus,
    RunButtons,
    RunProgress,
    RunRules,
)
from napari_conformix.widgets.session import Follower, commands

if TYPE_CHECKING:
    from napari_conformix.jobs import Job
    from napari_conformix.widgets.latent_space import LatentSpace

_RULES: Final = RunRules(
    tips={
        "pause": "Let it wait after its current batch",
        "stop": "End it after its current batch; its sums are kept and Resume goes on with them",
        "resume": "Go on where it paused, stopped or was interrupted; the maps come out the same",
    }
)
_INTRODUCTION: Final = (
    "Half maps of all particles or of a saved selection. With the motion undone, what a moving "
    "part blurs in the plain map becomes sharp, if the motion was found rightly."
)
#: between two looks for reconstructions that others have started
_LOOK_MS: Final = 3000


class ReconstructPage(Page):
    """Start reconstructions, watch them, and look at what came out."""

    name, title = "reconstruct", "Reconstruct"
    tip = "A better map from the particles whose motion is known"

    def __init__(self, space: LatentSpace) -> None:
        super().__init__(space)
        session = space.session
        self._follower: Follower | None = None
        self._followed: Entry | None = None
        self._wanted = ""
        self.introduction = hint(_INTRODUCTION)
        self.form = ReconstructForm()
        self.advice = Advice(session, self.form)
        self.start_button = QPushButton("Start")
        self.start_button.setToolTip(
            "Start a program of its own that goes on when napari is closed"
        )
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setMaximumHeight(70)
        self.command_fold = Fold("Show command line", self.command)
        self.list_title = heading("Reconstructions of this job")
        self.list = ReconstructionList()
        self.run_buttons = RunButtons(_RULES)
        self.buttons = self.run_buttons.buttons
        self.progress = RunProgress(ReconstructionStatus())
        self.view = ReconstructionView(session)
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self.form.changed.connect(self._form_changed)
        self.start_button.clicked.connect(self.start)
        actions = {"pause": self.pause, "stop": self.stop, "resume": self.resume}
        self.run_buttons.pressed.connect(lambda name: actions[name]())
        self.list.chosen.connect(self._chosen)
        session.job_opened.connect(lambda *_: self._job_opened())
        session.job_closed.connect(self._job_closed)
        session.state_changed.connect(lambda *_: self.look())
        self.destroyed.connect(lambda *_: self._let_go())
        self._refresh()

    def _lay_out(self) -> None:
        new = QWidget()
        inside = QVBoxLayout(new)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.introduction)
        inside.addWidget(self.form)
        row = QHBoxLayout()
        row.addWidget(self.start_button)
        row.addStretch(1)
        inside.addLayout(row)
        inside.addWidget(self.command_fold)
        self.new_fold = Fold("New reconstruction", new, opened=True)
        layout = QVBoxLayout(self)
        layout.addWidget(self.new_fold)
        layout.addWidget(self.list_title)
        layout.addWidget(self.list)
        layout.addWidget(self.run_buttons)
        layout.addWidget(self.progress)
        layout.addWidget(self.view)
        layout.addStretch(1)

    # -- actions ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Launch what the form says."""
        job = self.session.job
        try:
            request = self.form.request()
        except UserError as error:
            self.session.report_error(error)
            return
        if job is None:
            return
        self.start_button.setEnabled(False)
        self.session.run_in_worker(
            lambda: _launch(job, request), self._started, self._not_started, key="job:reconstruct"
        )

    def pause(self) -> None:
        """Ask the chosen reconstruction to wait."""
        self._ask(lambda run: run.pause())

    def stop(self) -> None:
        """Ask the chosen reconstruction to end, its sums kept."""
        self.progress.show_state("stopping")
        self._ask(lambda run: run.stop())

    def resume(self) -> None:
        """End a pause, or go on with the sums that were saved."""
        if self.progress.state == "paused":
            self._ask(lambda run: run.unpause())
        else:
            self.progress.show_state("starting")
            self._ask(lambda run: run.resume())

    def look(self) -> None:
        """See which reconstructions there are, and what could be reconstructed."""
        job = self.session.job
        if job is None or not self.isVisible():
            return
        self.view.layers.hide_the_rest()
        run = self.session.run_in_worker
        run(lambda: entries_of(job), partial(self._take_entries, job), key="job:reconstructions")
        run(lambda: offer_of(job), partial(self._take_offer, job), key="job:offer")

    # -- what is open -----------------------------------------------------------------------------

    def _job_opened(self) -> None:
        self._let_go()
        self.list.show_entries([])
        self.advice.forget()
        self.form.forget()
        self.new_fold.button.setChecked(True)
        self.look()

    def _job_closed(self) -> None:
        self.view.layers.forget()
        self._job_opened()

    def _take_offer(self, job: Job, offer: Offer) -> None:
        if job is self.session.job:
            self.form.show_offer(offer)

    def _take_entries(self, job: Job, entries: list[Entry]) -> None:
        if job is not self.session.job:
            return
        self.list.show_entries(entries)
        if self._wanted:
            self.list.choose(self._wanted)
            self._wanted = ""
        elif self.list.current is None and entries:
            self.list.choose(_most_telling(entries).name)
        elif self.list.current is None:
            self._let_go()
        self._refresh()

    def _started(self, run: Any) -> None:
        self._wanted = run.name
        self.new_fold.button.setChecked(False)
        self.look()

    def _not_started(self, error: Exception) -> None:
        self.session.report_error(error)
        self._refresh()

    # -- the chosen reconstruction ----------------------------------------------------------------

    def _chosen(self, entry: Entry | None) -> None:
        if entry is not None and self._followed is not None and entry.name == self._followed.name:
            return
        self._let_go()
        if entry is None:
            return
        self._followed = entry
        self._follower = Follower(
            entry.run,
            self.progress.take,
            partial(self._take_state, entry),
            self.session.report_error,
            reconstruction_event,
        )
        self._follower.start()

    def _take_state(self, entry: Entry, state: str) -> None:
        if entry is not self._followed:
            return
        self.progress.show_state(state)
        self._refresh()
        if state == "finished":
            self.session.run_in_worker(
                lambda: load(entry.run), partial(self._loaded, entry), key="job:reconstruction"
            )
        else:
            self.view.show_result(None)
        self.look()

    def _loaded(self, entry: Entry, result: Result) -> None:
        if entry is self._followed:
            self.view.show_result(result)

    def _let_go(self) -> None:
        if self._follower is not None:
            self._follower.stop()
        self._follower = self._followed = None
        self.progress.clear()
        self.view.show_result(None)
        self._refresh()

    def _ask(self, what) -> None:
        entry = self._followed
        if entry is not None:
            self.session.run_in_worker(
                lambda: what(entry.run), None, self._not_asked, key="job:reconstruct"
            )

    def _not_asked(self, error: Exception) -> None:
        if self._followed is not None:
            self.progress.show_state(self._followed.run.state)
        self.session.report_error(error)

    # -- Qt ---------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self.look()
        # After the page before this one has taken its own things out of the scene.
        QTimer.singleShot(0, lambda: self.view.set_in_front(self.isVisible()))

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
        self.view.set_in_front(False)

    def _form_changed(self) -> None:
        self._refresh()
        if self.isVisible():
            self.advice.refresh()

    def _refresh(self) -> None:
        job = self.session.job
        self.run_buttons.enable(_RULES.enabled(self.progress.state))
        unfinished = self._followed is not None and self.progress.state != "finished"
        self.run_buttons.setVisible(unfinished)
        there = bool(self.list.entries)
        for widget in (self.list_title, self.list):
            widget.setVisible(there)
        try:
            request = self.form.request()
        except UserError:
            request = None
        self.start_button.setEnabled(
            job is not None
            and request is not None
            and not self.session.workers.busy("job:reconstruct")
        )
        if job is None:
            self.command.setPlainText("Open a job first.")
        elif request is not None:
            self.command.setPlainText(commands.reconstruct_command(Path(job.folder), **request))


def _launch(job: Job, request: dict[str, Any]) -> Any:
    """Start it, in its folder within the job."""
    from napari_conformix.runs import RECONSTRUCTION

    settings = {} if request["mask"] is None else {"mask": request["mask"]}
    return job.launch_reconstruction(
        request["selection"],
        Path(job.folder) / RECONSTRUCTION / request["name"],
        deformed=request["deformed"],
        **settings,
    )


def _most_telling(entries: list[Entry]) -> Entry:
    """One that runs, else the newest that is finished, else the newest."""
    order = {"running": 0, "paused": 1, "finished": 2}
    return min(entries, key=lambda entry: order.get(entry.state, 3))
