"""An error that ends a run, as a last event: a sentence that the user can act on."""

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from napari_conformix.errors import UserError
from napari_conformix.runs.events import Event, Failed
from napari_conformix.runs.files import is_disk_full

#: what to do (a sentence without its full stop) -> what stands of the run, and how to go on
GoOn = Callable[[str], str]


def guarded(events: Iterator[Event], folder: Path, go_on: GoOn, lighter: str) -> Iterator[Event]:
    """The same events; an exception becomes a last :class:`Failed` event.

    KeyboardInterrupt and the closing of the generator pass through.

    Parameters
    ----------
    events : iterator of Event
        A run.
    folder : Path
        Where it works.
    go_on : callable
        Given what to do first, says what stands of the run and how to go on.
    lighter : str
        What to do where memory ran out.

    Yields
    ------
    Event
        Those of the run, and the failure.
    """
    try:
        yield from events
    except Exception as error:
        yield failed(error, folder, go_on, lighter)


def failed(error: Exception, folder: Path, go_on: GoOn, lighter: str) -> Failed:
    """What to say of an error that ended a run.

    Parameters
    ----------
    error : Exception
        A UserError says everything itself.
    folder : Path
        Where the run worked.
    go_on : callable
        Given what to do first, says what stands of the run and how to go on.
    lighter : str
        What to do where memory ran out.

    Returns
    -------
    Failed
        With the traceback where the error is none that a user makes.
    """
    if isinstance(error, UserError):
        return Failed(message=str(error))
    if is_disk_full(error):
        message = f"The disk that holds {folder} is full. {go_on('Free some space')}"
    elif is_out_of_memory(error):
        message = f"The memory ran out: {error}. {go_on(lighter)}"
    else:
        message = (
            f"The run ended with an unexpected error ({type(error).__name__}: {error}). "
            f"{go_on('See run.err and the traceback')}"
        )
    return Failed(message=message, traceback="".join(traceback.format_exception(error)))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch or Python says that memory ran out; torch is not loaded for it.

    Parameters
    ----------
    error : BaseException
        Any.

    Returns
    -------
    bool
        True for MemoryError, torch's OutOfMemoryError, and RuntimeErrors that say so.
    """
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    phrases = ("not enough memory", "out of memory", "can't allocate memory")
    return isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError" or any(phrase in text for phrase in phrases)
    )
