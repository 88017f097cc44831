"""Names that users give to files: shown, never used as paths."""

from pathlib import PurePosixPath

from extractors.text.transcripts import SUFFIXES
from mmemo.datasets.clips import MEDIA_SUFFIXES

LONGEST = 120
UNNAMED = "recording"


def clean(name: str) -> str:
    """Keep of a name what can be shown and offered for saving: one line, no folders."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in base if c.isprintable()).strip().lstrip(".").strip()
    if len(shown) > LONGEST:
        suffix = PurePosixPath(shown).suffix[:LONGEST]
        shown = shown[: LONGEST - len(suffix)] + suffix
    return shown or UNNAMED


def stem(name: str) -> str:
    """Take a clean name without its suffix."""
    return PurePosixPath(name).stem


def media_suffix(name: str) -> str:
    """Take the suffix of a recording if it is a known one, else ""; readers look inside."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix in MEDIA_SUFFIXES else ""


def transcript_suffix(name: str) -> str | None:
    """Find which kind of transcript a name promises; None if none that is known."""
    lowered = name.lower()
    return next((suffix for suffix in SUFFIXES if lowered.endswith(suffix.lower())), None)
