"""All recordings that a server knows: which there are, whose turn it is, which must go.

Requests and the dispatcher ask from different threads; every method holds the lock.
"""

import logging
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
"""Must stay free on the disk beyond an upload: pages, answers, other programs."""
UPLOAD_PATIENCE_S = 120.0
"""An upload of which nothing comes for so long is given up."""

P = ParamSpec("P")
R = TypeVar("R")


def _locked(
    method: Callable[Concatenate["Jobs", P], R],
) -> Callable[Concatenate["Jobs", P], R]:
    def holding(self: "Jobs", /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._changed:
            return method(self, *args, **kwargs)

    holding.__doc__ = method.__doc__
    return holding


class Jobs:
    """The list of recordings, oldest first.

    Args:
        storage: where their files lie; jobs found there are listed as they ended.
        limits: what is taken on and kept.
        now: the time, seconds since the epoch.
    """

    def __init__(
        self, storage: Storage, limits: Limits, now: Callable[[], float] = time.time
    ) -> None:
        self.storage, self.limits, self._now = storage, limits, now
        self._changed = Condition()
        self._jobs: dict[str, Job] = {job.id: job for job in storage.recall()}

    @_locked
    def create(self, name: str, size: int, transcript: str | None = None) -> Job:
        """Announce a recording; its bytes come next.

        Raises:
            RefusalError: it is empty or too large, its transcript is of no known kind, the queue or
                the disk is full.
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
        """Say that a file is larger than what is taken."""
        return (
            f"{name}: expected at most {self.limits.upload_mb:g} MB; "
            f"it has {max(size / MEGABYTE, self.limits.upload_mb + 0.1):.1f}"
        )

    @_locked
    def find(self, job_id: str) -> Job:
        """Find a recording.

        Raises:
            RefusalError: there is none of that id.
        """
        try:
            return self._jobs[job_id]
        except KeyError:
            raise RefusalError(
                404, "There is no such recording; it may have been removed"
            ) from None

    @_locked
    def begin_upload(self, job: Job) -> None:
        """Say that bytes of a recording or its transcript begin to come.

        Raises:
            RefusalError: they have come already, or are coming, or are no longer wanted.
        """
        if job.state != "uploading" or job.receiving:
            raise RefusalError(409, f"{job.name}: its upload is over or already under way")
        job.receiving, job.touched = True, time.monotonic()

    @_locked
    def receive(self, job: Job, count: int) -> bool:
        """Count bytes of a recording that came; False once they are no longer wanted."""
        job.received += count
        job.share, job.touched = min(job.received / job.size, 1.0), time.monotonic()
        return job.state == "uploading"

    @_locked
    def pause_upload(self, job: Job) -> None:
        """Say that a file has come whole, and others may follow."""
        job.receiving = False

    @_locked
    def enqueue(self, job: Job) -> None:
        """Say that a recording has come whole, and put it at the end of the queue.

        Raises:
            RefusalError: it is no longer wanted.
        """
        if job.state != "uploading":
            raise RefusalError(409, f"{job.name}: cancelled")
        job.state, job.stage, job.share, job.receiving = "waiting", "check", None, False
        # The queue is in the order of arrival, not of announcement.
        self._jobs[job.id] = self._jobs.pop(job.id)
        self._changed.notify_all()

    @_locked
    def next_waiting(self, patience_s: float) -> Job | None:
        """Take the recording whose turn it is; None if none comes while one waits for it."""
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
        """Note how far the reading is."""
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
        """Note how a recording ended, unless it was cancelled meanwhile; then let the old go."""
        if job.active:
            job.state, job.message, job.finished = state, message, self._now()
            job.notes, job.summary = tuple(notes), summary
        self._settle(job)
        self._expire()

    @_locked
    def cancel(self, job: Job) -> None:
        """Stop what is being done; the recording stays listed, its files go.

        Raises:
            RefusalError: nothing is being done.
        """
        if not job.active:
            raise RefusalError(409, f"{job.name}: there is nothing to cancel")
        running = job.state == "running"
        job.state, job.message, job.finished = "cancelled", "cancelled", self._now()
        if not running:  # else once the worker has let go of it
            self._settle(job)

    @_locked
    def remove(self, job: Job) -> None:
        """Stop what is being done, and forget the recording with all its files."""
        self._jobs.pop(job.id, None)
        if job.active:
            job.state = "cancelled"
        self.storage.remove(job)

    @_locked
    def clear(self) -> None:
        """Forget all recordings that have ended."""
        for job in [job for job in self._jobs.values() if not job.active]:
            self.remove(job)

    @_locked
    def expire(self) -> None:
        """Give up uploads of which nothing comes, and forget what is too old or too many."""
        self._expire()

    @_locked
    def describe(self) -> list[dict[str, Any]]:
        """Tell of all recordings what a page shows, oldest first."""
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
        """Bring a job's folder into the state in which it stays."""
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
            if job.state == "uploading" and time.monotonic() - job.touched > UPLOAD_PATIENCE_S:
                job.state, job.finished = "failed", self._now()
                job.message = "the upload stopped; try again"
                self._settle(job)
        ended = [job for job in self._jobs.values() if not job.active]
        ended.sort(key=lambda job: job.finished or 0.0, reverse=True)
        oldest = self._now() - self.limits.keep_hours * 3600.0
        for place, job in enumerate(ended):
            if place >= self.limits.keep or (job.finished or 0.0) < oldest:
                self.remove(job)
