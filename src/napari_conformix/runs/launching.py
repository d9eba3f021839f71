"""A run as a process of its own, which outlives whoever started it: beginning it, ending it, and
what its program prints."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from napari_conformix.errors import UserError
from napari_conformix.runs import layout, lock
from napari_conformix.runs.events import Event, Failed
from napari_conformix.runs.running import prepare

#: trainers started by this process; asked for their end, so that none stays a zombie
_started: list[subprocess.Popen[bytes]] = []


def launch(folder: Path, command: list[str], check: Callable[[], None]) -> int:
    """Start a detached process that works in a folder.

    The lock is written in the process's name before this returns: whoever follows the folder from
    now on sees it running, and a second launch is refused.

    Parameters
    ----------
    folder : Path
        Where it works; its output is appended to run.out and run.err there.
    command : list of str
        A program that calls :func:`run_in_folder` with `launched`.
    check : callable
        Raises UserError where the run may not begin.

    Returns
    -------
    int
        The number of the process.
    """
    reap()
    with lock.guard(folder):
        prepare(folder, check)
        return _start(folder, command)


def _start(folder: Path, command: list[str]) -> int:
    with (
        (folder / layout.STDOUT).open("ab") as out,
        (folder / layout.STDERR).open("ab") as err,
    ):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    _started.append(process)
    lock.take(folder, lock.Owner.of_process(process.pid))
    return process.pid


def kill(folder: Path) -> None:
    """End the trainer of a folder at once; the last checkpoint stands.

    Parameters
    ----------
    folder : pathlib.Path
        Nothing happens when no trainer is at work in it.

    Raises
    ------
    UserError
        If the trainer is on another host, or is this very process.
    """
    owner = lock.live_owner(folder)
    if owner is None:
        return
    if not owner.is_here():
        raise UserError(f"The trainer is {owner.in_words()}; end it there.")
    process = psutil.Process(owner.pid)
    if process == psutil.Process():
        raise UserError("The trainer is this very process; stop it with job.stop().")
    process.kill()
    psutil.wait_procs([process], timeout=10)
    reap()


def reap() -> None:
    """Let go of trainers of this process that have ended."""
    _started[:] = [process for process in _started if process.poll() is None]


def follow_to_the_end(
    begin: Callable[[], Iterator[Event]], in_words: Callable[[Event], str | None]
) -> int:
    """Run, with a line for each event; standard output and error are run.out and run.err.

    Parameters
    ----------
    begin : callable
        Begins the run and yields its events.
    in_words : callable
        The line of an event; None for events that come too often.

    Returns
    -------
    int
        For `sys.exit`: 0 when it finished or was stopped, 1 when it failed or could not begin.
    """
    status = 0
    try:
        for event in begin():
            if isinstance(event, Failed):
                print(f"{event.message}\n{event.traceback}", file=sys.stderr, flush=True)
                status = 1
            text = in_words(event)
            if text is not None:
                print(text, flush=True)
    except UserError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return status
