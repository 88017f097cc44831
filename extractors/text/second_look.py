"""A second look at doubtful voices: words stand only if the voice alone is heard as English too.

Whisper decodes windows of 30 s. English in a window makes it hear more English: of another language
beside it, some becomes English words, and these are often probable enough to be used. Heard alone,
the same voice becomes improbable words. Only voices with doubtful words are heard again, since the
second look costs as much as the first. ``python -m benchmarks.doubtful_speech`` measures both.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from extractors.text.unread import DOUBTFUL_LOGPROB, LEAST_PROB, mean_logprob, reason_unread
from extractors.text.voices import Voice, Wordless

DOUBTFUL_VOICE_LOGPROB = -0.3
"""Mean log-probability of the words in a voice below which it is heard again."""

_LEAST_LOGPROB_ALONE = -0.65
"""Of a voice alone; stricter than that of a window, since its words were doubtful before."""

_WINDOW_S = 30.0
"""Longer voices fill windows of their own."""
_OUTSIDE_S = 0.2
"""Words may lie this far outside the voice that says them."""

_FEWEST_WORDS = 3
"""Fewer are uncertain alone in English too, or belong to the voice beside: first words of sentences
often begin too early."""

Listen = Callable[[float, float], list[Any]]
"""Recognise what lies between two times alone; returns segments with the same zero."""


def looked_again(segments: Sequence[Any], voices: Sequence[Voice], listen: Listen) -> list[Any]:
    """Return segments without the words that are no likely English in a voice alone.

    In their place stand the segments of the second look, which are not used, for their reason.

    Args:
        segments: of faster-whisper, in order.
        voices: stretches with a voice, in seconds.
        listen: hears one of them alone.
    """
    looked = list(segments)
    if len(voices) < 2:  # it was heard alone already
        return looked
    for voice in voices:
        if not _is_doubtful(looked, voice):
            continue
        alone = listen(*voice)
        if not any(_is_english(segment) for segment in alone):
            looked = _replaced(looked, voice, alone)
    return sorted(looked, key=lambda segment: float(segment.start))


def _replaced(segments: Sequence[Any], voice: Voice, alone: Sequence[Any]) -> list[Any]:
    """Return segments without the words in a voice, and what names it as unread."""
    kept = [part for segment in segments if (part := _without(segment, voice)) is not None]
    unread = [segment for segment in kept if reason_unread(segment) is not None]
    doubted = [_doubted(segment) for segment in alone]
    doubted = doubted or [Wordless(*voice, passed_over=True)]
    return [*kept, *(s for s in doubted if not any(_overlap(s, other) for other in unread))]


def _is_doubtful(segments: Sequence[Any], voice: Voice) -> bool:
    used = (segment for segment in segments if reason_unread(segment) is None)
    words = [word for segment in used for word in segment.words or () if _is_in(word, voice)]
    if len(words) < _FEWEST_WORDS or voice[1] - voice[0] > _WINDOW_S:
        return False
    logs = [math.log(max(word.probability, LEAST_PROB)) for word in words]
    return sum(logs) / len(logs) < DOUBTFUL_VOICE_LOGPROB


def _is_english(segment: Any) -> bool:
    return reason_unread(segment) is None and mean_logprob(segment) >= _LEAST_LOGPROB_ALONE


def _doubted(segment: Any) -> Any:
    """Return a segment that is not used, as uncertain if no limit of a window is against it."""
    if reason_unread(segment) is not None:
        return segment
    return replace(segment, avg_logprob=min(segment.avg_logprob, DOUBTFUL_LOGPROB - 1e-3))


def _without(segment: Any, voice: Voice) -> Any | None:
    """Return a segment without its words in a voice; None if it has no others."""
    if reason_unread(segment) is not None:
        return segment
    words = [word for word in segment.words or () if not _is_in(word, voice)]
    if len(words) == len(segment.words or ()):
        return segment
    return replace(segment, words=words, text="".join(w.word for w in words)) if words else None


def _overlap(one: Any, other: Any) -> bool:
    return bool(one.start < other.end and other.start < one.end)


def _is_in(word: Any, voice: Voice) -> bool:
    middle = (float(word.start) + float(word.end)) / 2
    return voice[0] - _OUTSIDE_S <= middle <= voice[1] + _OUTSIDE_S
