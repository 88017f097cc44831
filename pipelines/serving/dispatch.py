"""Hand the worker one recording after another, and note how each ended."""

import logging
from threading import Event, Thread

from pipelines.serving.job import Job
from pipelines.serving.jobs import Jobs
from pipelines.serving.task import Task
from pipelines.serving.worker_process import Outcome, WorkerError, WorkerProcess

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


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
            job = self.jobs.next_waiting(LOOK_EVERY_S)
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
        state = "failed" if outcome.summary is None else "done"
        self.jobs.finish(
            job,
            state,  # type: ignore[arg-type]
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
