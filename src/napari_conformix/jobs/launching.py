"""Starting a trainer as a process of its own, which outlives whoever started it."""

import subprocess
import sys
from pathlib import Path

import psutil

from napari_conformix.errors import UserError
from napari_conformix.jobs import layout, lock
from napari_conformix.jobs.running import check_can_train, clear_old_state

#: trainers started by this process; asked for their end, so that none stays a zombie
_started: list[subprocess.Popen[bytes]] = []


def launch(folder: Path, *, device: str, epochs: int | None, resume: bool) -> int:
    """Start a detached trainer and return its process number.

    The lock is written in the trainer's name before this returns: whoever follows the folder from
    now on sees a running job, and a second launch is refused. UserError as of `running.run`.
    """
    reap()
    command = [sys.executable, "-m", "napari_conformix.jobs.trainer", str(folder), "--launched"]
    command += ["--device", device]
    command += ["--epochs", str(epochs)] if epochs is not None else []
    command += ["--resume"] if resume else []
    with lock.guard(folder):
        check_can_train(folder, resume=resume, epochs=epochs)
        clear_old_state(folder)
        return start(folder, command)


def start(folder: Path, command: list[str]) -> int:
    """Start a detached process that owns the lock of `folder`, and return its number.

    Its output is appended to run.out and run.err. Call it within `lock.guard`.
    """
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
    """End the trainer of a folder at once; the last checkpoint stands. UserError when it is on
    another host, or is this very process."""
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
