"""Ctrl-C and SIGTERM as a wish to stop cleanly."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Within the block SIGINT and SIGTERM call `stop`; a second SIGINT interrupts at once.

    Outside the main thread, where signals cannot be handled, nothing changes.

    Parameters
    ----------
    stop : Callable
        Without arguments; safe in a signal handler.

    Yields
    ------
    None
        The handlers from before are put back at the end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
