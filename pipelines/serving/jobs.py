"""All recordings of a server: their list, the queue, and the removal of old ones.

Requests and the dispatcher use it from different threads; every public method takes the lock.
"""

import logging
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Condition
from typing import Any, Concatenate, ParamSpec, TypeVar

from mmemo.errors import MmemoError
from pipelines.serving.guard import RefusalError
from pipelines.serving.job import MEGABYTE, Job, Limits, Stage, State
from pipelines.serving.storage import Storage, clean, transcript_suffix

logger = logging.getLogger(__name__)

SPARE_BYTES = 200 * MEGABYTE
"""Free space needed beyond an upload: for results and other programs."""
UPLOAD_TIMEOUT_S = 120.0
"""An upload fails if no bytes arrive for this long."""

P = ParamSpec("P")
R = TypeVar("R")


def _locked(
    method: Callable[Concatenate["Jobs", P], R],
) -> Callable[Concatenate["Jobs", P], R]:
    def with_lock(self: "Jobs", /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._changed:
            return method(self, *args, **kwargs)

    with_lock.__doc__ = method.__doc__
    return with_lock


class Jobs:
    """The list of recordings, oldest first.

    Args:
        storage: of their files; finished jobs in it are listed too.
        limits: of this server.
        now: returns the time, seconds since the epoch.
    """

    def __init__(
        self, storage: Storage, limits: Limits, now: Callable[[], float] = time.time
    ) -> None:
        self.storage, self.limits, self._now = storage, limits, now
        self._changed = Condition()
        self._jobs: dict[str, Job] = {job.id: job for job in storage.recall()}

    @_locked
    def create(self, name: str, size: int, transcript: str | None = None) -> Job:
        """Announce a recording, whose upload follows.

        Raises:
            RefusalError: it is empty or too large, its transcript has an unknown suffix, or the
                queue or the disk is full.
        """
        self._expire()
        name, transcript = clean(name), clean(transcript) if transcript else ""
        if size <= 0:
            raise RefusalError(400, f"{name}: expected a recording; the file is empty")
        if size > self.limits.upload_bytes:
            raise RefusalError(413, self.too_large(name, size))
        if transcript and transcript_suffix(transcript) is None:
            kinds = ".json, .TextGrid, .vtt, .srt or .txt"
            raise RefusalError(415, f"{transcript}: expected a transcript ({kinds})")
        if sum(job.active for job in self._jobs.values()) >= self.limits.queue:
            raise RefusalError(
                429, f"{name}: the queue is full ({self.limits.queue} recordings); try again later"
            )
        if self.storage.free_bytes() < size + SPARE_BYTES:
            raise RefusalError(507, f"{name}: the server's disk is full; remove recordings there")
        job = Job(secrets.token_hex(16), name, transcript, size, self._now())
        self.storage.create(job)
        self._jobs[job.id] = job
        return job

    def too_large(self, name: str, size: float) -> str:
        """Return the message that a file is too large."""
        return (
            f"{name}: expected at most {self.limits.upload_mb:g} MB; "
            f"it has {max(size / MEGABYTE, self.limits.upload_mb + 0.1):.1f}"
        )

    @_locked
    def find(self, job_id: str) -> Job:
        """Return a recording.

        Raises:
            RefusalError: there is none with this id.
        """
        try:
            return self._jobs[job_id]
        except KeyError:
            raise RefusalError(
                404, "There is no such recording; it may have been removed"
            ) from None

    @_locked
    def begin_upload(self, job: Job) -> None:
        """Note that the upload of a recording or its transcript begins.

        Raises:
            RefusalError: it was uploaded already, is being uploaded, or was cancelled.
        """
        if job.state != "uploading" or job.receiving:
            raise RefusalError(409, f"{job.name}: its upload is over or already under way")
        job.receiving, job.touched = True, time.monotonic()

    @_locked
    def receive(self, job: Job, count: int) -> bool:
        """Count received bytes; return False once the upload is cancelled."""
        job.received += count
        job.share, job.touched = min(job.received / job.size, 1.0), time.monotonic()
        return job.state == "uploading"

    @_locked
    def pause_upload(self, job: Job) -> None:
        """Note that one file is complete; others may follow."""
        job.receiving = False

    @_locked
    def enqueue(self, job: Job) -> None:
        """Add a completely uploaded recording to the end of the queue.

        Raises:
            RefusalError: it was cancelled.
        """
        if job.state != "uploading":
            raise RefusalError(409, f"{job.name}: cancelled")
        job.state, job.stage, job.share, job.receiving = "waiting", "check", None, False
        # The queue has the order of arrival, not of announcement.
        self._jobs[job.id] = self._jobs.pop(job.id)
        self._changed.notify_all()

    @_locked
    def next_waiting(self, patience_s: float) -> Job | None:
        """Take the next recording of the queue; None if none arrives within ``patience_s``."""
        job = self._first_waiting()
        if job is None:
            self._changed.wait(patience_s)
            job = self._first_waiting()
        if job is not None:
            job.state, job.started = "running", self._now()
        return job

    def _first_waiting(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.state == "waiting"), None)

    @_locked
    def progress(self, job: Job, stage: Stage, share: float | None) -> None:
        """Note the progress of reading."""
        job.stage, job.share = stage, share

    @_locked
    def finish(
        self,
        job: Job,
        state: State,
        message: str = "",
        *,
        notes: Sequence[str] = (),
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        """Note the outcome of a recording, unless it was cancelled; then remove old ones."""
        if job.active:
            job.state, job.message, job.finished = state, message, self._now()
            job.notes, job.summary = tuple(notes), summary
        self._settle(job)
        self._expire()

    @_locked
    def cancel(self, job: Job) -> None:
        """Stop a recording; it stays listed, its files are removed.

        Raises:
            RefusalError: it is finished.
        """
        if not job.active:
            raise RefusalError(409, f"{job.name}: there is nothing to cancel")
        running = job.state == "running"
        job.state, job.message, job.finished = "cancelled", "cancelled", self._now()
        if not running:  # otherwise once the worker has stopped
            self._settle(job)

    @_locked
    def remove(self, job: Job) -> None:
        """Stop a recording and remove it with all its files."""
        self._jobs.pop(job.id, None)
        if job.active:
            job.state = "cancelled"
        self.storage.remove(job)

    @_locked
    def clear(self) -> None:
        """Remove all finished recordings."""
        for job in [job for job in self._jobs.values() if not job.active]:
            self.remove(job)

    @_locked
    def expire(self) -> None:
        """Fail stalled uploads, and remove finished recordings beyond the limits."""
        self._expire()

    @_locked
    def describe(self) -> list[dict[str, Any]]:
        """Return the JSON of all recordings for the page, oldest first."""
        now = self._now()
        waiting = [job.id for job in self._jobs.values() if job.state == "waiting"]
        before = {job_id: place for place, job_id in enumerate(waiting)}
        busy = any(job.state == "running" for job in self._jobs.values())
        return [
            {
                **job.describe(now),
                "before": before[job.id] + busy if job.id in before else None,
                "thumbnail": self.storage.thumbnail(job).is_file(),
            }
            for job in self._jobs.values()
        ]

    def _settle(self, job: Job) -> None:
        """Save a finished job, and remove the files of one without results."""
        if job.id not in self._jobs:
            self.storage.remove(job)
            return
        try:
            if job.state != "done":
                self.storage.empty(job)
            self.storage.remember(job)
        except (OSError, MmemoError) as error:
            logger.warning("%s: not written (%s)", self.storage.folder(job), error)

    def _expire(self) -> None:
        for job in list(self._jobs.values()):
            if job.state == "uploading" and time.monotonic() - job.touched > UPLOAD_TIMEOUT_S:
                job.state, job.finished = "failed", self._now()
                job.message = "the upload stopped; try again"
                self._settle(job)
        ended = [job for job in self._jobs.values() if not job.active]
        ended.sort(key=lambda job: job.finished or 0.0, reverse=True)
        keep, hours = self.limits.keep, self.limits.keep_hours
        oldest = -math.inf if hours is None else self._now() - hours * 3600.0
        for place, job in enumerate(ended):
            if (keep is not None and place >= keep) or (job.finished or 0.0) < oldest:
                self.remove(job)
