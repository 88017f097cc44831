"""Compare the words of a transcript with the recording's length: units, another zero, other files.

A transcript with times in milliseconds, or one whose clock starts at ten hours, answers emotions
at times that the recording does not have.
"""

import logging
import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmemo.errors import TranscriptError
from mmemo.features import Word

logger = logging.getLogger(__name__)

LONGEST_WORD_S = 20.0
"""Half of all words are never longer than this; times in milliseconds are."""
OVERHANG_S = 2.0
"""Captions may stay on the screen for so long after the end of the recording."""
MAX_BEYOND = 0.05
"""Largest share of words after the end that are left out; with more, the file is of another one."""
HOUR_S = 3600.0


def fit_words(
    words: Sequence[Word], duration_s: float, path: Path, zero_s: float = 0.0
) -> tuple[Word, ...]:
    """Return words that lie within the recording: rescaled or shifted where that is plain.

    Args:
        words: in order of their starts, seconds.
        duration_s: length of the recording; 0 if it is unknown.
        path: the transcript, for messages.
        zero_s: the time at which the transcript says that its recording begins.

    Raises:
        TranscriptError: the words lie outside the recording.
    """
    if not words or not duration_s > 0:
        return tuple(words)
    doubtful = path.suffix.lower() == ".json" or not _fits(words, duration_s)
    if doubtful and _too_long(words):
        scaled = _moved(words, scale=1e-3)
        if _fits(scaled, duration_s):
            logger.warning("%s: its times are read as milliseconds", path)
            words = scaled
    if _beyond(words, duration_s) > MAX_BEYOND * len(words) and not _fits(words, duration_s):
        words = _shifted(words, duration_s, path, zero_s)
    beyond = _beyond(words, duration_s)
    if beyond:
        logger.warning(
            "%s: %d of %d words start after the end of the recording and are left out",
            path,
            beyond,
            len(words),
        )
    return tuple(
        replace(word, end=max(word.start, min(word.end, duration_s)))
        for word in words
        if word.start < duration_s
    )


def _beyond(words: Sequence[Word], duration_s: float) -> int:
    return sum(word.start >= duration_s for word in words)


def _too_long(words: Sequence[Word]) -> bool:
    return statistics.median(word.end - word.start for word in words) > LONGEST_WORD_S


def _fits(words: Sequence[Word], duration_s: float) -> bool:
    return words[0].start < duration_s and _end_s(words) <= duration_s + OVERHANG_S


def _end_s(words: Sequence[Word]) -> float:
    return max(word.end for word in words)


def _shifted(
    words: Sequence[Word], duration_s: float, path: Path, zero_s: float
) -> tuple[Word, ...]:
    """Shift words that lie after the end: by the file's own zero, or by whole hours."""
    for by_s in (zero_s, HOUR_S * math.floor(words[0].start / HOUR_S)):
        if by_s > 0 and by_s <= words[0].start:
            moved = _moved(words, by_s=by_s)
            if _fits(moved, duration_s):
                logger.warning("%s: its clock starts at %g s, which is subtracted", path, by_s)
                return moved
    raise _refusal(words, duration_s, path)


def _moved(words: Sequence[Word], *, by_s: float = 0.0, scale: float = 1.0) -> tuple[Word, ...]:
    return tuple(
        replace(word, start=(word.start - by_s) * scale, end=(word.end - by_s) * scale)
        for word in words
    )


def _refusal(words: Sequence[Word], duration_s: float, path: Path) -> TranscriptError:
    return TranscriptError(
        f"{path}: expected words within the recording, 0 to {duration_s:.2f} s; got words from "
        f"{words[0].start:.2f} to {_end_s(words):.2f} s; use the transcript of this recording, "
        "with times from its start"
    )
