"""A pool of worker processes: tasks in, results out in the order in which they finish.

Each process loads what it needs once, then runs one task at a time. A task whose process dies is
tried once more, alone and after the others, and reported if its process dies again. A task that
exceeds its limits is reported, and another process goes on with the others.

A task may report to the program (``report``), extend its limits once it knows its size
(``allow``), and log: records are handled by the program's own loggers.

Processes ignore Ctrl-C: the program that started them decides what happens. It interrupts running
tasks, so that unfinished files are removed, and kills what has not ended after ``STOP_S``. When
the program dies, its processes end too, whatever they are doing (on Linux).
"""

import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from types import ModuleType, TracebackType
from typing import Any, Generic, Self, TypeVar

from mmemo.errors import MmemoError
from pipelines.interrupts import defer_interrupts
from pipelines.workers.threads import ENVIRONMENT
from pipelines.workers.worker_side import UNLIMITED, Limits, work

Task = TypeVar("Task")
Result = TypeVar("Result")

STOP_S = 1.0
"""Time for a running task to remove its unfinished files after an interrupt."""
CHECK_EVERY_S = 0.2
"""Interval between checks of the limits."""
DYING_S = 10.0
"""Time for a process that closed its connection to end."""
MAX_FAILED_STARTS = 3
LOGGERS = ("mmemo", "extractors", "pipelines")


class WorkerError(MmemoError):
    """No worker process can be started."""


@dataclass(frozen=True)
class Crash:
    """Stands for the result of a task whose process died twice, or exceeded its limits.

    Attributes:
        reason: in words.
    """

    reason: str


class WorkerPool(Generic[Task, Result]):
    """Processes that run tasks while the ``with`` block lasts; leaving it early interrupts them.

    Args:
        load: called once in each process; returns the function that runs a task. It and all that
            passes between processes must be picklable, and from modules, not from the script.
        arguments: of ``load``.
        jobs: number of processes at most.
        limits: of each task, which may extend them by ``allow``.
        on_report: called with a task and what it reports.
    """

    def __init__(
        self,
        load: Callable[..., Callable[[Task], Result]],
        *arguments: Any,
        jobs: int,
        limits: Limits = UNLIMITED,
        on_report: Callable[[Task, Any], None] = lambda task, content: None,
    ) -> None:
        self._load, self._jobs = (load, arguments), jobs
        self._limits, self._on_report = limits, on_report
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
            waits_s = None if self._limits == UNLIMITED else CHECK_EVERY_S
            for connection in wait([worker.connection for worker in self._workers], waits_s):
                worker = next(one for one in self._workers if one.connection is connection)
                finished = self._receive(worker)
                if finished is not None:
                    self._hand_out()  # processes need not wait for whoever takes the results
                    yield finished
            yield from self._end_excessive()

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
                worker.run(self._waiting.popleft(), self._limits)
        idle = [worker for worker in self._workers if worker.idle]
        if self._suspects and idle and not self._running():
            idle[0].run(self._suspects.popleft(), self._limits, again=True)

    def _receive(self, worker: "_Worker") -> tuple[Task, Result | Crash] | None:
        """Return a finished task and its result; None for any other message, or if it died."""
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            return self._drop(worker)
        if kind == "error":
            raise content
        if kind == "result":
            worker.busy = False
            return worker.task, content
        if kind == "loaded":
            worker.loaded, self._failed_starts = True, 0
        elif kind == "report":
            self._on_report(worker.task, content)
        elif kind == "allow":
            worker.limits += content
        elif kind == "log":
            logging.getLogger(content.name).handle(content)
        return None

    def _end_excessive(self) -> Iterator[tuple[Task, Crash]]:
        """Kill the processes whose tasks exceed their limits, and report these."""
        for worker in [one for one in self._workers if one.busy]:
            excess = worker.excess()
            if excess:
                self._workers.remove(worker)
                worker.process.kill()
                worker.end(DYING_S)
                yield worker.task, Crash(excess)

    def _drop(self, worker: "_Worker") -> tuple[Task, Crash] | None:
        """Remove a process that died; another is started if there is work for it."""
        self._workers.remove(worker)
        worker.end(DYING_S)
        if worker.busy and worker.again:
            exit_ = describe_exit(worker.process.exitcode)
            return worker.task, Crash(f"a decoder or a model crashed on it twice ({exit_})")
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
        levels = {name: logging.getLogger(name).level for name in LOGGERS}
        self.process = context.Process(
            target=work, args=(other_end, load, arguments, levels), daemon=True
        )
        start(self.process)
        other_end.close()  # so that this end notices when the process dies
        self.loaded = self.busy = self.again = False
        self.task: Any = None
        self.limits, self._started = UNLIMITED, 0.0

    @property
    def idle(self) -> bool:
        """Whether it can be given a task."""
        return self.loaded and not self.busy

    def run(self, task: Any, limits: Limits, *, again: bool = False) -> None:
        """Send a task; ``again`` if a process died of it before."""
        self.task, self.busy, self.again = task, True, again
        self.limits, self._started = limits, monotonic()
        with suppress(OSError):  # it died, which receiving reports
            self.connection.send(task)

    def excess(self) -> str:
        """Return which limit its task exceeds, in words, or ""."""
        if monotonic() - self._started > self.limits.seconds:
            return f"not finished within {self.limits.seconds:.0f} s; given up"
        if memory_of(self.process.pid) > self.limits.memory_bytes:
            gib = self.limits.memory_bytes / 2**30
            return f"it takes more than {gib:.1f} GiB of memory; given up"
        return ""

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


def memory_of(pid: int | None) -> int:
    """Return the bytes of memory that only this process uses; 0 where that is not known."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        return 1024 * int(status.partition("RssAnon:")[2].split()[0])
    except (OSError, IndexError):
        return 0


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
    """Start a process that calls ``ignore_interrupts``; until then, interrupts stay pending.

    Its number of threads is that of ``pipelines.workers.threads``.
    """
    with environment(ENVIRONMENT), _without_program():
        _start(process)


@contextmanager
def _without_program() -> Iterator[None]:
    """Keep a new process from running the user's script again.

    It would do so to find what tasks are made of, which here is never the script's; a script
    without ``if __name__ == "__main__"`` would then extract, and start processes, in each of them.
    """
    program = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = program


def _start(process: BaseProcess) -> None:
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        process.start()
        return
    resource_tracker.ensure_running()  # started meanwhile, it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
