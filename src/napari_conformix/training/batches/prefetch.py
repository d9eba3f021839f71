"""Work ahead in a background thread: the next batches are read while the current one trains."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_END = object()


class _Failure(Generic[Item]):
    def __init__(self, error: BaseException) -> None:
        self.error = error


@contextlib.contextmanager
def prefetched(
    make: Callable[[Item], Result], items: Iterable[Item], depth: int = 3
) -> Iterator[Iterator[tuple[Item, Result]]]:
    """Inside the block: an iterator of (item, make(item)), made at most `depth` ahead.

    An exception of `make` or `items` is raised where the result would have come. Leaving the
    block stops the thread and waits for it, whether or not the iterator was used up.
    """
    ready: queue.Queue[object] = queue.Queue(maxsize=max(1, depth))
    leave = threading.Event()

    def put(value: object) -> bool:
        while not leave.is_set():
            try:
                ready.put(value, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, make(item))):
                    return
            put(_END)
        except BaseException as error:  # handed to the consumer, who raises it
            put(_Failure(error))

    def results() -> Iterator[tuple[Item, Result]]:
        while True:
            value = ready.get()
            if value is _END:
                return
            if isinstance(value, _Failure):
                raise value.error
            yield value  # type: ignore[misc]

    thread = threading.Thread(target=work, name="conformix-prefetch", daemon=True)
    thread.start()
    try:
        yield results()
    finally:
        leave.set()
        thread.join()
