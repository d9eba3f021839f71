"""A run of a few steps, whatever it is for: how it ends is written down in every case."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from napari_conformix.errors import UserError
from napari_conformix.runs import (
    Event,
    FolderControl,
    RunFolder,
    atomic_path,
    guarded,
    launching,
    layout,
    lock,
    run_in_folder,
)
from napari_conformix.runs.failures import failed


class Counted(Event):
    kind: Literal["counted"] = "counted"
    done: int


class Ended(Event):
    kind: Literal["finished"] = "finished"
    reason: Literal["completed", "stopped"] = "completed"


def count(control: FolderControl, to: int = 3) -> Iterator[Event]:
    for done in range(1, to + 1):
        if control.stop_requested():
            yield Ended(reason="stopped")
            return
        yield Counted(done=done)
    yield Ended()


def allowed() -> None:
    """Nothing speaks against the run."""


def run(folder: Path, work=count, check=allowed, **more) -> Iterator[Event]:
    return run_in_folder(
        folder,
        work,
        check=check,
        succeeded=lambda event: isinstance(event, Ended) and event.reason == "completed",
        **more,
    )


def markers(folder: Path) -> list[str]:
    return [name for name in layout.MARKERS if (folder / name).exists()]


def is_over(folder: Path, state: str, marker: str) -> None:
    assert markers(folder) == [marker]
    assert RunFolder(folder).state == state
    assert lock.read_owner(folder) is None


def kinds(folder: Path) -> list[str]:
    return [event.kind for event in RunFolder(folder).events()]


def test_a_run_that_does_all_of_it(tmp_path):
    states = []
    for event in run(tmp_path):
        states.append(RunFolder(tmp_path).state)
        assert kinds(tmp_path)[-1] == event.kind  # it is in the log before anybody hears of it
        assert markers(tmp_path) == []
    assert states == ["running"] * 4
    is_over(tmp_path, "finished", layout.SUCCESS)
    assert kinds(tmp_path) == ["counted"] * 3 + ["finished"]


@pytest.mark.parametrize("how", ["file", "function", "signal"])
def test_a_run_that_is_asked_to_stop(tmp_path, how):
    asked = threading.Event()
    ask = {
        "file": RunFolder(tmp_path).stop,
        "function": asked.set,
        "signal": lambda: os.kill(os.getpid(), signal.SIGTERM),
    }
    events = run(tmp_path, lambda control: count(control, 10**6), stop=asked.is_set)
    next(events)
    ask[how]()
    assert next(iter(deque(events, 1))).reason == "stopped"
    is_over(tmp_path, "stopped", layout.ABORTED)
    assert kinds(tmp_path)[-1] == "finished"


def test_a_run_whose_events_do_not_fit_on_the_disk(tmp_path, monkeypatch, capsys):
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if b'"done":2' in data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    assert [event.kind for event in run(tmp_path)] == ["counted", "failed"]
    is_over(tmp_path, "failed", layout.FAILURE)
    assert "disk is full" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("No images."), "No images."),
        (OSError(errno.EDQUOT, "quota"), "is full. Half stands. Free some space."),
        (MemoryError("all of it"), "The memory ran out: all of it. Half stands. Do less."),
        (RuntimeError("CUDA: Out of memory"), "ran out: CUDA: Out of memory. Half stands. Do less"),
        (OSError(errno.EIO, "broken"), "unexpected error (OSError: [Errno 5] broken). Half stands"),
    ],
)
def test_what_an_error_says(tmp_path, error, said):
    message = failed(error, tmp_path, lambda advice: f"Half stands. {advice}.", "Do less").message
    assert said in message


def test_a_run_that_fails(tmp_path):
    def work(control: FolderControl) -> Iterator[Event]:
        def fails() -> Iterator[Event]:
            yield Counted(done=1)
            raise ValueError("no such thing")

        return guarded(fails(), tmp_path, lambda advice: f"Half stands. {advice}.", "Do less")

    last = list(run(tmp_path, work))[-1]
    assert last.kind == "failed"
    assert "(ValueError: no such thing). Half stands. See run.err" in last.message
    assert "in fails" in last.traceback
    is_over(tmp_path, "failed", layout.FAILURE)


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_a_run_that_is_interrupted_or_not_asked_for_more(tmp_path, error):
    events = run(tmp_path)
    next(events)
    if error is GeneratorExit:
        events.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            events.throw(error)
    is_over(tmp_path, "stopped", layout.ABORTED)


def test_a_run_that_is_killed_leaves_no_marker_and_the_next_one_clears_up(tmp_path):
    lines = [
        "import pathlib, sys, time",
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})",
        "from test_run_in_folder import atomic_path, count, run",
        f"folder = pathlib.Path({str(tmp_path)!r})",
        "events = run(folder)",
        "next(events)",
        "with atomic_path(folder / 'volumes' / 'live.mrc') as temporary:",
        "    temporary.write_bytes(b'half')",
        "    print('now', flush=True)",
        "    time.sleep(60)",
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "now\n"
        assert RunFolder(tmp_path).state == "running"
        with pytest.raises(UserError, match="at work"):
            next(run(tmp_path))
        (left,) = (tmp_path / "volumes").iterdir()
        process.kill()
    assert markers(tmp_path) == []
    assert RunFolder(tmp_path).state == "interrupted"
    assert left.exists()
    list(run(tmp_path))
    is_over(tmp_path, "finished", layout.SUCCESS)
    assert not left.exists()


def test_a_run_that_may_not_begin_changes_nothing(tmp_path):
    list(run(tmp_path))
    RunFolder(tmp_path).pause()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def refused() -> None:
        raise UserError("all is done")

    with pytest.raises(UserError, match="all is done"):
        next(run(tmp_path, check=refused))
    with pytest.raises(UserError, match="all is done"):
        launching.launch(tmp_path, ["false"], refused)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_stop_between_the_launch_and_the_beginning_is_heard(tmp_path):
    lock.take(tmp_path, lock.Owner.of_process(os.getpid()))
    RunFolder(tmp_path).stop()
    assert [event.kind for event in run(tmp_path, launched=True)] == ["finished"]
    is_over(tmp_path, "stopped", layout.ABORTED)


def test_what_was_asked_of_the_last_run_is_forgotten(tmp_path):
    RunFolder(tmp_path).stop()
    RunFolder(tmp_path).pause()
    list(run(tmp_path))
    is_over(tmp_path, "finished", layout.SUCCESS)
    assert not (tmp_path / layout.PAUSE_FILE).exists()


def test_a_process_says_how_it_went(tmp_path, capsys):
    words = lambda event: None if event.kind == "counted" else event.kind  # noqa: E731
    assert launching.follow_to_the_end(lambda: run(tmp_path), words) == 0
    assert capsys.readouterr() == ("finished\n", "")

    def fails(control: FolderControl) -> Iterator[Event]:
        def at_once() -> Iterator[Event]:
            raise UserError("no images")
            yield

        return guarded(at_once(), tmp_path, str, "")

    assert launching.follow_to_the_end(lambda: run(tmp_path, fails), words) == 1
    assert capsys.readouterr() == ("failed\n", "no images\n\n")

    def refused() -> None:
        raise UserError("not now")

    assert launching.follow_to_the_end(lambda: run(tmp_path, check=refused), words) == 1
    assert capsys.readouterr() == ("", "not now\n")


__all__ = ["atomic_path", "count", "run"]
