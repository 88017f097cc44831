"""Worker processes that stop soon and quietly when their user interrupts the program.

Left alone, a pool finishes what its workers are reading (minutes, for a long video), starts what
waits in its queue, and prints a traceback for each idle worker. Here an interruption ends the task
under way by an exception, so that half-written files are removed; later tasks do not begin.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from types import FrameType
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
"""One thread a worker: several that spin for each other's cores are slower than one each."""

_busy = False
_stopped = False


def answer_interruptions() -> None:
    """Prepare a worker process; to be called in its initializer."""
    signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _busy, _stopped
    first, _stopped = not _stopped, True
    if _busy and first:
        _busy = False
        raise KeyboardInterrupt


def as_task(
    task: Callable[Arguments, Result], *args: Arguments.args, **named: Arguments.kwargs
) -> Result:
    """Run a task in a prepared worker.

    Raises:
        KeyboardInterrupt: the program has been interrupted.
    """
    global _busy
    if _stopped:
        raise KeyboardInterrupt
    _busy = True
    try:
        return task(*args, **named)
    finally:
        _busy = False


@contextmanager
def deaf() -> Iterator[None]:
    """Let processes that start meanwhile ignore interruptions until they are prepared."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def stopping_workers() -> Iterator[None]:
    """Interrupt the processes that were started meanwhile if the work is left before its end."""
    before = {child.pid for child in active_children()}
    try:
        yield
    except BaseException:
        for child in active_children():
            if child.pid is None or child.pid in before:
                continue
            if os.name == "nt":
                child.terminate()
            else:
                os.kill(child.pid, signal.SIGINT)
        raise


@contextmanager
def environment(settings: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes started meanwhile, and put them back."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
