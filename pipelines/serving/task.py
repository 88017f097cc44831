"""What passes between server and worker, without the packages that only the worker needs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What a worker is started with.

    Attributes:
        run: the trained model's folder.
        decoder: how a set is chosen, one of ``mmemo.inference.DECODERS``.
        device: where the model runs, as ``--device`` names it.
        log_level: of its messages.
    """

    run: Path
    decoder: str
    device: str
    log_level: int


@dataclass(frozen=True)
class Task:
    """What the worker is to read.

    Attributes:
        media: the file; a transcript may lie beside it, and what is made is written there.
        name: of the file as its user calls it.
        longest_s: refuse what is longer.
        names: what users call the files that messages may name, path -> name.
    """

    media: Path
    name: str
    longest_s: float
    names: Mapping[str, str]

    def as_named(self, line: str) -> str:
        """Put the user's names in the place of paths."""
        for path, name in self.names.items():
            line = line.replace(path, name)
        return line

    def to_message(self) -> bytes:
        """Write a task as it is sent."""
        return json.dumps({**asdict(self), "media": str(self.media)}).encode()

    @classmethod
    def from_message(cls, message: bytes) -> "Task":
        """Read what ``to_message`` wrote."""
        held = json.loads(message)
        return cls(**{**held, "media": Path(held["media"])})
