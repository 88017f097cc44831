"""Read ahead: pictures are decoded on a second thread while earlier ones are measured."""

from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

Item = TypeVar("Item")

DEPTH = 3
"""Pictures that wait at most; enough to even out key frames, few enough to need little memory."""
PATIENCE_S = 0.1
"""How long the second thread sleeps before it looks whether anybody still wants pictures."""


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items in their order, making the next ones meanwhile.

    An exception on the way is raised here, after the items before it. Whoever stops early stops the
    second thread too: it has ended when this generator is closed.
    """
    line = _Line()
    thread = Thread(target=line.fill, args=(items,), name="pictures ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, failure = line.waiting.get()
            if isinstance(failure, StopIteration):
                return
            if failure is not None:
                raise failure
            yield item
            del item
    finally:
        line.close()
        thread.join()


class _Line:
    """What waits between the threads: an item, or why no more come (``StopIteration``: the end)."""

    def __init__(self) -> None:
        self.waiting: Queue[tuple[Any, BaseException | None]] = Queue(DEPTH)
        self._unwanted = Event()

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
        while not self._unwanted.is_set():
            try:
                self.waiting.put((item, failure), timeout=PATIENCE_S)
            except Full:
                continue
            return True
        return False

    def close(self) -> None:
        self._unwanted.set()
        while True:
            try:
                self.waiting.get_nowait()
            except Empty:
                return
