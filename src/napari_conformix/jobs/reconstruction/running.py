"""A reconstruction in this process: from `reconstruction.toml` to half maps and report.

The sums over particles are saved every few minutes, at a pause and at a stop, with the number of
batches in them. Batches are cut the same way ever again and added in the same order, so that a
reconstruction that was interrupted gives the same maps, bit for bit, as one that was not.
"""

import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np

from napari_conformix.errors import UserError
from napari_conformix.jobs.folder import load_or_make_split
from napari_conformix.jobs.reconstruction.events import (
    ReconstructionFinished,
    ReconstructionProgress,
)
from napari_conformix.jobs.reconstruction.layout import ROWS
from napari_conformix.jobs.reconstruction.results import Outcome, write_results
from napari_conformix.jobs.reconstruction.spec import ReconstructionSpec
from napari_conformix.jobs.reconstruction.sums import Accumulation, particles_in_sums
from napari_conformix.jobs.reconstruction.warping import Stopped, deform
from napari_conformix.jobs.training import running
from napari_conformix.runs import (
    Event,
    EventLog,
    Failed,
    FolderControl,
    is_disk_full,
    layout,
    lock,
    logged,
    remove_leftovers,
    stop_on_signals,
)


def run(
    folder: Path, *, launched: bool = False, stop: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Reconstruct what `folder` asks for, writing and yielding its events; goes on with the sums
    of an earlier run where there are some.

    Ctrl-C, SIGTERM and the file RELION_JOB_ABORT_NOW stop it after the current batch, with the
    sums saved. The last event is `finished` or `failed`, and a marker file says the same.
    `stop` is one more way to ask for that. `launched` says that the launcher took the lock in
    this process's name.
    """
    owner = lock.Owner.of_process(os.getpid())
    spec = ReconstructionSpec.read(folder)
    with lock.guard(folder):
        if not (launched and lock.is_held(folder, owner)):
            refuse_if_running(folder)
            clear_old_state(folder)
            lock.take(folder, owner)
    control = _Control(folder, asked=stop)
    marker = layout.ABORTED
    try:
        with (
            lock.heartbeat(folder),
            stop_on_signals(control.stop),
            EventLog(folder / layout.EVENTS) as log,
        ):
            for event in logged(_guarded(_reconstruct(folder, spec, control), folder), log):
                marker = _marker(event)
                yield event
    finally:
        running.mark(folder, marker)
        lock.release(folder, owner)


def refuse_if_running(folder: Path) -> None:
    """UserError naming the process that reconstructs in `folder`, if there is one."""
    owner = lock.live_owner(folder)
    if owner is not None:
        raise UserError(f"The reconstruction in {folder} is under way: {owner.in_words()}.")


def clear_old_state(folder: Path) -> None:
    """Remove how the last run ended and what was asked of it."""
    for name in (*layout.MARKERS, layout.ABORT_FILE, layout.PAUSE_FILE):
        (folder / name).unlink(missing_ok=True)
    remove_leftovers(folder)


def _marker(event: Event) -> str:
    if isinstance(event, Failed):
        return layout.FAILURE
    if isinstance(event, ReconstructionFinished) and event.reason == "completed":
        return layout.SUCCESS
    return layout.ABORTED


def _guarded(events: Iterator[Event], folder: Path) -> Iterator[Event]:
    """The same events; an error becomes a last `failed` with a sentence for the user."""
    from napari_conformix.training.stepping import is_out_of_memory

    try:
        yield from events
    except UserError as error:
        yield Failed(message=str(error))
    except Exception as error:
        go_on = "The sums saved last stand: resume when that is mended."
        if is_disk_full(error):
            message = f"The disk that holds {folder} is full. {go_on}"
        elif is_out_of_memory(error):
            message = f"The memory ran out: {error}. {go_on}"
        else:
            message = f"An unexpected error ({type(error).__name__}: {error}). {go_on}"
        yield Failed(message=message, traceback="".join(traceback.format_exception(error)))


@dataclass
class _Control(FolderControl):
    """Control by the folder, and by a function."""

    asked: Callable[[], bool] = lambda: False

    def stop_requested(self) -> bool:
        return self.asked() or super().stop_requested()


def _reconstruct(folder: Path, spec: ReconstructionSpec, control: _Control) -> Iterator[Event]:
    """Everything between `reconstruction.toml` and the report; ends early after a stop."""
    from napari_conformix.jobs.folder import JobFolder
    from napari_conformix.reconstruction import HalfReconstructions
    from napari_conformix.training.devices import resolve_device, use_threads

    began = monotonic()
    yield ReconstructionProgress(phase="preparing", message="Reading the particle file")
    job = JobFolder.open(spec.job_folder(folder))
    use_threads(job.settings)
    rows = np.load(folder / ROWS, allow_pickle=False)
    independent = job.method_class.independent_halves
    split = load_or_make_split(job.folder, job.particles, job.settings, independent)
    frame = job.spec.grids.frame()
    outcome = Outcome(job, folder, spec, began, resolve_device(spec.settings.device))
    try:
        warps = (yield from deform(outcome, rows, control)) if spec.deformed else None
    except Stopped:
        yield ReconstructionFinished(
            reason="stopped", done=particles_in_sums(folder), seconds=monotonic() - began
        )
        return
    sums = HalfReconstructions(
        split.half, frame.box, frame.pixel_size_angstrom, warps=warps, device=outcome.device
    )
    accumulation = Accumulation(outcome, sums, rows, split.half, control)
    yield from accumulation.events()
    if not accumulation.complete:
        yield ReconstructionFinished(
            reason="stopped", done=accumulation.done, seconds=monotonic() - began
        )
        return
    outcome.images_per_second = accumulation.images_per_second
    yield from write_results(outcome, sums)
