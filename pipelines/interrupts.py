"""Ctrl-C ends a program with one line, exit code 130, and within ``EXIT_S``.

The interrupt first unwinds the program as a ``KeyboardInterrupt``, so that files are closed and
unfinished ones removed. Where a library does not return in time, the process is ended.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from types import FrameType
from typing import NoReturn

EXIT_INTERRUPTED = 130
LINE = "mmemo: interrupted; run the same command again to go on"
EXIT_S = 1.6
"""Time for unwinding; after it the process is ended."""
CHILDREN_S = 0.5
"""Time for child processes to end, where unwinding has not ended them."""

_interrupted = threading.Event()
"""Set by the first Ctrl-C, after which the process ends."""

_SHOW_CURSOR = "\r\x1b[K\x1b[?25h"
"""Clears the line of a progress bar and shows the cursor that it hides."""


def run_interruptibly(program: Callable[[], int]) -> int:
    """Return the exit code of a program, or end the process once it is interrupted.

    For the entry points of commands only: whoever calls a command from Python gets an ordinary
    ``KeyboardInterrupt``. A program that was started with interrupts ignored keeps ignoring them.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return program()
    interrupt = _Interrupt()
    try:
        interrupt.arm()
        return program()
    finally:
        # Whatever became of it: libraries turn interrupts into errors of their own.
        if _interrupted.is_set():
            interrupt.exit()
        interrupt.disarm()


@contextmanager
def defer_interrupts() -> Iterator[None]:
    """Raise an interrupt at the end of the block instead of within it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[tuple[int, FrameType | None]] = []
    handler = signal.signal(signal.SIGINT, lambda *call: pending.append(call))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if pending and callable(handler):
            handler(*pending[0])


@contextmanager
def slow_exit() -> Iterator[None]:
    """Let the block take its time after an interrupt, which raises ``KeyboardInterrupt``."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wakeup = signal.set_wakeup_fd(-1)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.set_wakeup_fd(wakeup)


@contextmanager
def unwrap_interrupts() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` for errors that a library made of one.

    For blocks whose errors are turned into messages: compiled code that is interrupted raises
    ``SystemError``, and other libraries raise errors in which the interrupt is no longer seen.
    """
    try:
        yield
    except Exception as error:
        if _interrupted.is_set() or _is_behind(error):
            raise KeyboardInterrupt from error
        raise


def _is_behind(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


class _Interrupt:
    """The first Ctrl-C raises ``KeyboardInterrupt`` and starts the clock; later ones do nothing."""

    def __init__(self) -> None:
        self._exiting = threading.Lock()
        self._receiver, self._sender = socket.socketpair()
        self._sender.setblocking(False)
        self._unraisable = sys.unraisablehook

    def arm(self) -> None:
        """Handle interrupts from now on."""
        signal.signal(signal.SIGINT, self._raise)
        # The handler waits until a library returns to Python; this wakes the thread at once.
        signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        sys.unraisablehook = self._ignore_unraisable
        threading.Thread(target=self._exit_in_time, name="interrupts", daemon=True).start()

    def disarm(self) -> None:
        """Put everything back; the program ended by itself."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.set_wakeup_fd(-1)
        sys.unraisablehook = self._unraisable
        self._sender.close()

    def exit(self) -> NoReturn:
        """Print the line and end the process, without waiting for libraries to shut down."""
        self._exiting.acquire()  # for good: the line is printed once
        children = active_children()
        for child in children:
            child.terminate()  # which lets a worker remove its unfinished files
        deadline = time.monotonic() + CHILDREN_S
        for child in children:
            child.join(max(deadline - time.monotonic(), 0.0))
            child.kill()
        screen = _SHOW_CURSOR if sys.stderr.isatty() else ""
        os.write(sys.stderr.fileno(), f"{screen}{LINE}\n".encode())
        os._exit(EXIT_INTERRUPTED)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        if _interrupted.is_set():
            return
        _interrupted.set()
        logging.disable()  # what fails from now on fails because of the interrupt
        if _is_importing(frame):
            self.exit()  # an exception aborts the process while torch loads its libraries
        raise KeyboardInterrupt

    def _exit_in_time(self) -> None:
        while signals := self._receiver.recv(1):
            if signals[0] == signal.SIGINT:
                time.sleep(EXIT_S)
                self.exit()

    def _ignore_unraisable(self, unraisable: "sys.UnraisableHookArgs") -> None:
        # Raised inside a callback, the interrupt goes no further; it would only be printed.
        if not _interrupted.is_set():
            self._unraisable(unraisable)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
