"""What a server takes on, and how long it keeps it."""

import math
from dataclasses import dataclass, fields

from mmemo.errors import ConfigError

MEGABYTE = 1_000_000


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
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < math.inf:
                option = field.name.replace("_", "-")
                raise ConfigError(f"--{option}: expected a number above 0; got {value:g}")

    @property
    def upload_bytes(self) -> int:
        """``upload_mb`` in bytes."""
        return round(self.upload_mb * MEGABYTE)
