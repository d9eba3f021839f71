"""Whether the latent space view can be believed: does it follow how particles were imaged, and, for
methods without displacements, do held-out images need more than one structure?

The first is looked up or computed in a worker when the group is seen. The second decodes many maps:
an answer that was given before is shown, a new one is given when it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QPushButton, QVBoxLayout

from napari_conformix.analysis.spaces import views
from napari_conformix.widgets.parts import Banner, hint, sentence, signed
from napari_conformix.widgets.session import unbroken

if TYPE_CHECKING:
    from napari_conformix.analysis.checks import Heterogeneity, Invariance
    from napari_conformix.jobs import Job
    from napari_conformix.training.latent_table import LatentTable
    from napari_conformix.widgets.session import Session

_TELL_MS: Final = 200
_LEVELS: Final = {"clear": "good", "weak": "doubt", "unknown": "neutral"}
_SEVERITIES: Final = {"strong": "warning", "slight": "warning"}
_UNKNOWN: Final = "It cannot be said whether there is heterogeneity"
_OFFER: Final = (
    "Do the particles differ at all? Latents found from one half of the Fourier pixels of held-out "
    "images are judged on the other half."
)


@dataclass(frozen=True)
class _Looked:
    """What a look at a job's latents gave; a verdict only if it was there already."""

    epoch: int
    invariance: Invariance
    verdict: Heterogeneity | None


class ChecksGroup(QGroupBox):
    """Both answers, with what to do about them."""

    def __init__(self, session: Session) -> None:
        super().__init__("Can it be believed?")
        self._session = session
        self._latents: LatentTable | None = None
        self._looked: int | None = None
        self._run = 0
        self._share: float | None = None
        self.verdict = Banner()
        self.warnings, self.advice = sentence(), hint()
        self.offer, self.test, self.stop = hint(_OFFER), QPushButton("Test it"), QPushButton("Stop")
        self.test.setToolTip("Compares about 400 held-out images with maps of their latents")
        self.progress = hint()
        self.invariance, self.invariance_advice = sentence(), hint()
        buttons = QHBoxLayout()
        buttons.addWidget(self.test)
        buttons.addWidget(self.stop)
        buttons.addWidget(self.progress, stretch=1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        for widget in (self.verdict, self.warnings, self.advice, self.offer):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        layout.addWidget(self.invariance)
        layout.addWidget(self.invariance_advice)
        self._timer = QTimer(self)
        self._timer.setInterval(_TELL_MS)
        self._timer.timeout.connect(self._tell)
        self.test.clicked.connect(self._test)
        self.stop.clicked.connect(self._stop)
        self.forget()

    # -- what is open -----------------------------------------------------------------------------

    def forget(self) -> None:
        """Another job, or none; a test that runs for the one before ends."""
        self._latents = self._looked = None
        self._stop()
        self._show_invariance(None)
        self._show_verdict(None, offered=False)

    def take_latents(self, latents: LatentTable) -> None:
        """Newer latents: what was said of those before does not hold."""
        self._latents = latents
        self._stop()
        self._look()

    def showEvent(self, event: QShowEvent) -> None:
        """Answers may have been given elsewhere meanwhile."""
        super().showEvent(event)
        self._look()

    def _look(self) -> None:
        """Ask for what is cheap, while somebody looks."""
        job, latents = self._session.job, self._latents
        if job is None or latents is None or not self.isVisible():
            return
        if self._looked == latents.epoch:
            return
        self._looked = latents.epoch
        self.invariance.setText("Looking whether the latents follow how particles were imaged …")
        self.invariance.show()
        self._session.run_in_worker(
            lambda: _look_at(job, latents), self._take, self._failed, key="job:checks"
        )

    def _take(self, looked: _Looked) -> None:
        if self._latents is None or looked.epoch != self._latents.epoch:
            return
        self._show_invariance(looked.invariance)
        offered = self._session.has_decoder and not views.in_angstrom(self._latents)
        self._show_verdict(looked.verdict, offered=offered)

    def _failed(self, error: Exception) -> None:
        self._show_invariance(None)
        self._session.report_error(error)

    # -- the test of heterogeneity ----------------------------------------------------------------

    def _test(self) -> None:
        job, run = self._session.job, self._run
        if job is None:
            return
        self._share = 0.0
        self._timer.start()
        self._tell()

        def progress(share: float) -> None:
            if run == self._run:
                self._share = share

        def done(verdict: Heterogeneity | None) -> None:
            if run == self._run:
                self._end()
                self._show_verdict(verdict, offered=True)

        def failed(error: Exception) -> None:
            if run == self._run:
                self._end()
                self._session.report_error(error)

        self._session.run_in_worker(
            lambda: job.verdict(progress=progress, stop=lambda: run != self._run),
            done,
            failed,
            key="job:heterogeneity",
        )

    def _stop(self) -> None:
        self._run += 1
        self._end()

    def _end(self) -> None:
        self._share = None
        self._timer.stop()
        self._tell()

    def _tell(self) -> None:
        running = self._share is not None
        self.test.setEnabled(not running)
        self.stop.setVisible(running)
        self.progress.setVisible(running)
        self.progress.setText(f"{100 * self._share:.0f} %" if running else "")

    # -- showing ----------------------------------------------------------------------------------

    def _show_verdict(self, verdict: Heterogeneity | None, *, offered: bool) -> None:
        """The verdict; without one, `offered` shows how to get it."""
        self.offer.setVisible(offered and verdict is None)
        self.test.setVisible(offered and verdict is None)
        self.advice.setVisible(verdict is not None and bool(verdict.advice))
        self.warnings.setVisible(verdict is not None and bool(verdict.warnings))
        if verdict is None:
            self.verdict.say("neutral", "")
            return
        headline, _, details = unbroken(verdict.sentence).partition(": ")
        if verdict.level == "unknown":
            headline, details = _UNKNOWN, unbroken(verdict.sentence)
        level = _LEVELS.get(verdict.level, "bad")
        self.verdict.say(level, headline, details[:1].upper() + details[1:])
        self.warnings.setText(
            "<br>".join(signed("warning", unbroken(text)) for text in verdict.warnings)
        )
        words, command, _ = verdict.advice.partition(": conformix clusters ")
        self.advice.setText(words + (", on the Clusters page." if command else ""))

    def _show_invariance(self, found: Invariance | None) -> None:
        self.invariance.setVisible(found is not None)
        self.invariance_advice.setVisible(found is not None and bool(found.advice))
        if found is not None:
            severity = _SEVERITIES.get(found.level, "note")
            self.invariance.setText(signed(severity, unbroken(found.sentence())))
            self.invariance_advice.setText(found.advice)


def _look_at(job: Job, latents: LatentTable) -> _Looked:
    """In a worker."""
    from napari_conformix.jobs.checks import kept_heterogeneity

    moves = views.in_angstrom(latents)
    return _Looked(latents.epoch, job.invariance(), None if moves else kept_heterogeneity(job))
