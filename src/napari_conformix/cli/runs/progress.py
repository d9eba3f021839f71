"""The terminal's view of a run in this process: a line an epoch, a bar for what is going on."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Column, Table

from napari_conformix.cli.runs.curves import duration, memory
from napari_conformix.cli.terminal import INTERRUPTED
from napari_conformix.runs import Event, Failed, Warning
from napari_conformix.training.events import (
    FIRST_PASS,
    Epoch,
    Finished,
    Notice,
    Paused,
    Preparing,
    Started,
    Step,
    Terms,
    Unpaused,
)

#: how the name of a fact ends, and its unit
_UNITS = {"_angstrom": " A", "_angstrom3": " A^3"}


def show_run(events: Iterable[Event], job: Path) -> int:
    """Show a run in this process until it ends; returns the exit status: 1 if it failed, 130 if
    Ctrl-C stopped it.

    On a terminal there is a bar and the loss terms of each half below the lines that stay; in a
    log file only these.
    """
    console = Console(highlight=False)
    now = RunNow()
    status = 0
    ctrl_c = CtrlC(console.print)
    live = Live(now.view(), console=console, transient=True) if console.is_terminal else None
    with live or contextlib.nullcontext():
        for event in ctrl_c.answered(events):
            text = line_that_stays(event, job)
            if text is not None:
                console.print(text, markup=False, soft_wrap=True)
            if isinstance(event, Failed):
                print(event.message, event.traceback, sep="\n", file=sys.stderr)
                status = 1
            if isinstance(event, Finished) and event.reason == "stopped" and ctrl_c.pressed:
                status = INTERRUPTED
            now.update(event)
            if live is not None:
                live.update(now.view())
    return status


class RunNow:
    """What is going on: a bar for the epoch, and the loss terms of each half."""

    def __init__(self) -> None:
        self._words = TextColumn("{task.description}", table_column=Column(no_wrap=True))
        self._progress = Progress(BarColumn(bar_width=24), TaskProgressColumn(), self._words)
        self._task = self._progress.add_task("starting", total=None)
        self._terms: Terms = {}

    def update(self, event: Event) -> None:
        """Take over what an event says."""
        match event:
            case Preparing():
                self._show(event.done, event.total, event.message)
            case Step():
                speed = event.images_per_second
                words = event.phase
                if words != FIRST_PASS:
                    words = f"epoch {event.epoch} {words}, left {duration(event.eta_seconds)}"
                words += f", {speed:,.0f} images/s" if speed else ""
                self._show(event.done, event.total, words)
                self._terms = {**self._terms, **event.terms}
            case Paused():
                self._show(0, 0, "paused")

    def view(self) -> Group:
        """The bar, with the table of terms below it once there are some."""
        return (
            Group(self._progress, terms_table(self._terms))
            if self._terms
            else Group(self._progress)
        )

    def _show(self, done: int, total: int, words: str) -> None:
        self._progress.update(self._task, completed=done, total=total or None, description=words)


def terms_table(terms: Terms) -> Table:
    """Halves down, loss terms across."""
    names = list(dict.fromkeys(name for values in terms.values() for name in values))
    table = Table("", *names, box=None, pad_edge=False)
    for half, values in sorted(terms.items()):
        cells = (f"{values[name]:.5g}" if name in values else "" for name in names)
        table.add_row("" if half == "0" else f"half {half}", *cells)
    return table


class CtrlC:
    """Answers the first Ctrl-C of a run at once: the step and its checkpoint may take a while.

    The run handles the signal itself, from before its first event on.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self.pressed = False
        self._say = say

    def answered(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass the events of the run on."""
        iterator = iter(events)
        first = next(iterator, None)
        if first is None:
            return
        stop = signal.getsignal(signal.SIGINT)

        def answer(number: int, frame: FrameType | None) -> None:
            self.pressed = True
            self._say("Stopping after this step; a second Ctrl-C ends it at once.")
            if callable(stop):
                stop(number, frame)

        signal.signal(signal.SIGINT, answer)
        yield first
        yield from iterator


def line_that_stays(event: Event, job: Path) -> str | None:
    """What of an event is worth a line; None for the many that are not."""
    match event:
        case Started():
            return _started(event)
        case Epoch():
            return epoch_line(event)
        case Warning():
            return f"Warning: {event.message}"
        case Notice():
            return event.message
        case Paused():
            return "Paused (the file PAUSE exists in the job folder)."
        case Unpaused():
            return "Going on."
        case Finished(reason="stopped"):
            return f"Stopped in epoch {event.epoch}. Go on with: conformix train {job} --resume"
        case Finished():
            best = f"; the best epoch is {event.best_epoch}" if event.best_epoch else ""
            if event.chosen_epoch:
                best = f"; the result is that of epoch {event.chosen_epoch}"
            return f"Finished ({event.reason}) with epoch {event.epoch}{best}."
    return None


def _started(event: Started) -> str:
    held_out = f", {event.validation_particles:,} of them held out"
    text = f"{event.particles:,} particles{held_out}, on {event.device}, batch {event.batch_size}."
    if event.first_epoch > 1:
        text += f" Going on with epoch {event.first_epoch}."
    text += f" Estimate: {duration(event.estimated_seconds)}"
    text += f" and {memory(event.estimated_memory_bytes)} of memory."
    for name, value in event.facts.items():
        text += f"\n  {fact_line(name, value)}"
    return text


def fact_line(name: str, value: object) -> str:
    """'largest_shift_angstrom', 2.43886566 -> 'largest shift: 2.439 A'."""
    unit = next((end for end in _UNITS if name.endswith(end)), "")
    values = value if isinstance(value, list) else [value]
    said = ", ".join(_in_short(each) for each in values)
    return f"{name.removesuffix(unit).replace('_', ' ')}: {said}{_UNITS.get(unit, '')}"


def _in_short(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"
    return str(value)


def epoch_line(event: Epoch) -> str:
    """The headline term of both halves, speed and time left of one epoch."""
    text = (
        f"epoch {event.epoch:>{len(str(event.epochs))}}/{event.epochs} {event.phase:<9}"
        f" {event.headline}: training {losses(event.train, event.headline)}"
        f"  validation {losses(event.validation, event.headline)}"
    )
    if event.images_per_second:
        text += f"  {event.images_per_second:,.0f} images/s"
    if event.skipped_steps:
        text += f"  {event.skipped_steps} steps skipped (NaN)"
    return text + f"  left {duration(event.eta_seconds)}"


def losses(terms: Terms, term: str) -> str:
    """A loss term of each half, in the order of the halves."""
    values = (terms[half].get(term) for half in sorted(terms))
    return " ".join("-" if value is None else f"{value:.5g}" for value in values)
