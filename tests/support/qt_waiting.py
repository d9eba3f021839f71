"""Waiting for a window, in one place, and never for a fixed time.

:func:`wait` is for what shall happen. For what shall not happen there is :func:`settle`: it
returns when everything that was due has been handled, so that what has not happened by then will
not. :func:`handle_events` is less: what Qt can do at this very moment.
"""

from __future__ import annotations

import functools
import time
import weakref
from collections.abc import Callable, Iterator

from qtpy.QtCore import QAbstractEventDispatcher, QEventLoop, QTimer
from qtpy.QtGui import QGuiApplication
from waiting import in_vain

from napari_conformix.widgets.session import Follower, Workers

#: between two looks at the queue of events
_PASS_SECONDS = 0.002
#: how often the queue is found empty before a window is at rest: Qt gathers what is to be painted
#: for 5 ms, and a repeating timer may fill the queue in between
_QUIET_PASSES = 4
#: A timer that waits longer than this waits for the user to be idle, not to get something done.
_LONGEST_DELAY_MS = 500
#: work that nothing on the pages waits for: it starts training in another process, to measure it
_FORECAST = "forecast"


def _known(cls: type, method: str) -> weakref.WeakSet:
    """Every object whose `method` is called from now on."""
    seen: weakref.WeakSet = weakref.WeakSet()
    original = getattr(cls, method)

    @functools.wraps(original)
    def remembered(self, *args, **kwargs):
        seen.add(self)
        return original(self, *args, **kwargs)

    setattr(cls, method, remembered)
    return seen


_workers = _known(Workers, "__init__")
_followers = _known(Follower, "start")
_timers = _known(QTimer, "start")


def handle_events() -> None:
    """Until Qt has nothing left to do at this moment, here and in the X server."""
    QGuiApplication.sync()
    for _ in range(100):  # a movie that is being made has always something left
        if not _one_pass():
            return


def wait(
    condition: Callable[[], object],
    seconds: float = 30.0,
    said: Callable[[], object] | None = None,
) -> None:
    """Until a condition holds; AssertionError with what was waited for when it never does.

    Parameters
    ----------
    condition
        Looked at between events; the failure quotes it from the source.
    seconds
        After which it is given up.
    said
        What else the failure says, such as the messages of the window.
    """
    end = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if condition():
            return
        now = time.monotonic()
        if now > end:
            more = "" if said is None else f"; the window said: {said()}"
            raise AssertionError(in_vain(condition, seconds) + more)
        # Most of the time is left to Qt, also where the condition reads files.
        until = now + 4 * (now - began)
        _one_pass()
        time.sleep(_PASS_SECONDS)
        while time.monotonic() < until:
            _one_pass()
            time.sleep(_PASS_SECONDS)


def settle(seconds: float = 60.0) -> None:
    """Until no thread works, no timer is about to fire and no event waits.

    What runs in other processes, and lines of an event file that have not been read yet, are not
    known here: wait for what they lead to.
    """
    end = time.monotonic() + seconds
    quiet = 0
    QGuiApplication.sync()
    while quiet < _QUIET_PASSES:
        handled = _one_pass()
        left = [*_pending()]
        if time.monotonic() > end:
            raise AssertionError(f"The window is not at rest after {seconds:g} s: {left} left")
        if left:
            quiet = 0
        elif not handled:
            quiet += 1
        time.sleep(_PASS_SECONDS)


def pause(seconds: float) -> None:
    """As long as a hand takes from one movement to the next; nothing is waited for."""
    end = time.monotonic() + seconds
    while True:
        _one_pass()
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(_PASS_SECONDS, left))


def _one_pass() -> bool:
    """Whether Qt had anything to do."""
    return QEventLoop().processEvents(QEventLoop.ProcessEventsFlag.AllEvents)


def _pending() -> Iterator[str]:
    """In words, what will still come by itself."""
    for workers in list(_workers):
        for key in {*workers._running, *workers._waiting} - {_FORECAST}:
            yield f"work on {key}"
    for follower in list(_followers):
        if follower._arrived and not follower._stopped:
            yield "events of a run"
    for timer in list(_timers):
        try:
            if timer.isActive() and timer.isSingleShot() and timer.interval() <= _LONGEST_DELAY_MS:
                yield f"a timer of {type(timer.parent()).__name__}"
        except RuntimeError:  # Qt has deleted it
            _timers.discard(timer)
    # QTimer.singleShot makes objects of Qt's own, which belong to the dispatcher.
    dispatcher = QAbstractEventDispatcher.instance()
    for child in dispatcher.children():
        for timer in dispatcher.registeredTimers(child):
            if timer.interval <= _LONGEST_DELAY_MS:
                yield f"what is due once after {timer.interval} ms"
