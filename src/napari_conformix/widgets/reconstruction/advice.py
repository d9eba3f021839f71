"""What to expect of a reconstruction before it is begun: time, memory, and any gain at all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_conformix.widgets.parts import in_bytes, in_words
from napari_conformix.widgets.session import with_units

if TYPE_CHECKING:
    from napari_conformix.analysis.motion import Verdict
    from napari_conformix.jobs import Job
    from napari_conformix.jobs.reconstruction import ReconstructionForecast
    from napari_conformix.widgets.reconstruction.form import ReconstructForm
    from napari_conformix.widgets.session import Session


class Advice:
    """Judges the motion once for each state of the model, and measures the speed once a kind of
    map; both in workers, one after the other, and only for a page that is looked at."""

    def __init__(self, session: Session, form: ReconstructForm) -> None:
        self._session, self._form = session, form
        self.forget()

    def forget(self) -> None:
        """Another job."""
        self._verdicts: dict[int, Verdict | None] = {}
        self._speeds: dict[tuple[int, bool], ReconstructionForecast | str] = {}

    def refresh(self) -> None:
        """Say what is known, and ask for what is not."""
        job, offer, choice = self._session.job, self._form.offer, self._form.choice()
        if job is None or offer is None or choice is None:
            return
        deformed = self._form.deformed.isChecked()
        possible = not offer.cannot(choice, deformed=deformed)
        lines = [("warning", with_units(offer.biased))] if offer.biased else []
        verdict = self._verdicts.get(offer.epoch)
        if deformed and verdict is not None:
            lines += _expectation(verdict)
        self._form.show_advice(lines)
        known = self._speeds.get((offer.epoch, deformed))
        self._form.estimate.setText(_in_words(known, choice.count) if possible else "")
        self._form.estimate.setVisible(possible)
        if possible and known is None:
            self._ask(job, "speed", partial(_speed, job, deformed), (offer.epoch, deformed))
        elif deformed and possible and offer.epoch not in self._verdicts:
            self._ask(job, "verdict", job.verdict, offer.epoch)

    def _ask(self, job: Job, what: str, work: Any, key: Any) -> None:
        kept = self._speeds if what == "speed" else self._verdicts
        name = f"job:reconstruction {what}"
        if self._session.workers.busy(name):
            return

        def take(answer: Any) -> None:
            if job is self._session.job:
                kept[key] = answer
                self.refresh()

        def failed(error: Exception) -> None:
            take(str(error) if what == "speed" else None)

        self._session.run_in_worker(work, take, failed, key=name)


def _speed(job: Job, deformed: bool) -> ReconstructionForecast:
    from napari_conformix.jobs.reconstruction import forecast_reconstruction

    return forecast_reconstruction(job, deformed=deformed)


def _in_words(known: ReconstructionForecast | str | None, count: int) -> str:
    if known is None:
        return "Estimate: adding some particles …"
    if isinstance(known, str):
        return f"No estimate: {known}"
    return (
        f"Estimate: about {in_words(known.seconds(count))} for {count:,} particles on this "
        f"machine as busy as it is now, {in_bytes(known.memory_bytes)} of memory."
    )


def _expectation(verdict: Verdict) -> list[tuple[str, str]]:
    """(severity, sentence) of whether a better map can be expected, and what speaks against it."""
    if verdict.moves:
        doubts = [("warning", with_units(text)) for text in verdict.warnings]
        return [("note", with_units(verdict.sentence)), *doubts]
    words = f"Do not expect a better map. {verdict.sentence} {verdict.advice}"
    return [("warning", with_units(words))]
