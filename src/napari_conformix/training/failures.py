"""Errors of a run turned into a `failed` event: a sentence that the user can act on."""

import traceback
from collections.abc import Iterator
from pathlib import Path

from napari_conformix.errors import UserError
from napari_conformix.runs import Event, Failed, is_disk_full
from napari_conformix.training.checkpoints import CheckpointFolder
from napari_conformix.training.stepping import is_out_of_memory


def guarded(events: Iterator[Event], folder: Path) -> Iterator[Event]:
    """The same events; an exception becomes a last :class:`Failed` event.

    KeyboardInterrupt and the closing of the generator pass through.
    """
    try:
        yield from events
    except Exception as error:
        yield failed(error, folder)


def failed(error: Exception, folder: Path) -> Failed:
    """What to tell of an error that ended a run in the job `folder`."""
    if isinstance(error, UserError):
        return Failed(message=str(error))
    trace = "".join(traceback.format_exception(error))
    if is_disk_full(error):
        message = f"The disk that holds {folder} is full. {_what_stands(folder, 'Free some space')}"
    elif is_out_of_memory(error):
        message = (
            f"The memory ran out: {error}. {_what_stands(folder, 'Choose a smaller working_box')}"
        )
    else:
        message = (
            f"The run ended with an unexpected error ({type(error).__name__}: {error}). "
            f"{_what_stands(folder, 'See run.err and the traceback')}"
        )
    return Failed(message=message, traceback=trace)


def _what_stands(folder: Path, advice: str) -> str:
    last = CheckpointFolder(folder / "checkpoints").last()
    if last is None:
        return f"No epoch was complete yet. {advice}, then train again."
    return f"The checkpoint of epoch {last} stands. {advice}, then resume."
