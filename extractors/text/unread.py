"""Sound that the recogniser heard and whose words are not used, and the reason.

Whisper's own thresholds (Radford et al. 2022, section 4.5) belong to a window of at most 30 s: mean
log-probability of its tokens, compression ratio of its text, probability of no speech. Windows that
pass them may still be another language, which tiny.en turns into English words that nobody says: a
stricter limit on the log-probability finds nearly all of these, and costs almost no English word
(``python -m benchmarks.doubtful_speech``).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from extractors.text.transcripts.english import reason_not_english
from extractors.text.voices import Wordless
from mmemo.features import Unread, Word, longest_unread

NO_SPEECH = 0.6
IMPROBABLE_LOGPROB = -1.0
REPETITIVE = 2.4
"""Whisper's."""

DOUBTFUL_LOGPROB = -0.8
"""Below it, words are not used."""

LEAST_PROB = 1e-6
_NO_SPEECH_IF_IMPROBABLE = 0.4
"""Above it, improbable words are those of laughter or noise. Whisper's limit lets laughs pass."""

WITHOUT_WORDS = "sound was heard without words (laughter, noise)"
_NOT_READ = "speech was heard but not read: "
_UNCERTAIN = f"{_NOT_READ}the words are too uncertain; only English is read"
_PASSED_OVER = (
    f"{_NOT_READ}no words are recognised in it (another language, laughter, noise); "
    "only English is read"
)
_REPEATED = (
    f"{_NOT_READ}the words repeat themselves, as with another language or noise; "
    "only English is read"
)


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
        longest = longest_unread(self.unread)
        return None if longest is None else longest.statement


def reason_unread(segment: Any) -> str | None:
    """Return why the words of a segment are not used; None if they are.

    Args:
        segment: one of faster-whisper's, or one without words.
    """
    if isinstance(segment, Wordless) and segment.passed_over:
        return _PASSED_OVER
    improbable = segment.avg_logprob < IMPROBABLE_LOGPROB
    if is_wordless(segment) or (improbable and segment.no_speech_prob > _NO_SPEECH_IF_IMPROBABLE):
        return WITHOUT_WORDS
    if segment.compression_ratio > REPETITIVE:
        return _REPEATED
    return _UNCERTAIN if mean_logprob(segment) < DOUBTFUL_LOGPROB else None


def mean_logprob(segment: Any) -> float:
    """Return the mean log-probability of a segment's words, or of its window if that is less.

    A window's mean hides a sentence in another language beside English ones.
    """
    logs = [math.log(max(word.probability, LEAST_PROB)) for word in segment.words or ()]
    return min(float(segment.avg_logprob), sum(logs) / len(logs) if logs else 0.0)


def is_wordless(segment: Any) -> bool:
    """Return whether a segment's text has neither letters nor digits."""
    return not any(c.isalnum() for c in segment.text)


def confidence_of(segment: Any) -> float | None:
    """Return the mean probability (geometric) that ``mean_logprob`` has; None without words."""
    return None if is_wordless(segment) else min(math.exp(mean_logprob(segment)), 1.0)


def without_gibberish(hearing: Hearing) -> Hearing:
    """Return the hearing without its words if they are probably not English."""
    reason = reason_not_english([word.text for word in hearing.words])
    if reason is None:
        return hearing
    known = [word.confidence for word in hearing.words if word.confidence is not None]
    gibberish = Unread(
        hearing.words[0].start,
        hearing.words[-1].end,
        f"{_NOT_READ}{reason}; only English is read",
        sum(known) / len(known) if known else None,
    )
    unread = sorted((*hearing.unread, gibberish), key=lambda part: part.start)
    return replace(hearing, words=(), unread=tuple(unread))


def summary(unread: Sequence[Unread]) -> str:
    """Return one line about stretches that are not read: how long, from when, and why."""
    seconds = sum(part.length_s for part in unread)
    reason = Hearing((), tuple(unread)).reason
    return f"{seconds:.1f} s from {unread[0].start:.1f} s on have no words: {reason}"
