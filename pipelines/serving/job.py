"""One recording on its way from upload to page, and the limits of what is taken on."""

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
"""In their order; those of a modality that a recording does not have are passed over."""

OnStage = Callable[[Stage, float | None], None]
"""Told the stage that is under way, and the share of it that is done, None if nobody can tell."""

_KEPT = ("id", "name", "transcript", "size", "created", "state", "finished", "message")


@dataclass(frozen=True)
class Limits:
    """What a server takes on; all of it above 0.

    Attributes:
        upload_mb: size of one recording.
        media_minutes: its length.
        job_minutes: time for reading it, after which it counts as hanging.
        queue: how many recordings may be on their way at a time.
        keep: how many are kept once they are done; the oldest goes first.
        keep_hours: how long they are kept.

    Raises:
        ConfigError: a value is not above 0.
    """

    upload_mb: float = 500.0
    media_minutes: float = 30.0
    job_minutes: float = 60.0
    queue: int = 20
    keep: int = 50
    keep_hours: float = 24.0

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if not 0 < value < math.inf:
                option = limit.name.replace("_", "-")
                raise ConfigError(f"--{option}: expected a number above 0; got {value:g}")

    @property
    def upload_bytes(self) -> int:
        """``upload_mb`` in bytes."""
        return round(self.upload_mb * MEGABYTE)


@dataclass
class Job:
    """A recording and what is known of it. Times are seconds since the epoch.

    Attributes:
        id: random, and all that paths are made of.
        name: of the file, as shown.
        transcript: name of the transcript that comes with it, "" if none.
        size: bytes, as announced.
        created: when it was announced.
        state: where it stands.
        stage: what is being done.
        share: how much of the stage is done, 0 to 1; None where nobody can tell.
        received: bytes of the recording that have come.
        receiving: whether one of its files is coming just now.
        touched: when something last came, on the monotonic clock.
        started: when reading began.
        finished: when it ended, one way or other.
        message: one line on how it ended, "" if all went well.
        notes: warnings.
        summary: what was found, in short.
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
        """Whether something is still to be done."""
        return self.state in ACTIVE

    def describe(self, now: float) -> dict[str, Any]:
        """Tell what a page shows."""
        described = self.to_json()
        ends = now if self.finished is None else self.finished
        began = self.started
        described |= {"stage": self.stage, "share": self.share}
        described["elapsed_s"] = None if began is None else round(max(ends - began, 0.0), 1)
        return described

    def to_json(self) -> dict[str, Any]:
        """Return what outlives the server."""
        held: dict[str, Any] = {name: getattr(self, name) for name in _KEPT}
        return {**held, "notes": list(self.notes), "summary": self.summary}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> "Job":
        """Read what ``to_json`` returned.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        job = cls(*(held[name] for name in _KEPT[:5]))
        job = replace(job, **{name: held[name] for name in (*_KEPT[5:], "summary")})
        job.notes = tuple(map(str, held["notes"]))
        texts = (job.id, job.name, job.transcript, job.message)
        numbers = (job.size, job.created, job.finished)
        known = all(isinstance(text, str) for text in texts)
        if not known or not all(isinstance(number, int | float) for number in numbers):
            raise TypeError("expected texts and numbers")
        if job.state not in ("done", "failed", "cancelled"):
            raise ValueError(f"expected a state at the end; got {job.state!r}")
        return job
