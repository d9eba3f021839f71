"""Work in threads: the newest request wins, errors are reported, nothing ends the program."""

import threading

import pytest
from qt_waiting import settle, wait
from superqt.utils._qthreading import WorkerBase

from napari_conformix.widgets.session import Workers


@pytest.fixture
def heard() -> list:
    return []


@pytest.fixture
def workers(qapp, heard):
    made = Workers(heard.append)
    yield made
    made.close()


def test_a_newer_request_replaces_the_one_that_waits(workers: Workers, heard: list) -> None:
    gate, ran, done = threading.Event(), [], []

    def work(number: int) -> int:
        ran.append(number)
        gate.wait(10)
        return number

    for number in range(20):
        workers.submit(lambda number=number: work(number), done.append, key="drag")
    wait(lambda: ran == [0])
    assert workers.busy("drag")
    gate.set()
    wait(lambda: len(done) == 2)
    assert ran == [0, 19]
    assert done == [0, 19]
    assert not workers.busy("drag")
    assert not heard


def test_keys_do_not_wait_for_each_other(workers: Workers) -> None:
    gate, done = threading.Event(), []
    workers.submit(lambda: gate.wait(10), key="slow")
    workers.submit(lambda: "b", done.append, key="quick")
    wait(lambda: done == ["b"])
    gate.set()


def test_errors_of_work_and_of_handlers_are_heard_on_this_thread(
    workers: Workers, heard: list
) -> None:
    threads = []
    workers.submit(lambda: 1 / 0)
    workers.submit(lambda: 5, lambda result: result.missing)
    workers.submit(
        lambda: int("x"), on_error=lambda error: threads.append(threading.current_thread())
    )
    wait(lambda: len(heard) == 2 and threads)
    assert {type(error) for error in heard} == {ZeroDivisionError, AttributeError}
    assert threads == [threading.main_thread()]


def test_an_exception_as_a_result_is_a_result(workers: Workers, heard: list) -> None:
    done = []
    workers.submit(lambda: ValueError("kept"), done.append)
    wait(lambda: done)
    assert isinstance(done[0], ValueError)
    assert not heard


def test_dropped_requests_are_not_delivered(workers: Workers, heard: list) -> None:
    gate, done = threading.Event(), []
    for number in range(3):
        workers.submit(lambda n=number: (gate.wait(10), n)[1], done.append, key="job:latents")
    workers.submit(lambda: (gate.wait(10), 1 / 0)[1], key="job:failing")
    workers.submit(lambda: (gate.wait(10), "other")[1], done.append, key="open")
    workers.drop("job:")
    gate.set()
    wait(lambda: done == ["other"] and not workers.busy("job:failing"))
    settle()
    assert done == ["other"]
    assert not heard


def test_after_close_nothing_is_heard(workers: Workers, heard: list) -> None:
    gate, done = threading.Event(), []
    workers.submit(lambda: gate.wait(10), done.append, key="a")
    workers.submit(lambda: gate.wait(10), done.append, key="a")
    workers.close()
    workers.submit(lambda: "late", done.append)
    gate.set()
    settle()
    assert not done
    assert not heard


def test_a_worker_that_was_asked_to_quit_still_frees_its_key(workers: Workers) -> None:
    gate, done = threading.Event(), []
    workers.submit(lambda: (gate.wait(10), "first")[1], done.append, key="check")
    wait(lambda: WorkerBase._worker_set)
    for worker in WorkerBase._worker_set:
        worker.quit()
    gate.set()
    wait(lambda: not workers.busy("check"))
    workers.submit(lambda: "second", done.append, key="check")
    wait(lambda: done == ["first", "second"])
