"""Starting a trainer as a process of its own, which outlives whoever started it."""

import sys
from pathlib import Path

from napari_conformix.jobs.training.running import check_can_train, clear_old_state
from napari_conformix.runs import launching, lock


def launch_training(folder: Path, *, device: str, epochs: int | None, resume: bool) -> int:
    """Start a detached trainer and return its process number.

    The lock is written in the trainer's name before this returns: whoever follows the folder from
    now on sees a running job, and a second launch is refused. UserError as of `running.run`.
    """
    launching.reap()
    command = [
        sys.executable,
        "-m",
        "napari_conformix.jobs.training.trainer",
        str(folder),
        "--launched",
    ]
    command += ["--launched", "--device", device]
    command += ["--epochs", str(epochs)] if epochs is not None else []
    command += ["--resume"] if resume else []
    with lock.guard(folder):
        check_can_train(folder, resume=resume, epochs=epochs)
        clear_old_state(folder)
        return launching.start(folder, command)
