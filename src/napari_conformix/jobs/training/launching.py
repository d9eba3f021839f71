"""Starting a trainer as a process of its own, which outlives whoever started it."""

import sys
from functools import partial
from pathlib import Path

from napari_conformix.jobs.training.running import check_can_train
from napari_conformix.runs import launching


def launch_training(folder: Path, *, device: str, epochs: int | None, resume: bool) -> int:
    """Start a detached trainer and return its process number.

    UserError as of :func:`run_training`.
    """
    command = [sys.executable, "-m", "napari_conformix.jobs.training.trainer", str(folder)]
    command += ["--launched", "--device", device]
    command += ["--epochs", str(epochs)] if epochs is not None else []
    command += ["--resume"] if resume else []
    check = partial(check_can_train, folder, resume=resume, epochs=epochs)
    return launching.launch(folder, command, check)
