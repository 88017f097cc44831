"""The server's side of the worker: start it, give it one task at a time, end it if it hangs."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from mmemo.errors import MmemoError
from pipelines.serving.job import OnStage
from pipelines.serving.task import Settings, Task
from pipelines.serving.worker import run_worker

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
"""How often it is looked whether a task is still wanted."""
START_S = 300.0
"""Time for loading the model."""
END_S = 3.0


class WorkerError(MmemoError):
    """The worker cannot do what it is for: its model does not load."""


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes:
        summary: what was found; None if it failed.
        message: why it failed, one line.
        notes: warnings.
    """

    summary: Mapping[str, Any] | None = None
    message: str = ""
    notes: tuple[str, ...] = field(default=())


class WorkerProcess:
    """A worker that is started when there is none, and started anew after it had to be ended."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.about: Mapping[str, Any] = {}
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    @property
    def pid(self) -> int | None:
        """The process's number; None where there is none."""
        return None if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.is_alive()

    def start(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Start the process if there is none, and wait until its model is loaded.

        Args:
            wanted: asked now and then; once it says no, the process is ended again.

        Raises:
            WorkerError: it cannot be loaded.
        """
        if self.alive:
            return
        self.stop()
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=run_worker, args=(theirs, self.settings), name="mmemo reading", daemon=True
        )
        self._process.start()
        theirs.close()  # so that its end is heard once the process is gone
        try:
            message = self._hear(wanted, time.monotonic() + START_S)
        except (EOFError, TimeoutError):
            message = {"fatal": "the process that reads recordings did not start"}
        if message is None or "fatal" in message:
            self.stop()
            raise WorkerError("stopped" if message is None else message["fatal"])
        self.about = message["ready"]

    def read(
        self, task: Task, limit_s: float, wanted: Callable[[], bool], on_stage: OnStage
    ) -> Outcome:
        """Have a recording read.

        Args:
            task: what to read.
            limit_s: how long it may take; after that the process is ended.
            wanted: asked now and then; once it says no, the process is ended.
            on_stage: told how far it is.

        Returns:
            How it ended, also where the process died of it.

        Raises:
            WorkerError: no process can be started.
        """
        self.start(wanted)
        assert self._connection is not None
        deadline = time.monotonic() + limit_s
        try:
            self._connection.send_bytes(task.to_message())
            while True:
                message = self._hear(wanted, deadline)
                if message is None:
                    self.stop()
                    return Outcome(message="cancelled")
                if "stage" not in message:
                    break
                on_stage(message["stage"], message["share"])
        except TimeoutError:
            self.stop()
            return Outcome(
                message=f"{task.name}: not read within {limit_s / 60:g} minutes; given up"
            )
        except (EOFError, OSError):
            logger.warning("%s: the process reading it died (%s)", task.name, self._how_it_ended())
            self.stop()
            return Outcome(
                message=f"{task.name}: the process reading it died; the file may be damaged"
            )
        return Outcome(message.get("done"), message.get("failed", ""), tuple(message["notes"]))

    def close(self) -> None:
        """End the process in its own time, which is short unless it is reading."""
        if self._process is not None and self._connection is not None:
            self._connection.close()  # it ends when nothing can come any more
            self._process.join(END_S)
        self.stop()

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join(END_S)
            self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _hear(self, wanted: Callable[[], bool], deadline: float) -> dict[str, Any] | None:
        """Wait for a message; None once it is no longer wanted."""
        assert self._connection is not None
        while not self._connection.poll(LOOK_EVERY_S):
            if not wanted():
                return None
            if time.monotonic() > deadline:
                raise TimeoutError
        message: dict[str, Any] = json.loads(self._connection.recv_bytes())
        return message

    def _how_it_ended(self) -> str:
        assert self._process is not None
        self._process.join(END_S)
        code = self._process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
