"""A run in this process: the lock, the log, signals, and the file that says how it ended.

What is done in the folder is a generator of events; here is what has to be around it.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from napari_conformix.runs import layout, lock
from napari_conformix.runs.control import FolderControl
from napari_conformix.runs.event_log import EventLog, logged
from napari_conformix.runs.events import Event, Failed
from napari_conformix.runs.files import remove_leftovers
from napari_conformix.runs.signals import stop_on_signals


def run_in_folder(
    folder: Path,
    work: Callable[[FolderControl], Iterator[Event]],
    *,
    check: Callable[[], None],
    succeeded: Callable[[Event], bool],
    launched: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Do a work in its folder, writing and yielding its events.

    Ctrl-C, SIGTERM and the file RELION_JOB_ABORT_NOW ask it to stop. Whatever happens, a marker
    file says in the end how it went, and the lock is released.

    Parameters
    ----------
    folder : Path
        Where the run works; one at a time does.
    work : callable
        Given the control that it has to ask between two steps, yields events; errors in it are
        for :func:`guarded`.
    check : callable
        Raises UserError where the run may not begin; called while nobody else can take the lock.
    succeeded : callable
        Whether an event, the last one, says that all was done.
    launched : bool
        The launcher took the lock in this process's name; it has cleared the traces of the last
        run too, and a stop may have been asked for since.
    stop : callable
        One more way to ask for a stop.

    Yields
    ------
    Event
        After it was logged.

    Raises
    ------
    UserError
        Of `check`, or when another process works here; before anything is written.
    """
    owner = lock.Owner.of_process(os.getpid())
    with lock.guard(folder):
        if not (launched and lock.is_held(folder, owner)):
            prepare(folder, check)
            lock.take(folder, owner)
    control = FolderControl(folder, asked=stop)
    marker = layout.ABORTED
    try:
        with (
            lock.heartbeat(folder),
            stop_on_signals(control.stop),
            EventLog(folder / layout.EVENTS) as log,
        ):
            for event in logged(work(control), log):
                marker = _marker(event, succeeded)
                yield event
    finally:
        _mark(folder, marker)
        lock.release(folder, owner)


def prepare(folder: Path, check: Callable[[], None]) -> None:
    """Make a folder ready for a run: how the last one ended, what was asked of it and what it left
    half-written is removed. Call it within `lock.guard`.

    Parameters
    ----------
    folder : Path
        Where the run works.
    check : callable
        Raises UserError where the run may not begin; then nothing is removed.
    """
    check()
    for name in (*layout.MARKERS, layout.ABORT_FILE, layout.PAUSE_FILE):
        (folder / name).unlink(missing_ok=True)
    remove_leftovers(folder)


def _marker(event: Event, succeeded: Callable[[Event], bool]) -> str:
    if isinstance(event, Failed):
        return layout.FAILURE
    return layout.SUCCESS if succeeded(event) else layout.ABORTED


def _mark(folder: Path, marker: str) -> None:
    """Leave the file that says how a run ended; a disk that cannot take it is reported."""
    try:
        (folder / marker).touch()
    except OSError as error:
        print(f"{folder / marker} could not be written: {error}", file=sys.stderr)
