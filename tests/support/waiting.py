"""Waiting until something holds, without a window (`qt_waiting` is for those with one)."""

import contextlib
import inspect
import time
from collections.abc import Callable

#: between two looks
_PAUSE_SECONDS = 0.01


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Until a condition holds; AssertionError with what was waited for when it never does.

    Parameters
    ----------
    condition
        Looked at again and again; the failure quotes it from the source.
    seconds
        After which it is given up.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(in_vain(condition, seconds))
        time.sleep(_PAUSE_SECONDS)


def in_vain(condition: Callable[[], object], seconds: float) -> str:
    """The sentence of a failure: the source of a lambda, the name of anything else."""
    words = getattr(condition, "__qualname__", repr(condition))
    if getattr(condition, "__name__", "") == "<lambda>":
        with contextlib.suppress(OSError):
            words = f"`{' '.join(inspect.getsource(condition).split())}`"
    return f"Waited {seconds:g} s in vain for {words}"
