"""A sentence that cannot be overlooked: on a coloured ground, at the top of a page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy

if TYPE_CHECKING:
    from napari_conformix.analysis.checks import Heterogeneity
    from napari_conformix.jobs import Job
    from napari_conformix.widgets.session import Session

#: level -> ground, text, sign
_LOOKS: Final = {
    "good": ("#1f6f45", "#ffffff", "✔"),
    "doubt": ("#e6a817", "#1a1a1a", "⚠"),
    "bad": ("#c9342a", "#ffffff", "✖"),
    "neutral": ("#5a6068", "#ffffff", "ℹ"),
}


class Banner(QLabel):
    """Hidden while it has nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.level = ""
        self.hide()

    def say(self, level: str, headline: str, details: str = "") -> None:
        """A headline in bold, and what there is to say about it; an empty headline hides all."""
        self.setVisible(bool(headline))
        if not headline:
            self.level = ""
            self.clear()
            return
        self.level = level
        ground, colour, sign = _LOOKS[level]
        more = f"<br>{escape(details)}" if details else ""
        self.setText(f"<b>{sign}&nbsp; {escape(headline)}</b>{more}")
        self.setStyleSheet(
            f"background: {ground}; color: {colour}; border-radius: 5px; padding: 7px 9px;"
        )


class BiasBanner(Banner):
    """Says of a session's job that its results follow an atomic model, if they do."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        session.job_opened.connect(self._open_job)
        session.job_closed.connect(self._close_job)

    def _open_job(self, job: Job) -> None:
        def tell(biased: str | None) -> None:
            if job is self._session.job:
                self.say("doubt", "Biased by a model" if biased else "", biased or "")

        self._session.run_in_worker(lambda: job.model_biased, tell)

    def _close_job(self) -> None:
        self.say("neutral", "")


class DoubtBanner(Banner):
    """Says of a session's latents that held-out images see no states of the molecule in them,
    where that was asked; for methods whose answer is kept."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        session.job_opened.connect(lambda job: self.say("neutral", ""))
        session.job_closed.connect(lambda: self.say("neutral", ""))
        session.latents_changed.connect(lambda latents: self.refresh())

    def refresh(self) -> None:
        """See whether it was asked by now."""
        from napari_conformix.analysis.spaces import in_angstrom
        from napari_conformix.jobs.checks import kept_heterogeneity

        job, latents = self._session.job, self._session.latents
        if job is None or latents is None or not self._session.has_decoder or in_angstrom(latents):
            return
        self._session.run_in_worker(
            lambda: kept_heterogeneity(job), self._tell, key=f"job:doubt {id(self)}"
        )

    def _tell(self, found: Heterogeneity | None) -> None:
        if found is None or found.found or found.level == "unknown":
            self.say("neutral", "")
            return
        headline, _, details = found.sentence.partition(": ")
        level = "doubt" if found.level == "weak" else "bad"
        self.say(level, headline, details[:1].upper() + details[1:])
