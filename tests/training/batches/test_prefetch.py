import threading
import time

import pytest

from napari_conformix.training.batches import prefetched


def threads():
    return [t for t in threading.enumerate() if t.name == "conformix-prefetch"]


def test_results_come_in_order():
    with prefetched(lambda i: i * i, range(50)) as results:
        assert list(results) == [(i, i * i) for i in range(50)]
    assert not threads()


def test_works_ahead_but_not_too_far():
    made = []
    with prefetched(lambda i: made.append(i), range(100), depth=3) as results:
        next(results)
        time.sleep(0.2)
        assert 3 <= len(made) <= 5
    assert not threads()


def test_an_error_is_raised_where_the_result_would_have_come():
    def make(i):
        if i == 3:
            raise OSError("disk gone")
        return i

    got = []
    with pytest.raises(OSError, match="disk gone"), prefetched(make, range(9)) as results:
        got += [i for i, _ in results]
    assert got == []  # the list was never finished
    with prefetched(make, range(9)) as results:
        assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
        with pytest.raises(OSError, match="disk gone"):
            next(results)
    assert not threads()


def test_leaving_early_by_an_exception_stops_the_thread():
    def leave():
        with prefetched(lambda i: i, iter(int, 1)) as results:  # an endless supply
            next(results)
            raise KeyError

    with pytest.raises(KeyError):
        leave()
    assert not threads()
