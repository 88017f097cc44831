"""What happens inside a worker process: tasks come in, results, reports and log records go out.

A process ignores Ctrl-C, which reaches all processes of a terminal; the program decides what
happens. It ends with the program.
"""

import ctypes
import logging
import math
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from logging.handlers import QueueHandler
from multiprocessing import parent_process, util
from multiprocessing.connection import Connection, wait
from threading import Lock, Thread
from types import FrameType
from typing import Any

from mmemo.errors import MmemoError

_PR_SET_PDEATHSIG = 1
"""Linux, ``sys/prctl.h``."""


@dataclass(frozen=True)
class Limits:
    """What a task may use at most.

    Attributes:
        seconds: from its start to its result.
        memory_bytes: of its process, without files that are mapped; only known on Linux.
    """

    seconds: float = math.inf
    memory_bytes: float = math.inf

    def __add__(self, more: "Limits") -> "Limits":
        """Return the sum of both."""
        return Limits(self.seconds + more.seconds, self.memory_bytes + more.memory_bytes)


UNLIMITED = Limits()


class _Program:
    """The worker's side of the connection; several threads may send."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, Lock()

    def send(self, kind: str, content: Any = None) -> None:
        with self._lock:
            self._connection.send((kind, content))

    def receive(self) -> Any:
        return self._connection.recv()


class _SendsRecords(QueueHandler):
    """Sends records of the log to the program."""

    def __init__(self, program: _Program) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # there is no queue
        self._program = program

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # the program may have closed the connection
            self._program.send("log", record)


_program: _Program | None = None
"""Set in a worker process."""


def report(content: Any) -> None:
    """Send something about the running task to ``on_report``; nothing outside of a worker."""
    if _program is not None:
        with suppress(OSError):
            _program.send("report", content)


def allow(more: Limits) -> None:
    """Add to the limits of the running task; nothing outside of a worker."""
    if _program is not None:
        with suppress(OSError):
            _program.send("allow", more)


def work(
    connection: Connection,
    load: Callable[..., Callable[[Any], Any]],
    arguments: tuple[Any, ...],
    levels: Mapping[str, int],
) -> None:
    """Load, then run tasks until no more can come or one is interrupted."""
    global _program
    ignore_interrupts()
    signal.signal(signal.SIGTERM, _interrupt_task)
    _program = _Program(connection)
    logging.getLogger().addHandler(_SendsRecords(_program))
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    try:
        run_task = load(*arguments)
        _program.send("loaded")
        while True:
            task = _program.receive()
            _program.send("result", run_task(task))
    except (EOFError, KeyboardInterrupt):
        pass
    except Exception as error:
        with suppress(OSError):  # the program may have closed the connection
            _program.send("error", _portable(error))
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


def ignore_interrupts() -> None:
    """Leave Ctrl-C, which reaches all processes of a terminal, to the program; end with it.

    To be called first in a process started by ``start``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _be_killed_with_program()
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    Thread(target=_end_with_program, name="end with program", daemon=True).start()


def _be_killed_with_program() -> None:
    """Let the kernel kill this process when the thread that started it ends (Linux).

    A thread of our own cannot do so while compiled code does not return to Python.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        program = parent_process()
        if program is not None and os.getppid() != program.pid:  # it died before
            os._exit(1)


def _end_with_program() -> None:
    program = parent_process()
    if program is not None:
        wait([program.sentinel])
        os._exit(1)
