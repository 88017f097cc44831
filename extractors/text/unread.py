"""Sound that the recogniser heard and whose words are not used, and the reason.

Thresholds are Whisper's own (Radford et al. 2022, section 4.5), and belong to a window of at most
30 s: mean log-probability of its tokens, compression ratio of its text, probability of no speech.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from extractors.text.transcripts.english import reason_not_english
from mmemo.features import Word

NO_SPEECH = 0.6
DOUBTFUL_LOGPROB = -1.0
REPETITIVE = 2.4

_NO_SPEECH_IF_DOUBTFUL = 0.4
"""Above it, doubtful words are those of laughter or noise. Whisper's limit lets laughs pass."""

WITHOUT_WORDS = "sound was heard without words (laughter, noise)"
_NOT_READ = "speech was heard but not read: "
_REPEATED = (
    f"{_NOT_READ}the words repeat themselves, as with another language or noise; "
    "only English is read"
)


@dataclass(frozen=True)
class Unread:
    """A stretch of sound without usable words.

    Attributes:
        start_s: seconds, as the sound's time.
        end_s: seconds, as the sound's time.
        reason: what was heard, and why it is not used.
    """

    start_s: float
    end_s: float
    reason: str


@dataclass(frozen=True)
class Hearing:
    """What the recogniser heard.

    Attributes:
        words: those that are used.
        unread: the stretches whose words are not used; empty if nothing else was heard.
    """

    words: tuple[Word, ...]
    unread: tuple[Unread, ...] = ()

    @property
    def reason(self) -> str | None:
        """Why the longest part of what was heard is not read; None if there is no such part."""
        lengths: dict[str, float] = {}
        for part in self.unread:
            lengths[part.reason] = lengths.get(part.reason, 0.0) + part.end_s - part.start_s
        return max(lengths, key=lambda reason: lengths[reason], default=None)


def reason_unread(segment: Any) -> str | None:
    """Return why the words of a segment are not used; None if they are.

    Args:
        segment: one of faster-whisper's.
    """
    doubtful = segment.avg_logprob < DOUBTFUL_LOGPROB
    wordless = not any(c.isalnum() for c in segment.text)
    if wordless or (doubtful and segment.no_speech_prob > _NO_SPEECH_IF_DOUBTFUL):
        return WITHOUT_WORDS
    if segment.compression_ratio > REPETITIVE:
        return _REPEATED
    if doubtful:
        confidence = math.exp(segment.avg_logprob)
        return f"{_NOT_READ}the words are too uncertain ({confidence:.2f} of 1)"
    return None


def without_gibberish(hearing: Hearing) -> Hearing:
    """Return the hearing without its words if they are probably not English."""
    reason = reason_not_english([word.text for word in hearing.words])
    if reason is None:
        return hearing
    reason = f"{_NOT_READ}{reason}; only English is read"
    gibberish = Unread(hearing.words[0].start, hearing.words[-1].end, reason)
    return replace(hearing, words=(), unread=(*hearing.unread, gibberish))


def summary(unread: Sequence[Unread]) -> str:
    """Return one line about stretches that are not read: how long, from when, and why."""
    seconds = sum(part.end_s - part.start_s for part in unread)
    reason = Hearing((), tuple(unread)).reason
    return f"{seconds:.1f} s from {unread[0].start_s:.1f} s on have no words: {reason}"
