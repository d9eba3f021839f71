"""A run in a process of its own: what its program prints, and how it ends."""

import sys
from collections.abc import Callable, Iterator

from napari_conformix.errors import UserError
from napari_conformix.runs.events import Event, Failed


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
