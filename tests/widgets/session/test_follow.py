"""Following a run: everything arrives, in order, without blocking the window."""

import time
from pathlib import Path

import pytest
from qt_waiting import settle, wait
from qtpy.QtWidgets import QApplication
from superqt.utils._qthreading import WorkerBase

from napari_conformix.training import events
from napari_conformix.widgets.session import Follower


class _Job:
    """A job folder with events and a state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = "running"
        self.file = folder / "events.jsonl"

    def append(self, *new: events.Event) -> None:
        with self.file.open("a") as stream:
            stream.writelines(events.to_line(event) for event in new)


@pytest.fixture
def job(tmp_path) -> _Job:
    return _Job(tmp_path)


@pytest.fixture
def follow(qapp, job):
    made = []

    def start(on_events, on_state=lambda state: None, on_error=lambda error: None) -> Follower:
        follower = Follower(job, on_events, on_state, on_error)
        made.append(follower)
        follower.start()
        return follower

    yield start
    for follower in made:
        follower.stop()


def _step(number: int) -> events.Step:
    return events.Step(epoch=1, done=number, total=10**6, terms={"1": {"loss": 1.0}})


def test_replay_of_many_events_leaves_the_window_alive(job: _Job, follow) -> None:
    count = 30_000
    job.append(*(_step(number) for number in range(count)))
    arrived: list[events.Event] = []
    longest = 0.0
    follow(arrived.extend)
    end = time.monotonic() + 60
    while len(arrived) < count:
        assert time.monotonic() < end
        start = time.thread_time()  # of this thread alone: the machine may be busy
        QApplication.processEvents()
        longest = max(longest, time.thread_time() - start)
        time.sleep(0.001)
    assert [event.done for event in arrived] == list(range(count))
    assert longest < 0.1


def test_new_events_arrive_soon_and_once(job: _Job, follow) -> None:
    arrived: list[events.Event] = []
    states: list[str] = []
    follow(arrived.extend, states.append)
    wait(lambda: states)  # the file has been read once
    for number in range(3):
        job.append(_step(number))
        wait(lambda number=number: len(arrived) == number + 1, 5)
    assert [event.done for event in arrived] == [0, 1, 2]


def test_a_half_written_line_waits_for_its_end(job: _Job, follow) -> None:
    line = events.to_line(_step(7))
    job.file.write_text(line[:20])
    arrived: list[events.Event] = []
    states: list[str] = []
    follow(arrived.extend, states.append)
    wait(lambda: states)  # which is looked at when there is nothing more to read
    settle()
    assert not arrived
    with job.file.open("a") as stream:
        stream.write(line[20:])
    wait(lambda: len(arrived) == 1)
    assert arrived[0].done == 7


def test_state_comes_after_the_events_that_explain_it(job: _Job, follow) -> None:
    order: list[str] = []
    follow(lambda new: order.extend(event.kind for event in new), order.append)
    wait(lambda: order == ["running"])
    job.append(events.Failed(message="The disk is full."))
    job.state = "failed"
    wait(lambda: "failed" in order[2:])
    assert order == ["running", "failed", "failed"]


def test_a_listener_that_raises_is_reported_and_the_rest_arrives(job: _Job, follow) -> None:
    arrived, errors = [], []

    def take(helping: list[events.Event]) -> None:
        arrived.extend(helping)
        if len(arrived) == 1:
            raise KeyError("a slip")

    follow(take, on_error=errors.append)
    job.append(_step(0))
    wait(lambda: len(arrived) == 1)
    job.append(_step(1))
    wait(lambda: len(arrived) == 2)
    assert [type(error) for error in errors] == [KeyError]


def test_a_vanished_folder_is_reported_not_raised(job: _Job, follow) -> None:
    class Gone(_Job):
        @property
        def state(self):
            raise PermissionError("the disk is gone")

        @state.setter
        def state(self, value):
            pass

    errors: list[Exception] = []
    follower = Follower(Gone(job.folder), lambda new: None, lambda s: None, errors.append)
    follower.start()
    wait(lambda: bool(errors))
    follower.stop()
    assert isinstance(errors[0], PermissionError)


def test_nothing_is_called_after_stop(job: _Job, follow) -> None:
    arrived: list[events.Event] = []
    states: list[str] = []
    follower = follow(arrived.extend, states.append)
    wait(lambda: states)
    follower.stop()
    job.append(_step(0))
    wait(lambda: not WorkerBase._worker_set)  # its thread has ended
    settle()
    assert not arrived
