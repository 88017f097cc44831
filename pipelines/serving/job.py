"""One recording from upload to report, and the limits of a server."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from mmemo.errors import ConfigError

MEGABYTE = 1_000_000

State = Literal["uploading", "waiting", "running", "done", "failed", "cancelled"]
Stage = Literal["upload", "check", "face", "voice", "words", "emotions", "page"]

ACTIVE: tuple[State, ...] = ("uploading", "waiting", "running")
STAGES: tuple[Stage, ...] = ("upload", "check", "face", "voice", "words", "emotions", "page")
"""In order; stages of a modality that a recording does not have are skipped."""

OnStage = Callable[[Stage, float | None], None]
"""Called with the current stage and the share of it that is done; None if unknown."""

_SAVED = ("id", "name", "transcript", "size", "created", "state", "finished", "message")


@dataclass(frozen=True)
class Limits:
    """The limits of a server, all above 0; None is no limit.

    Attributes:
        upload_mb: size of one recording.
        media_minutes: its length.
        job_minutes: time to read it; after that its process is killed.
        queue: unfinished recordings at a time.
        keep: finished recordings; the oldest is removed first.
        keep_hours: age of a finished recording.

    Raises:
        ConfigError: a value is not above 0.
    """

    upload_mb: float = 500.0
    media_minutes: float = 30.0
    job_minutes: float = 60.0
    queue: int = 20
    keep: int | None = 50
    keep_hours: float | None = 24.0

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if value is not None and not 0 < value < math.inf:
                option = limit.name.replace("_", "-")
                raise ConfigError(f"--{option}: expected a number above 0; got {value:g}")

    @property
    def upload_bytes(self) -> int:
        """``upload_mb`` in bytes."""
        return round(self.upload_mb * MEGABYTE)


@dataclass
class Job:
    """A recording and its state. Times are seconds since the epoch.

    Attributes:
        id: random; paths contain nothing else.
        name: displayed name of the file.
        transcript: name of its transcript, "" if there is none.
        size: announced size in bytes.
        created: when it was announced.
        state: its state.
        stage: its current stage.
        share: how much of the stage is done, 0 to 1; None if unknown.
        received: bytes of the recording so far.
        receiving: whether one of its files is being uploaded now.
        touched: when bytes last arrived, on the monotonic clock.
        started: when reading began.
        finished: when it was done, failed or was cancelled.
        message: the reason of a failure, one line, or "".
        notes: warnings.
        summary: of its predictions.
    """

    id: str
    name: str
    transcript: str
    size: int
    created: float
    state: State = "uploading"
    stage: Stage = "upload"
    share: float | None = 0.0
    received: int = 0
    receiving: bool = False
    touched: float = field(default_factory=time.monotonic)
    started: float | None = None
    finished: float | None = None
    message: str = ""
    notes: tuple[str, ...] = ()
    summary: Mapping[str, Any] | None = None

    @property
    def active(self) -> bool:
        """Whether it is unfinished."""
        return self.state in ACTIVE

    def describe(self, now: float) -> dict[str, Any]:
        """Return the JSON for the page."""
        described = self.to_json()
        ends = now if self.finished is None else self.finished
        began = self.started
        described |= {"stage": self.stage, "share": self.share}
        described["elapsed_s"] = None if began is None else round(max(ends - began, 0.0), 1)
        return described

    def to_json(self) -> dict[str, Any]:
        """Return the JSON that is saved."""
        saved: dict[str, Any] = {name: getattr(self, name) for name in _SAVED}
        return {**saved, "notes": list(self.notes), "summary": self.summary}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Job":
        """Return the finished job that ``to_json`` described.

        Raises:
            KeyError, TypeError, ValueError: ``saved`` is something else.
        """
        job = cls(*(saved[name] for name in _SAVED[:5]))
        job = replace(job, **{name: saved[name] for name in (*_SAVED[5:], "summary")})
        job.notes = tuple(map(str, saved["notes"]))
        texts = (job.id, job.name, job.transcript, job.message)
        numbers = (job.size, job.created, job.finished)
        known = all(isinstance(text, str) for text in texts)
        if not known or not all(isinstance(number, int | float) for number in numbers):
            raise TypeError("expected texts and numbers")
        if job.state not in ("done", "failed", "cancelled"):
            raise ValueError(f"expected a state at the end; got {job.state!r}")
        return job
