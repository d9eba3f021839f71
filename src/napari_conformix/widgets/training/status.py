"""What the events and the state of a training say. No Qt."""

from __future__ import annotations

from typing import Final

from napari_conformix.training import events as ev
from napari_conformix.training.events import FIRST_PASS
from napari_conformix.widgets.parts import (
    in_bytes,
    in_words,
)
from napari_conformix.widgets.runs import Progress

_NOT_STARTED: Final = "not started"
#: phases of steps that train nothing
BESIDE_TRAINING: Final = ("encoding", FIRST_PASS)


class TrainingStatus:
    """Reads the events of one training."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin with another run."""
        self.last_epoch = 0
        self.epochs = 0
        self._numbers: dict[str, str] = {}
        self._warned: dict[str, int] = {}
        self._noted: list[tuple[int, str]] = []
        self._share, self._stage = 0.0, _NOT_STARTED
        self._say_outcome("")

    def take(self, events: list[ev.Event]) -> None:
        """These happened, after those that were taken before."""
        for event in events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)

    def say_stage(self, what: str) -> None:
        """What goes on before there are events."""
        self._stage = what

    def take_state(self, state: str) -> None:
        """Say what a state means and what can be done, where the events do not."""
        if state == "interrupted":
            last = f" after epoch {self.last_epoch}" if self.last_epoch else ""
            self._say_outcome(
                f"The trainer ended without a word{last} (killed, or the machine went down). "
                "Resume goes on from the last checkpoint.",
                "warning",
            )
            self._numbers.pop("eta", None)
        elif state in ("starting", "running", "paused"):
            self._say_outcome("")  # how an earlier run ended
            if state == "running" and self._stage == _NOT_STARTED:
                self.say_stage("starting …")
        elif state == "created":
            self.say_stage("ready to train")

    def progress(self) -> Progress:
        """All of it in words."""
        severity, text, traceback = self._outcome
        return Progress(
            share=self._share,
            stage=self._stage,
            numbers=tuple(self._numbers.values()),
            outcome=((severity, text),) if text else (),
            traceback=traceback,
            warnings=tuple(_counted(text, count) for text, count in self._warned.items()),
            notices=tuple(f"Epoch {epoch}: {message}" for epoch, message in self._noted),
        )

    # -- one kind of event each -------------------------------------------------------------------

    def _preparing(self, event: ev.Preparing) -> None:
        self._say_outcome("")
        share = event.done / event.total if event.total else 0
        self._share = share
        self._stage = event.message.rstrip(". ") + (f": {100 * share:.0f} %" if share else "")

    def _started(self, event: ev.Started) -> None:
        self._say_outcome("")
        self._noted = [note for note in self._noted if note[0] < event.first_epoch]
        self.epochs, self.last_epoch = event.epochs, event.first_epoch - 1
        self._numbers = {"device": f"on {event.device}"}
        if event.estimated_seconds is not None:
            self._numbers["eta"] = f"about {in_words(event.estimated_seconds)} in all"
        if event.estimated_memory_bytes is not None:
            self._numbers["memory"] = f"{in_bytes(event.estimated_memory_bytes)} of memory"
        self._numbers["batch"] = f"{event.batch_size} particles a step"
        self._progress(self.last_epoch, "starting")

    def _step(self, event: ev.Step) -> None:
        share = event.done / max(event.total, 1)
        if event.phase in BESIDE_TRAINING:
            self._stage = f"{self._beside_training(event)} · {100 * share:.0f} %"
        else:
            self._progress(event.epoch - 1 + share, f"epoch {event.epoch} of {self.epochs}")
        self._rates(event)

    def _epoch(self, event: ev.Epoch) -> None:
        self.epochs, self.last_epoch = event.epochs, event.epoch
        self._progress(event.epoch, f"epoch {event.epoch} of {event.epochs} done")
        self._rates(event)

    def _latents(self, event: ev.Latents) -> None:
        self._progress(self.last_epoch, f"epoch {self.last_epoch} of {self.epochs} done")

    def _warning(self, event: ev.Warning) -> None:
        self._warned[event.message] = self._warned.get(event.message, 0) + 1

    def _notice(self, event: ev.Notice) -> None:
        self._noted.append((event.epoch, event.message))

    def _paused(self, event: ev.Paused) -> None:
        self._numbers.pop("eta", None)

    def _failed(self, event: ev.Failed) -> None:
        self._say_outcome(event.message, "error", event.traceback)
        self._numbers.pop("eta", None)

    def _finished(self, event: ev.Finished) -> None:
        how = {
            "completed": "All epochs are done.",
            "converged": self._why_converged(event.epoch),
            "stopped": f"Stopped after epoch {event.epoch}. Resume goes on from there.",
        }[event.reason]
        if event.chosen_epoch:
            best = (
                f" The result is that of epoch {event.chosen_epoch}, the best on held-out "
                "particles: the latent space view and decoded maps are of it."
            )
        else:
            best = f" The best epoch is {event.best_epoch}." if event.best_epoch else ""
        explore = " See the Explore page." if event.epoch else ""
        self._say_outcome(how + best + explore, "note")
        self._numbers.pop("eta", None)

    def _beside_training(self, event: ev.Step) -> str:
        """What is done with all particles before or after an epoch."""
        if event.phase != "encoding":
            return event.phase
        if event.epoch < self.last_epoch:
            return f"placing all particles by the model of epoch {event.epoch}"
        return f"epoch {event.epoch} of {self.epochs} done, placing all particles"

    # -- inside -----------------------------------------------------------------------------------

    def _why_converged(self, epoch: int) -> str:
        """The method's own words where it gave some with its last epoch."""
        last = [message for noted, message in self._noted if noted == epoch]
        return last[-1] if last else "The run ended because the validation loss no longer falls."

    def _progress(self, epochs_done: float, what: str) -> None:
        self._share = min(epochs_done / max(self.epochs, 1), 1.0)
        self._stage = f"{what} · {100 * self._share:.0f} %"

    def _rates(self, event: ev.Step | ev.Epoch) -> None:
        if event.eta_seconds is not None:
            self._numbers["eta"] = f"{in_words(event.eta_seconds)} left"
        if event.images_per_second is not None:
            self._numbers["speed"] = f"{event.images_per_second:,.0f} images/s"
        if event.memory_bytes is not None:
            self._numbers["memory"] = f"{in_bytes(event.memory_bytes)} of memory"

    def _say_outcome(self, text: str, severity: str = "note", traceback: str = "") -> None:
        self._outcome = severity, text, traceback


def _counted(text: str, count: int) -> str:
    return f"{text} ({count} times)" if count > 1 else text


_HANDLERS = {
    ev.Preparing: TrainingStatus._preparing,
    ev.Started: TrainingStatus._started,
    ev.Step: TrainingStatus._step,
    ev.Epoch: TrainingStatus._epoch,
    ev.Latents: TrainingStatus._latents,
    ev.Warning: TrainingStatus._warning,
    ev.Notice: TrainingStatus._notice,
    ev.Paused: TrainingStatus._paused,
    ev.Failed: TrainingStatus._failed,
    ev.Finished: TrainingStatus._finished,
}
