"""Voices in which the recogniser leaves out the words without saying so.

Whisper decodes windows of 30 s. After English words it may pass over another language in the rest
of the window, as if it were silence. The detector of voices (Silero) hears it all the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from extractors.base import SAMPLE_RATE_HZ
from extractors.whisper_library import import_whisper
from mmemo.arrays import Floats32

Voice = tuple[float, float]
"""Start and end of a stretch with a voice, seconds."""

_LOST_S = 1.0
"""Shortest voice that counts as passed over; the ends of words are less certain than that."""
_SILENCE_MS = 500
"""Shortest gap between two voices."""


@dataclass(frozen=True)
class Wordless:
    """A segment with a voice and without words; its fields are those of faster-whisper's."""

    start: float
    end: float
    text: str = ""
    words: tuple[Any, ...] = ()
    avg_logprob: float = 0.0
    no_speech_prob: float = 1.0
    compression_ratio: float = 1.0
    passed_over: bool = False


def wordless_voices(voices: Iterable[Voice], segments: Sequence[Any]) -> list[Wordless]:
    """Return the voices in which no segment lies, with times as the segments have them.

    Args:
        voices: from ``find_voices``.
        segments: of faster-whisper, in order.
    """
    return [
        Wordless(start, end, passed_over=True)
        for voice in voices
        for start, end in _remaining(voice, segments)
        if end - start >= _LOST_S
    ]


def find_voices(samples: Floats32) -> list[Voice]:
    """Return the stretches with a voice, in seconds, of samples (N,), mono at 16 kHz."""
    detector = import_whisper("faster_whisper.vad")
    options = detector.VadOptions(min_silence_duration_ms=_SILENCE_MS, speech_pad_ms=0)
    return [
        (stretch["start"] / SAMPLE_RATE_HZ, stretch["end"] / SAMPLE_RATE_HZ)
        for stretch in detector.get_speech_timestamps(samples, options)
    ]


def _remaining(voice: Voice, segments: Sequence[Any]) -> Iterator[Voice]:
    """Yield the parts of a voice outside of all segments."""
    begin, end = voice
    for segment in segments:
        if segment.end > begin and segment.start < end:
            yield begin, float(segment.start)
            begin = max(begin, float(segment.end))
    yield begin, end
