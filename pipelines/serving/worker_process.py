"""The server's side of the worker: start it, give it one task at a time, end it if it hangs.

A thread hands it one recording after another, and notes how each ended.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import Event, Thread
from typing import Any

from pipelines.serving.job import Job, OnStage
from pipelines.serving.jobs import Jobs
from pipelines.serving.task import Settings, Task
from pipelines.serving.worker import run_worker
from pipelines.workers import WorkerError, describe_exit, start

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
"""How often it is looked whether a task is still wanted."""
TURN_EVERY_S = 1.0
"""How long the list is waited for before it is looked whether the server stops."""
START_S = 300.0
"""Time for loading the model."""
END_S = 3.0


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
        start(self._process)
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
        return describe_exit(self._process.exitcode)


class Dispatcher:
    """A thread between the list of recordings and the worker.

    Args:
        jobs: the list.
        worker: who reads, started here if it is not running.
    """

    def __init__(self, jobs: Jobs, worker: WorkerProcess) -> None:
        self.jobs, self.worker = jobs, worker
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Begin with what waits."""
        self._thread.start()

    def stop(self) -> None:
        """End, and the worker too; what it was reading is left undone."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self.worker.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.jobs.expire()
            job = self.jobs.next_waiting(TURN_EVERY_S)
            if job is not None:
                self._read(job)
                self._be_ready()

    def _read(self, job: Job) -> None:
        def wanted() -> bool:
            return job.state == "running" and not self._stopping.is_set()

        storage, limits = self.jobs.storage, self.jobs.limits
        media = storage.media(job)
        # A message names files by their paths or, where they are called clips, by their names.
        names = {str(media): job.name, media.name: job.name}
        if job.transcript:
            names = {str(storage.transcript(job)): job.transcript, **names}
        task = Task(media, job.name, limits.media_minutes * 60.0, names)
        try:
            outcome = self.worker.read(
                task,
                limits.job_minutes * 60.0,
                wanted,
                lambda stage, share: self.jobs.progress(job, stage, share),
            )
        except WorkerError as error:
            outcome = Outcome(message=f"{job.name}: {error}")
        except Exception:
            logger.exception("%s: not read", job.name)
            outcome = Outcome(message=f"{job.name}: mmemo erred; the server's log says where")
        self.jobs.finish(
            job,
            "failed" if outcome.summary is None else "done",
            outcome.message,
            notes=outcome.notes,
            summary=outcome.summary,
        )
        logger.info("%s: %s", job.name, outcome.message or "read")

    def _be_ready(self) -> None:
        """Start the worker anew if it died, so that the next recording need not wait for it."""
        try:
            self.worker.start(lambda: not self._stopping.is_set())
        except WorkerError as error:
            if not self._stopping.is_set():
                logger.error("%s", error)
