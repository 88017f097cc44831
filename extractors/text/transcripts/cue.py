"""One caption as it is written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cue:
    """A caption, before its text is read.

    Attributes:
        place: where it stands, for messages.
        start: seconds.
        end: seconds.
        lines: of its text.
    """

    place: str
    start: float
    end: float
    lines: tuple[str, ...]
