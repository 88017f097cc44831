"""A pool of worker processes: tasks in, results out in the order in which they finish.

Each process loads what it needs once, then runs one task at a time. A task whose process dies is
tried once more, alone and after the others, and reported if its process dies again.

Processes ignore Ctrl-C: the program that started them decides what happens. It interrupts running
tasks, so that unfinished files are removed, and kills what has not ended after ``STOP_S``. When
the program dies, its processes end too.
"""

import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker, util
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from time import monotonic
from types import FrameType, TracebackType
from typing import Any, Generic, Self, TypeVar

from mmemo.errors import MmemoError
from pipelines.interrupts import defer_interrupts

Task = TypeVar("Task")
Result = TypeVar("Result")

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
"""One thread per worker: several that spin for each other's cores are slower than one each."""
STOP_S = 1.0
"""Time for a running task to remove its unfinished files after an interrupt."""
DYING_S = 10.0
"""Time for a process that closed its connection to end."""
MAX_FAILED_STARTS = 3


class WorkerError(MmemoError):
    """No worker process can be started."""


@dataclass(frozen=True)
class Crash:
    """Stands for the result of a task whose process died twice."""


class WorkerPool(Generic[Task, Result]):
    """Processes that run tasks while the ``with`` block lasts; leaving it early interrupts them.

    Args:
        load: called once in each process; returns the function that runs a task. It and all that
            passes between processes must be picklable.
        arguments: of ``load``.
        jobs: number of processes at most.
    """

    def __init__(
        self, load: Callable[..., Callable[[Task], Result]], *arguments: Any, jobs: int
    ) -> None:
        self._load, self._jobs = (load, arguments), jobs
        self._waiting: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._workers: list[_Worker] = []
        self._failed_starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with defer_interrupts():
            for worker in self._workers:
                if worker.idle:
                    worker.close()
                else:
                    worker.interrupt()
            deadline = monotonic() + STOP_S
            for worker in self._workers:
                worker.end(max(deadline - monotonic(), 0.0))

    def submit(self, tasks: Iterable[Task]) -> None:
        """Add tasks, which begin in this order while ``results`` is iterated over."""
        self._waiting.extend(tasks)

    def results(self) -> Iterator[tuple[Task, Result | Crash]]:
        """Yield every task and its result, in the order in which they finish.

        Raises:
            WorkerError: processes die before they have loaded.
            Exception: what ``load`` or a task raised.
        """
        while self._unfinished():
            self._start_workers()
            self._hand_out()
            for connection in wait([worker.connection for worker in self._workers]):
                worker = next(one for one in self._workers if one.connection is connection)
                finished = self._receive(worker)
                if finished is not None:
                    self._hand_out()  # processes need not wait for whoever takes the results
                    yield finished

    def _running(self) -> list[Task]:
        return [worker.task for worker in self._workers if worker.busy]

    def _unfinished(self) -> int:
        return len(self._waiting) + len(self._suspects) + len(self._running())

    def _start_workers(self) -> None:
        for _ in range(min(self._jobs, self._unfinished()) - len(self._workers)):
            with defer_interrupts():
                self._workers.append(_Worker(*self._load))

    def _hand_out(self) -> None:
        for worker in self._workers:
            if self._waiting and worker.idle:
                worker.run(self._waiting.popleft())
        idle = [worker for worker in self._workers if worker.idle]
        if self._suspects and idle and not self._running():
            idle[0].run(self._suspects.popleft(), again=True)

    def _receive(self, worker: "_Worker") -> tuple[Task, Result | Crash] | None:
        """Return a finished task and its result; None if a process only loaded or died."""
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            return self._drop(worker)
        if kind == "error":
            raise content
        if kind == "loaded":
            worker.loaded, self._failed_starts = True, 0
            return None
        worker.busy = False
        return worker.task, content

    def _drop(self, worker: "_Worker") -> tuple[Task, Crash] | None:
        """Remove a process that died; another is started if there is work for it."""
        self._workers.remove(worker)
        worker.end(DYING_S)
        if worker.busy and worker.again:
            return worker.task, Crash()
        if worker.busy:
            self._suspects.append(worker.task)
        if not worker.loaded:
            self._failed_starts += 1
        if self._failed_starts >= MAX_FAILED_STARTS:
            raise WorkerError(
                f"expected worker processes to start; {MAX_FAILED_STARTS} died first, the last by "
                f"{describe_exit(worker.process.exitcode)} (out of memory?); use fewer jobs"
            )
        return None


class _Worker:
    """The program's side of one process: its connection and the task that it runs."""

    def __init__(self, load: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        context = get_context("spawn")
        self.connection, other_end = context.Pipe()
        self.process = context.Process(target=_work, args=(other_end, load, arguments), daemon=True)
        with environment(ONE_THREAD):
            start(self.process)
        other_end.close()  # so that this end notices when the process dies
        self.loaded = self.busy = self.again = False
        self.task: Any = None

    @property
    def idle(self) -> bool:
        """Whether it can be given a task."""
        return self.loaded and not self.busy

    def run(self, task: Any, *, again: bool = False) -> None:
        """Send a task; ``again`` if a process died of it before."""
        self.task, self.busy, self.again = task, True, again
        with suppress(OSError):  # it died, which receiving reports
            self.connection.send(task)

    def close(self) -> None:
        """Let an idle process end: no more tasks can come."""
        self.connection.close()

    def interrupt(self) -> None:
        """Interrupt its task, or kill the process while it loads."""
        if self.busy:
            self.process.terminate()
        else:
            self.process.kill()

    def end(self, patience_s: float) -> None:
        """Wait for the process to end, then kill it."""
        self.process.join(patience_s)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()


def describe_exit(code: int | None) -> str:
    """Return how a process ended, by the exit code of ``multiprocessing``."""
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


@contextmanager
def environment(settings: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes started in the block, then restore them."""
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


def start(process: BaseProcess) -> None:
    """Start a process that calls ``ignore_interrupts``; until then, interrupts stay pending."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        process.start()
        return
    resource_tracker.ensure_running()  # started meanwhile, it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_interrupts() -> None:
    """Leave Ctrl-C, which reaches all processes of a terminal, to the program; end with it.

    To be called first in a process started by ``start``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    Thread(target=_end_with_program, name="end with program", daemon=True).start()


def _end_with_program() -> None:
    program = parent_process()
    if program is not None:
        wait([program.sentinel])
        os._exit(1)


def _work(
    connection: Connection, load: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]
) -> None:
    """Load, then run tasks until no more can come or one is interrupted."""
    ignore_interrupts()
    signal.signal(signal.SIGTERM, _interrupt_task)
    try:
        run_task = load(*arguments)
        connection.send(("loaded", None))
        while True:
            task = connection.recv()
            connection.send(("result", run_task(task)))
    except (EOFError, KeyboardInterrupt):
        pass
    except Exception as error:
        with suppress(OSError):  # the program may have closed the connection
            connection.send(("error", _portable(error)))
    # Releases the semaphores that libraries made, which would be reported as leaked.
    util._exit_function()  # type: ignore[attr-defined]  # typeshed leaves it out
    # Libraries would take their time to shut down, and there is nothing left to lose.
    os._exit(0)


def _interrupt_task(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Libraries complain about exceptions that leave their callbacks.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    raise KeyboardInterrupt


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent: ours and the system's as they are, others as text."""
    if isinstance(error, MmemoError | OSError):
        return error
    return RuntimeError("".join(traceback.format_exception(error)))
