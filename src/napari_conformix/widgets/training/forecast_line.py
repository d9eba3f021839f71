"""What a run would take, said before Train is pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_conformix.errors import UserError
from napari_conformix.widgets.parts import hint, in_bytes, in_words

if TYPE_CHECKING:
    from napari_conformix.jobs.training import Forecast, Forecaster
    from napari_conformix.training.settings import TrainingSettings
    from napari_conformix.widgets.session import Session
    from napari_conformix.widgets.training.job_form import JobForm

#: quiet after the last change before a measurement begins
_DELAY_MS = 1200
#: settings that change neither the time of an epoch nor the memory
_FREE = ("epochs", "seed", "keep_checkpoints")


class ForecastLine(QWidget):
    """Measures a few steps in a process of its own when what would be trained has changed."""

    def __init__(self, session: Session, form: JobForm) -> None:
        super().__init__()
        self._session, self._form = session, form
        self.text = hint()
        self.forecast: Forecast | None = None
        self._measured: dict[str, Any] = {}
        self._asked: dict[str, Any] = {}
        self._forecaster: Forecaster | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self._measure)
        form.changed.connect(self.refresh)
        for signal in (session.particles_opened, session.inputs_changed, session.job_closed):
            signal.connect(lambda *_: self.refresh())
        session.job_opened.connect(lambda *_: self._leave_off())
        self.destroyed.connect(lambda *_: self._leave_off())

    def showEvent(self, event: QShowEvent) -> None:
        """The page came to the front."""
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Say what is known of what the form says now, and have the rest measured."""
        wanted = self._wanted()
        self.setVisible(wanted is not None)
        if wanted is None:
            self._leave_off()
        elif wanted == self._measured and self.forecast is not None:
            self._timer.stop()
            self.text.setText(in_a_sentence(self.forecast, self._settings().epochs))
        elif wanted != self._asked and self.isVisible():
            self.text.setText("Estimate: measuring some steps on a few particles …")
            self._timer.start()

    # -- inside -----------------------------------------------------------------------------------

    def _settings(self) -> TrainingSettings:
        return self._form.request()["settings"]

    def _wanted(self) -> dict[str, Any] | None:
        """What decides time and memory; None when there is nothing to train."""
        if self._session.job is not None or not self._form.ready():
            return None
        settings = self._session.draft_settings
        if settings is None:
            return None
        inputs = self._session.inputs
        names = ("particles", "passthrough", "datadir", "consensus", "mask")
        return {
            "method": self._form.method.currentData(),
            "inputs": {name: getattr(inputs, name) for name in names},
            "settings": settings.model_dump(exclude=set(_FREE)),
        }

    def _measure(self) -> None:
        wanted = self._wanted()
        if wanted is None:
            return
        self._asked = wanted
        settings = self._session.draft_settings
        if self._forecaster is not None:
            self._forecaster.cancel()

        def measure() -> Forecast | None:
            from napari_conformix.jobs.folder import Inputs
            from napari_conformix.jobs.training import Forecaster

            self._forecaster = Forecaster()
            return self._forecaster.forecast(
                wanted["method"], Inputs.model_validate(wanted["inputs"]), settings
            )

        def done(forecast: Forecast | None) -> None:
            if forecast is not None and wanted == self._asked:
                self.forecast, self._measured = forecast, wanted
                self.refresh()

        def failed(error: Exception) -> None:
            if wanted == self._asked:
                reason = str(error) if isinstance(error, UserError) else f"{error}"
                self.text.setText(f"No estimate: {reason}")

        self._session.run_in_worker(measure, done, failed, key="forecast")

    def _leave_off(self) -> None:
        self._timer.stop()
        self._asked = {}
        if self._forecaster is not None:
            self._forecaster.cancel()


def in_a_sentence(forecast: Forecast, epochs: int) -> str:
    """'Estimate on cpu (1 thread): 41 min for 36 epochs (68 s each), 1.3 GB of memory, ...'."""
    parts = [
        f"about {in_words(forecast.seconds(epochs))} for {epochs} epochs "
        f"({_short(forecast.epoch_seconds)} each)",
        f"{in_bytes(forecast.memory_bytes)} of memory",
        f"{forecast.batch_size} particles a step",
    ]
    if forecast.size:
        parts.append(forecast.size)
    return f"Estimate, measured on {forecast.device}: {', '.join(parts)}."


def _short(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else in_words(seconds)
