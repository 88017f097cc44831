"""Prefetch: frames are decoded on a second thread while earlier ones are measured."""

from collections.abc import Generator, Iterable
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

Item = TypeVar("Item")

DEPTH = 3
"""Most frames that wait: enough to even out key frames, few enough to need little memory."""
POLL_S = 0.1
"""How long the second thread waits for space before it checks whether to stop."""


def prefetch(items: Iterable[Item]) -> Generator[Item, None, None]:
    """Yield the items in their order while a second thread produces the next ones.

    An exception of ``items`` is raised here, after the items before it. Closing this generator
    stops the second thread and waits for its end.
    """
    buffer = _Buffer()
    thread = Thread(target=buffer.fill, args=(items,), name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, failure = buffer.entries.get()
            if isinstance(failure, StopIteration):
                return
            if failure is not None:
                raise failure
            yield item
            del item
    finally:
        buffer.close()
        thread.join()


class _Buffer:
    """Items between the threads, or the exception that ends them (``StopIteration``: the end)."""

    def __init__(self) -> None:
        self.entries: Queue[tuple[Any, BaseException | None]] = Queue(DEPTH)
        self._closed = Event()

    def fill(self, items: Iterable[Any]) -> None:
        try:
            for item in items:
                if not self._put(item, None):
                    return
                del item
        except BaseException as failure:
            self._put(None, failure)
        else:
            self._put(None, StopIteration())

    def _put(self, item: Any, failure: BaseException | None) -> bool:
        while not self._closed.is_set():
            try:
                self.entries.put((item, failure), timeout=POLL_S)
            except Full:
                continue
            return True
        return False

    def close(self) -> None:
        self._closed.set()
        while True:
            try:
                self.entries.get_nowait()
            except Empty:
                return
