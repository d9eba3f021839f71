"""`conformix status`: what a job is doing, once or until it ends."""

import shutil
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from napari_conformix.cli.runs.curves import curve_lines, duration, loss_curves, memory
from napari_conformix.cli.runs.progress import epoch_line, terms_table
from napari_conformix.runs import Event, Failed, Warning
from napari_conformix.training.events import Checkpoint, Epoch, Finished, Started, Step, Terms

if TYPE_CHECKING:
    from rich.console import Group

    from napari_conformix.jobs import Job

E = TypeVar("E", bound=Event)
#: how many different warnings are shown
MOST_WARNINGS = 5
IN_WORDS = {
    "created": "not trained yet",
    "running": "training",
    "paused": "paused",
    "stopped": "stopped by the user",
    "interrupted": "interrupted (its process is gone)",
    "failed": "failed",
    "finished": "finished",
}


def print_status(job: "Job") -> None:
    """Print the state of a job once."""
    width = shutil.get_terminal_size().columns
    print("\n".join(status_lines(job, job.events(), width)))


def follow_status(job: "Job") -> None:
    """Show the state as it changes until the run ends; in a log file, a line an epoch."""
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    if not console.is_terminal:
        _follow_as_lines(job)
        return
    seen: list[Event] = []
    drawn = float("-inf")
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for event in job.follow():
            seen.append(event)
            if time.monotonic() - drawn > 0.2:
                live.update(_view(job, seen, console.width), refresh=True)
                drawn = time.monotonic()
    console.print("\n".join(status_lines(job, seen, console.width)), markup=False)


def _follow_as_lines(job: "Job") -> None:
    seen: list[Event] = []
    for event in job.follow():
        seen.append(event)
        if isinstance(event, Epoch):
            print(epoch_line(event), flush=True)
        elif isinstance(event, Warning):
            print(f"Warning: {event.message}", flush=True)
    print("\n".join(_heading(job, seen)))


def _view(job: "Job", seen: Sequence[Event], width: int) -> "Group":
    from rich.console import Group
    from rich.text import Text

    text = Text("\n".join(status_lines(job, seen, width)), no_wrap=True, overflow="ellipsis")
    terms: Terms = {}
    for event in seen[-20:]:
        if isinstance(event, Step):
            terms |= event.terms
    return Group(text, terms_table(terms)) if terms else Group(text)


def status_lines(job: "Job", events: Sequence[Event], width: int) -> list[str]:
    """State, speed and time left, curves and warnings, as lines of `width` characters."""
    lines = _heading(job, events)
    curves = curve_lines(loss_curves(events), width)
    labels = [event.headline_label for event in events if isinstance(event, Started)]
    lines += [f"{labels[-1]}:", *curves] if labels and curves else curves
    begun = max((i for i, e in enumerate(events) if isinstance(e, Started)), default=0)
    present = events[begun:]  # what a run before this one warned of is no longer so
    warnings = list(dict.fromkeys(e.message for e in present if isinstance(e, Warning)))
    if len(warnings) > MOST_WARNINGS:
        lines.append(f"The last {MOST_WARNINGS} of {len(warnings)} warnings:")
    lines += [f"Warning: {message}" for message in warnings[-MOST_WARNINGS:]]
    return lines


def _heading(job: "Job", events: Sequence[Event]) -> list[str]:
    state = job.state
    lines = [f"{job.folder}: {job.spec.method}, {IN_WORDS[state]}"]
    started = _last(events, Started)
    if started is not None:
        held_out = f"{started.validation_particles:,} of {started.particles:,} particles held out"
        lines.append(f"{held_out}, batch {started.batch_size}, on {started.device}")
    if state in ("running", "paused"):
        lines += _now(events)
    if job.model_biased is not None:
        lines.append(job.model_biased)
    epoch, saved = _last(events, Epoch), _last(events, Checkpoint)
    if epoch is not None and state not in ("running", "paused"):
        # an epoch whose checkpoint could not be written is done again
        lines.append(f"{saved.epoch if saved else 0} of {epoch.epochs} epochs done")
    failed, finished = _last(events, Failed), _last(events, Finished)
    if state == "failed" and failed is not None:
        lines.append(failed.message)
    if finished is not None and finished.best_epoch and state in ("finished", "stopped"):
        chosen = finished.chosen_epoch == finished.best_epoch
        told = "; latents and maps are of it" if chosen else ""
        lines.append(f"best epoch {finished.best_epoch}{told}")
    if state in ("stopped", "interrupted", "failed") and epoch is not None:
        lines.append(f"Go on with: conformix train {job.folder} --resume")
    if state == "created":
        lines.append(f"Train it with: conformix train {job.folder}")
    return lines


def _now(events: Sequence[Event]) -> list[str]:
    """Where a running job is, from its newest step or epoch."""
    step, epoch = _last(events, Step), _last(events, Epoch)
    if step is None and epoch is None:
        return []
    if step is None or (epoch is not None and epoch.time > step.time):
        assert epoch is not None
        where = f"epoch {epoch.epoch} of {epoch.epochs} done"
        newest: Step | Epoch = epoch
    else:
        percent = 100 * step.done // max(step.total, 1)
        where, newest = f"epoch {step.epoch} {step.phase}, {percent} % of it done", step
    speed = f"{newest.images_per_second:,.0f} images/s, " if newest.images_per_second else ""
    left, used = duration(newest.eta_seconds), memory(newest.memory_bytes)
    return [f"{where}; {speed}{left} left, memory {used}"]


def _last(events: Sequence[Event], kind: type[E]) -> E | None:
    """The newest event of a kind."""
    return next((event for event in reversed(events) if isinstance(event, kind)), None)
