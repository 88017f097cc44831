"""The server's side of the worker: starts it, sends one task at a time, kills it if it hangs.

The dispatcher is the thread that sends it one recording after another.
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
from pipelines.workers.pool import WorkerError, describe_exit, start

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 0.1
"""Interval between checks whether a task was cancelled."""
QUEUE_PATIENCE_S = 1.0
"""Interval between checks whether the server stops, while the queue is empty."""
START_S = 300.0
"""Time for loading the model."""
END_S = 3.0
"""Time for the process to end by itself."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a task.

    Attributes:
        summary: of the predictions; None if it failed.
        message: the reason of a failure, one line.
        notes: warnings.
    """

    summary: Mapping[str, Any] | None = None
    message: str = ""
    notes: tuple[str, ...] = field(default=())


class WorkerProcess:
    """A worker process that is started on demand, and again after it died or was killed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.about: Mapping[str, Any] = {}
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    @property
    def pid(self) -> int | None:
        """The process id; None without a process."""
        return None if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.is_alive()

    def start(self, go_on: Callable[[], bool] = lambda: True) -> None:
        """Start the process unless it is running, and wait until its model is loaded.

        Args:
            go_on: called regularly; once it returns False, the process is killed.

        Raises:
            WorkerError: the model cannot be loaded.
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
        theirs.close()  # so that this end notices when the process dies
        try:
            message = self._receive(go_on, time.monotonic() + START_S)
        except (EOFError, TimeoutError):
            message = {"fatal": "the process that reads recordings did not start"}
        if message is None or "fatal" in message:
            self.stop()
            raise WorkerError("stopped" if message is None else message["fatal"])
        self.about = message["ready"]

    def read(
        self, task: Task, limit_s: float, go_on: Callable[[], bool], on_stage: OnStage
    ) -> Outcome:
        """Read a recording in the process and return the outcome, also if the process dies.

        Args:
            task: the recording.
            limit_s: maximum time; after it the process is killed.
            go_on: called regularly; once it returns False, the process is killed.
            on_stage: called as the reading advances.

        Raises:
            WorkerError: no process can be started.
        """
        self.start(go_on)
        assert self._connection is not None
        deadline = time.monotonic() + limit_s
        try:
            self._connection.send_bytes(task.to_message())
            while True:
                message = self._receive(go_on, deadline)
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
            logger.warning("%s: the process reading it died (%s)", task.name, self._exit())
            self.stop()
            return Outcome(
                message=f"{task.name}: the process reading it died; the file may be damaged"
            )
        return Outcome(message.get("done"), message.get("failed", ""), tuple(message["notes"]))

    def close(self) -> None:
        """End the process; it ends by itself unless it is reading."""
        if self._process is not None and self._connection is not None:
            self._connection.close()  # it ends by itself when no more tasks can come
            self._process.join(END_S)
        self.stop()

    def stop(self) -> None:
        """Kill the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join(END_S)
            self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _receive(self, go_on: Callable[[], bool], deadline: float) -> dict[str, Any] | None:
        """Return the next message; None once ``go_on`` returns False."""
        assert self._connection is not None
        while not self._connection.poll(CHECK_EVERY_S):
            if not go_on():
                return None
            if time.monotonic() > deadline:
                raise TimeoutError
        message: dict[str, Any] = json.loads(self._connection.recv_bytes())
        return message

    def _exit(self) -> str:
        assert self._process is not None
        self._process.join(END_S)
        return describe_exit(self._process.exitcode)


class Dispatcher:
    """A thread that sends queued recordings to the worker and notes the outcome of each.

    Args:
        jobs: the recordings.
        worker: reads them; started if it is not running.
    """

    def __init__(self, jobs: Jobs, worker: WorkerProcess) -> None:
        self.jobs, self.worker = jobs, worker
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and the worker; a recording that is being read stays unfinished."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self.worker.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.jobs.expire()
            job = self.jobs.next_waiting(QUEUE_PATIENCE_S)
            if job is not None:
                self._read(job)
                self._restart_worker()

    def _read(self, job: Job) -> None:
        def go_on() -> bool:
            return job.state == "running" and not self._stopping.is_set()

        storage, limits = self.jobs.storage, self.jobs.limits
        media = storage.media(job)
        # Messages contain the path of a file or, as the id of a clip, its name.
        names = {str(media): job.name, media.name: job.name}
        if job.transcript:
            names = {str(storage.transcript(job)): job.transcript, **names}
        task = Task(media, job.name, limits.media_minutes * 60.0, names)
        try:
            outcome = self.worker.read(
                task,
                limits.job_minutes * 60.0,
                go_on,
                lambda stage, share: self.jobs.progress(job, stage, share),
            )
        except WorkerError as error:
            outcome = Outcome(message=f"{job.name}: {error}")
        except Exception:
            logger.exception("%s: not read", job.name)
            outcome = Outcome(message=f"{job.name}: internal error; see the server log")
        self.jobs.finish(
            job,
            "failed" if outcome.summary is None else "done",
            outcome.message,
            notes=outcome.notes,
            summary=outcome.summary,
        )
        logger.info("%s: %s", job.name, outcome.message or "read")

    def _restart_worker(self) -> None:
        """Start the worker again if it died, so that the next recording need not wait for it."""
        try:
            self.worker.start(lambda: not self._stopping.is_set())
        except WorkerError as error:
            if not self._stopping.is_set():
                logger.error("%s", error)
