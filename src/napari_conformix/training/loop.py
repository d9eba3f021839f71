"""The training loop that every method shares: a generator of events.

    epoch:  start_epoch -> steps (halves in turn) -> validation -> checkpoint -> latents -> volume
    end:    for a method that chooses its epoch, latents and volume of the best one

An epoch is the unit of resuming: everything random in it follows from (seed, epoch), so a run that
was killed goes on from its last checkpoint exactly as if it had not been.
"""

import contextlib
import socket
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from os import getpid
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch

from napari_conformix.errors import UserError
from napari_conformix.runs import Control, layout, versions
from napari_conformix.training import events
from napari_conformix.training.batches import (
    Batches,
    Rows,
    Task,
    epoch_seed,
    epoch_tasks,
    first_pass_tasks,
    make_sampler,
    prefetched,
    validation_tasks,
)
from napari_conformix.training.checkpoints import CheckpointFolder, load_weights
from napari_conformix.training.chosen_epoch import Choice
from napari_conformix.training.contract import Batch, Method, Sampler
from napari_conformix.training.devices import device_in_words
from napari_conformix.training.estimate import Estimate, choose_batch_size, measure
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.monitor import Clock, Means, learning_rates, memory_bytes
from napari_conformix.training.results import Results
from napari_conformix.training.settings import TrainingSettings
from napari_conformix.training.split import Split
from napari_conformix.training.stepping import Stepper, inference

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SECONDS_BETWEEN_STEP_EVENTS = 0.5
#: in epochs of many minutes, so that the log of a long run stays readable at once
MOST_SECONDS_BETWEEN_STEP_EVENTS = 2.0
SECONDS_BETWEEN_LOOKS_IN_A_PAUSE = 0.1

Result = TypeVar("Result")


def train(
    method: Method,
    data: Batches,
    split: Split,
    settings: TrainingSettings,
    *,
    folder: Path,
    fabric: "Fabric",
    control: Control,
    consensus: torch.Tensor,
    mask: torch.Tensor | None = None,
    resume: bool = False,
) -> Iterator[events.Event]:
    """Train `method` and yield what happens, from `started` to `finished`.

    Parameters
    ----------
    method
        Freshly constructed on the fabric's device.
    data, split
        Batches by row, and which rows train what; N of both must agree.
    settings
        The method's settings; `settings.epochs` is the epoch to train up to.
    folder
        The job folder: checkpoints/, latents.npz and volumes/ are written there.
    consensus, mask
        (z, y, x) on the consensus grid; used when training begins, not on resume.
    resume
        Go on from the last checkpoint if there is one.

    Raises UserError for what the user can fix, OSError when the disk is full; `guarded` makes
    `failed` events of them. Closing the generator ends the run after the current step; the last
    checkpoint stands.
    """
    if len(data) != len(split):
        raise ValueError(f"{len(data)} particles but a split of {len(split)}")
    run = _Run(method, data, split, settings, folder, fabric, control)
    for event in data.prepare():
        yield event
        if control.stop_requested():
            yield events.Finished(epoch=run.checkpoints.last() or 0, reason="stopped")
            return
    yield from run.start(consensus, mask, resume=resume)
    yield from run.epochs()


@dataclass
class _Best:
    epoch: int | None = None
    loss: float = float("inf")


class _Run:
    """The state of one run between its epochs."""

    def __init__(
        self,
        method: Method,
        data: Batches,
        split: Split,
        settings: TrainingSettings,
        folder: Path,
        fabric: "Fabric",
        control: Control,
    ) -> None:
        self.method = method
        method.particles = len(split)
        self.data = data
        self.split = split
        self.settings = settings
        self.folder = folder
        self.fabric = fabric
        self.control = control
        self.checkpoints = CheckpointFolder(folder / layout.CHECKPOINTS)
        self.results = Results(method, data, split, settings, folder, fabric)
        self.held_out = type(method).held_out_step is not Method.held_out_step
        self.classes = method.batch_classes(data.rotation)
        self.best = _Best()
        self.last_loss = float("nan")
        self.done_epochs = 0
        #: why training ended before its last epoch, a sentence of the method
        self.converged: str | None = None
        self.facts: dict[str, Any] = {}

    # -- before the first epoch -------------------------------------------------------------------

    def start(
        self, consensus: torch.Tensor, mask: torch.Tensor | None, *, resume: bool
    ) -> Iterator[events.Event]:
        last = self.checkpoints.last() if resume else None
        smallest = min(len(self.split.rows(half, "train")) for half in self.method.halves)
        if last is None:
            torch.manual_seed(epoch_seed(self.settings.seed, 0))
            self.facts = self.method.initialise(consensus, mask)
            batch_size = choose_batch_size(self.method, self.settings.batch_size, smallest)
        else:
            batch_size = self._restore(last)
        self.results.restore(self.done_epochs)
        if not self._over():
            yield events.Preparing(message="Measuring the time and memory of a training step")
            estimate = self._measure(batch_size)
        else:
            estimate = Estimate(0.0, memory_bytes(self.method.device), batch_size)
        self.stepper = Stepper(self.method, self.fabric, estimate.batch_size)
        first = self.done_epochs + 1
        self.clock = Clock(self.settings.epochs, first, estimate.epoch_seconds)
        yield self._started(estimate)
        if estimate.batch_size < batch_size:
            yield events.Warning(
                message=f"A batch of {batch_size} particles did not fit in memory; training "
                f"with batches of {estimate.batch_size}."
            )

    def _restore(self, epoch: int) -> int:
        """Method, counters and batch size as they were when `epoch` was done."""
        weights, described = load_weights(self.checkpoints.find(epoch))
        if described.method != self.method.name:
            raise UserError(
                f"The checkpoint is of the method {described.method!r}, the job of "
                f"{self.method.name!r}."
            )
        state = self.checkpoints.load_resume(epoch)
        self.method.load_state(weights)
        self.method.load_resume_state(state["method"])
        self.best = _Best(state["best_epoch"], state["best_loss"])
        self.last_loss = state.get("loss", float("nan"))
        self.facts = state["facts"]
        self.done_epochs = epoch
        if self.settings.epochs <= state.get("epochs", self.settings.epochs):
            self.converged = state.get("converged")  # else the user asked for more
        return int(state["batch_size"])

    def _measure(self, batch_size: int) -> Estimate:
        # The last epoch is the one to measure: the first ones may train only a part (warm-up).
        epoch = self.settings.epochs
        tasks = self._tasks(epoch, batch_size)
        return measure(
            self.method,
            self.data,
            tasks,
            fabric=self.fabric,
            batch_size=batch_size,
            epoch=epoch,
            sampler=self._sampler(epoch, batch_size),
            trained=sum(len(task.rows) for task in tasks),
            particles=len(self.split),
        )

    def _started(self, estimate: Estimate) -> events.Started:
        remaining = 0 if self._over() else self.settings.epochs - self.done_epochs
        return events.Started(
            versions=versions(),
            device=device_in_words(self.method.device),
            host=socket.gethostname(),
            pid=getpid(),
            particles=len(self.split),
            training_particles={
                str(half): len(self.split.rows(half, "train")) for half in self.method.halves
            },
            validation_particles=int(self.split.validation.sum()),
            epochs=self.settings.epochs,
            first_epoch=self.done_epochs + 1,
            batch_size=estimate.batch_size,
            estimated_seconds=estimate.epoch_seconds * remaining
            + (0.0 if self.done_epochs else estimate.first_pass_seconds),
            estimated_memory_bytes=estimate.memory_bytes,
            headline=self.method.headline,
            headline_label=self.method.headline_label,
            chooses_epoch=self.method.chooses_epoch,
            facts=self.facts,
        )

    # -- epochs -----------------------------------------------------------------------------------

    def epochs(self) -> Iterator[events.Event]:
        if self._latents_are_behind():
            yield from self._refresh_latents(self.done_epochs)
        if not self._over():
            self.checkpoints.choose(None)
        if self.done_epochs == 0 and self.method.needs_first_pass and not self._over():
            yield from self._first_pass()
        while not self._over() and not self.control.stop_requested():
            epoch = self.done_epochs + 1
            finished = yield from self._epoch(epoch)
            if not finished:
                yield events.Warning(message=_redone(epoch))
                break
        chosen = self.best.epoch if self.method.chooses_epoch else None
        if chosen is not None:
            yield from self._end_on(chosen)
        if self.converged is not None:
            yield events.Notice(epoch=self.done_epochs, message=self.converged)
        yield events.Finished(
            epoch=self.done_epochs,
            reason=self._reason(),
            best_epoch=self.best.epoch,
            chosen_epoch=chosen,
        )

    def _end_on(self, epoch: int) -> Generator[events.Event]:
        """Make an earlier epoch the result: its model, latents and live map.

        Its model is not trained any further; a resume begins from the last checkpoint. A stop
        does not end this, or the latents on disk would be of an epoch that nobody chose.
        """
        if not epoch == self.results.epoch == self.done_epochs:
            self.method.load_state(load_weights(self.checkpoints.find(epoch))[0])
            table = self.results.kept(epoch)
            if table is None:
                table = yield from self._encoded(epoch, stop=lambda: False)
            if table is not None:
                yield self.results.show(table)
            yield from self.results.volumes(epoch)
        self.checkpoints.choose(epoch)
        choice = Choice(
            epoch, self.best.loss, self.done_epochs, self.last_loss, self.method.headline_label
        )
        yield events.Notice(epoch=epoch, message=choice.sentence())

    def _first_pass(self) -> Generator[events.Event]:
        """Show every training particle to a method that keeps something of each."""
        tasks = first_pass_tasks(self.split, self.method.halves, self.stepper.batch_size)
        total = sum(len(task.rows) for task in tasks)
        torch.manual_seed(epoch_seed(self.settings.seed, 0))

        def work() -> Generator[tuple[int, int]]:
            done = 0
            with prefetched(lambda task: self.data.batch(task.rows), tasks) as batches:
                for task, batch in batches:
                    if self.control.stop_requested():
                        return
                    with inference(self.fabric):
                        self.method.first_pass(batch.to(self.method.device), task.half)
                    done += len(batch)
                    yield done, total

        yield events.Preparing(message=events.FIRST_PASS)
        yield from self._progress(1, events.FIRST_PASS, work())

    def _over(self) -> bool:
        """Whether no epoch is left to do."""
        return self.converged is not None or self.done_epochs >= self.settings.epochs

    def _reason(self) -> Literal["completed", "stopped", "converged"]:
        if self.converged is not None:
            return "converged"
        return "completed" if self._over() else "stopped"

    def _epoch(self, epoch: int) -> Generator[events.Event, None, bool]:
        """Train, validate, save and show one epoch; returns False when stopped in the middle."""
        torch.manual_seed(epoch_seed(self.settings.seed, epoch))
        self.clock.start_epoch(epoch)
        sampler = self._sampler(epoch, self.stepper.batch_size)
        scalars = self.method.start_epoch(epoch, sampler)
        for message in self.method.notices():
            yield events.Notice(epoch=epoch, message=message)
        phase = self.method.phase(epoch)
        train = Means()
        if not (yield from self._steps(epoch, phase, train)):
            return False
        seconds = self.clock.elapsed()
        validation = yield from self._validate()
        if validation is None:
            return False
        scalars |= _scalars_of(train, self.method)
        self.converged = self.method.end_epoch(epoch, train.values(), validation)
        self.done_epochs = epoch
        yield self._epoch_event(epoch, phase, train, validation, scalars, seconds)
        yield from self._save(epoch, validation)
        final = self._over()
        if self.results.schedule.due(epoch, final=final):
            yield from self._refresh_latents(epoch)
        if final or epoch == 1 or epoch % self.settings.volume_every == 0:
            yield from self.results.volumes(epoch)
        self.clock.end_epoch()
        return True

    def _steps(self, epoch: int, phase: str, means: Means) -> Generator[events.Event, None, bool]:
        """All training steps of an epoch; returns False when stopped in the middle."""
        tasks = self._tasks(epoch, self.stepper.batch_size)
        self.stepper.start_epoch(len(tasks))
        total = sum(len(task.rows) for task in tasks)
        done, recent, since, done_before = 0, Means(), monotonic(), 0
        with prefetched(lambda task: self.data.batch(task.rows), tasks) as batches:
            for task, batch in batches:
                yield from self._pause(epoch)
                if self.control.stop_requested():
                    return False
                held_out = task.purpose == "held_out"
                self.method.begin_step(epoch - 1 + done / total)
                batch = batch.to(self.method.device)
                for result in self.stepper.step(batch, task.half, held_out=held_out):
                    terms = {"held_out": result.terms["loss"]} if held_out else result.terms
                    means.add(task.half, terms, result.count)
                    recent.add(task.half, terms, result.count)
                yield from self._messages()
                done += len(task.rows)
                elapsed = monotonic() - since
                if elapsed >= self._seconds_between_steps() or done == total:
                    yield events.Step(
                        epoch=epoch,
                        phase=phase,
                        done=done,
                        total=total,
                        terms=recent.values(without=self.method.scalar_terms),
                        images_per_second=(done - done_before) / max(elapsed, 1e-9),
                        eta_seconds=self.clock.eta(done / total),
                        memory_bytes=memory_bytes(self.method.device),
                    )
                    recent, since, done_before = Means(), monotonic(), done
        if self.stepper.skipped:
            yield events.Warning(
                message=f"{self.stepper.skipped} step(s) of epoch {epoch} gave a loss or gradient "
                "that is not a finite number and were left out."
            )
        return True

    def _seconds_between_steps(self) -> float:
        """About 200 step events an epoch, but one every half to two seconds."""
        wanted = self.clock.elapsed() / 200
        return min(max(wanted, SECONDS_BETWEEN_STEP_EVENTS), MOST_SECONDS_BETWEEN_STEP_EVENTS)

    def _validate(self) -> Generator[events.Event, None, events.Terms | None]:
        """Loss terms of held-out particles; returns None when stopped in the middle."""
        means = Means()
        tasks = validation_tasks(self.split, self.method.halves, self.stepper.batch_size)
        with prefetched(lambda task: self.data.batch(task.rows), tasks) as batches:
            for task, batch in batches:
                yield from self._pause(self.done_epochs + 1)
                if self.control.stop_requested():
                    return None
                with inference(self.fabric):
                    terms = self.method.validation_step(batch.to(self.method.device), task.half)
                means.add(task.half, terms, len(batch))
        return means.values(without=self.method.scalar_terms)

    def _epoch_event(
        self,
        epoch: int,
        phase: str,
        train: Means,
        validation: events.Terms,
        scalars: dict[str, float],
        seconds: float,
    ) -> events.Epoch:
        particles = sum(len(self.split.rows(half, "train")) for half in self.method.halves)
        return events.Epoch(
            epoch=epoch,
            epochs=self.settings.epochs,
            phase=phase,
            train=train.values(without=self.method.scalar_terms),
            validation=validation,
            headline=self.method.headline,
            scalars=scalars,
            curves=_short(self.method.curves()),
            learning_rates=learning_rates(self.method),
            skipped_steps=self.stepper.skipped,
            images_per_second=particles / max(seconds, 1e-9),
            seconds=self.clock.elapsed(),
            eta_seconds=self.clock.eta(1.0),
            memory_bytes=memory_bytes(self.method.device),
        )

    def _save(self, epoch: int, validation: events.Terms) -> Iterator[events.Event]:
        losses = [terms[self.method.headline] for terms in validation.values()]
        loss = sum(losses) / len(losses) if losses else float("nan")
        best = loss < self.best.loss  # False for NaN
        if best:
            self.best = _Best(epoch, loss)
        self.last_loss = loss
        resume = {
            "method": self.method.resume_state(),
            "batch_size": self.stepper.batch_size,
            "best_epoch": self.best.epoch,
            "best_loss": self.best.loss,
            "loss": loss,
            "facts": self.facts,
            "epochs": self.settings.epochs,
            "converged": self.converged,
        }
        path = self.checkpoints.save(self.method, epoch, resume, best=best)
        self.checkpoints.prune(self.settings.keep_checkpoints, also=self.results.epoch)
        relative = path.relative_to(self.folder).as_posix()
        yield events.Checkpoint(epoch=epoch, path=relative, best=best)

    def _latents_are_behind(self) -> bool:
        """After a kill between the last checkpoint and its latents, with no epoch left to do."""
        if self.done_epochs == 0 or not self._over():
            return False
        if self.checkpoints.chosen() is not None:
            return False  # they are of the chosen epoch, as they should be
        return (self.results.epoch or 0) < self.done_epochs

    def _refresh_latents(self, epoch: int) -> Generator[events.Event]:
        start = monotonic()
        table = yield from self._encoded(epoch, stop=self.control.stop_requested)
        if table is None:
            return
        # first what an earlier end of the run would miss, then what makes it seen
        best = epoch == self.best.epoch
        self.results.keep(table, checkpoints=self.checkpoints.epochs(), best=best)
        yield self.results.show(table)
        self.results.schedule.passed(monotonic() - start)

    def _encoded(
        self, epoch: int, *, stop: Callable[[], bool]
    ) -> Generator[events.Event, None, LatentTable | None]:
        """All particles, by the method as it is now; None when `stop` said so meanwhile."""
        encoding = self.results.encode(epoch, self.stepper.batch_size, stop)
        return (yield from self._progress(epoch, "encoding", encoding))

    def _progress(
        self, epoch: int, phase: str, work: Generator[tuple[int, int], None, Result]
    ) -> Generator[events.Event, None, Result]:
        """Do `work`, showing how far it is and heeding a pause; returns its result."""
        told = monotonic()
        with contextlib.closing(work):
            while True:
                try:
                    done, total = next(work)
                except StopIteration as end:
                    result: Result = end.value
                    return result
                yield from self._pause(epoch)
                if monotonic() - told >= SECONDS_BETWEEN_STEP_EVENTS:
                    told = monotonic()
                    yield events.Step(epoch=epoch, phase=phase, done=done, total=total)

    # -- between steps ----------------------------------------------------------------------------

    def _pause(self, epoch: int) -> Iterator[events.Event]:
        if not self.control.pause_requested() or self.control.stop_requested():
            return
        yield events.Paused(epoch=epoch)
        start = monotonic()
        while self.control.pause_requested() and not self.control.stop_requested():
            sleep(SECONDS_BETWEEN_LOOKS_IN_A_PAUSE)
        self.clock.pause(monotonic() - start)
        yield events.Unpaused(epoch=epoch)

    def _messages(self) -> Iterator[events.Event]:
        while self.stepper.messages:
            yield events.Warning(message=self.stepper.messages.pop(0))

    # -- what an epoch is made of -----------------------------------------------------------------

    def _tasks(self, epoch: int, batch_size: int) -> list[Task]:
        return epoch_tasks(
            self.split,
            self.method.halves,
            batch_size,
            seed=self.settings.seed,
            epoch=epoch,
            held_out=self.held_out,
            classes=self.classes,
        )

    def _sampler(self, epoch: int, batch_size: int) -> Sampler:
        def load(rows: Rows) -> Batch:
            return self.data.batch(rows).to(self.method.device)

        return make_sampler(self.split, load, batch_size, seed=self.settings.seed, epoch=epoch)


def _short(curves: dict[str, list[float]]) -> dict[str, list[float]]:
    """Four significant digits, enough for a plot: the log holds a curve for every epoch."""
    return {name: [float(f"{value:.4g}") for value in values] for name, values in curves.items()}


def _scalars_of(train: Means, method: Method) -> dict[str, float]:
    """An epoch's means of the terms that are no losses, named as scalars are."""
    return {
        f"{name}_half{half}" if half != "0" else name: value
        for half, terms in train.values().items()
        for name, value in terms.items()
        if name in method.scalar_terms
    }


def _redone(epoch: int) -> str:
    if epoch == 1:
        return "Stopped in epoch 1, before the first checkpoint; training would begin again."
    return (
        f"Stopped in epoch {epoch}; the checkpoint of epoch {epoch - 1} stands, and resuming "
        f"does epoch {epoch} again."
    )
