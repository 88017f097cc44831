"""Messages between server and worker, without the packages that only the worker needs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mmemo.api import Decoder


@dataclass(frozen=True)
class Settings:
    """The model of a worker and how it is used.

    Attributes:
        run: the trained model's folder.
        decoder: how a label set is chosen, one of ``mmemo.inference.DECODERS``.
        device: where the model runs, as ``--device`` names it.
        log_level: level of its log messages.
        without: names of the channels to leave out.
    """

    run: Path
    decoder: Decoder
    device: str
    log_level: int
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """A recording for the worker to read.

    Attributes:
        media: the file; its transcript is beside it, and results are written there.
        name: the user's name of the file.
        limit_s: maximum length.
        names: path -> the user's name, of files that messages may mention.
    """

    media: Path
    name: str
    limit_s: float
    names: Mapping[str, str]

    def as_named(self, line: str) -> str:
        """Return a line with the user's names instead of paths."""
        for path, name in self.names.items():
            line = line.replace(path, name)
        return line

    def to_message(self) -> bytes:
        """Return the task as bytes to send."""
        return json.dumps({**asdict(self), "media": str(self.media)}).encode()

    @classmethod
    def from_message(cls, message: bytes) -> "Task":
        """Return the task that ``to_message`` encoded."""
        fields = json.loads(message)
        return cls(**{**fields, "media": Path(fields["media"])})
