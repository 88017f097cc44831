"""The words of a clip: its own, those of a transcript beside the file, or those in the sound."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.file_hash import file_sha256
from extractors.media import probe, read_sound
from extractors.text.recogniser import Recogniser
from extractors.text.transcripts import find_transcript, read_transcript, read_untimed
from extractors.text.transcripts.plain import split_words
from extractors.text.unread import Hearing
from mmemo.features import Clip, Word


def transcript_path(clip: Clip) -> Path | None:
    """Find the transcript beside the clip's media file; None if the clip has words of its own."""
    if clip.words is not None or clip.transcript is not None or clip.media is None:
        return None
    return find_transcript(clip.media)


def timed_words(clip: Clip) -> tuple[Word, ...] | None:
    """Return the clip's own words, or its part of a transcript with times; None without either."""
    path = transcript_path(clip)
    if path is None or read_untimed(path) is not None:
        return clip.words
    assert clip.media is not None  # or it would have no transcript beside it
    words = read_transcript(path, probe(clip.media).duration_s)
    return None if words is None else words_in_clip(words, clip)


def untimed_words(clip: Clip) -> tuple[str, ...] | None:
    """Return the words of a transcript without times: the clip's own, or that beside the file."""
    if clip.transcript is not None:
        return split_words(clip.transcript)
    path = transcript_path(clip)
    return None if path is None else read_untimed(path)


def words_in_clip(words: Sequence[Word], clip: Clip) -> tuple[Word, ...]:
    """Select a recording's words whose middle lies in the clip, with times from its start."""
    end = float("inf") if clip.end is None else clip.end
    return tuple(
        replace(word, start=max(word.start - clip.start, 0.0), end=word.end - clip.start)
        for word in words
        if clip.start <= (word.start + word.end) / 2 < end
    )


class WordFinder:
    """Find words in the sound. The recogniser is loaded at first need.

    Args:
        recogniser: name or folder; see ``Recogniser``.
        threads: how many threads the recogniser may use.
    """

    def __init__(self, recogniser: str, threads: int = 1) -> None:
        self._name, self._threads = recogniser, threads
        self._last_recording: tuple[object, tuple[Word, ...]] | None = None

    @cached_property
    def _recogniser(self) -> Recogniser:
        return Recogniser(self._name, threads=self._threads)

    def fingerprint(self) -> str:
        """Identify the recogniser and the aligner."""
        return self._recogniser.fingerprint()

    def hear(self, sound: Sound, progress: Callable[[float], None]) -> Hearing:
        """Recognise the words of a clip; ``progress`` receives the finished share, 0 to 1."""
        return self._recogniser.hear(sound, progress=progress)

    def align(self, clip: Clip, texts: Sequence[str], sound: Sound) -> tuple[Word, ...]:
        """Find the words of a transcript without times in the sound of its clip.

        Args:
            clip: the clip. When it is only a part of the recording that the transcript covers,
                the words are found in the whole recording, and those in the clip are returned.
            texts: the transcript, word by word.
            sound: of the clip.
        """
        if transcript_path(clip) is None or (clip.start == 0 and clip.end is None):
            return self._recogniser.align(texts, sound)
        return words_in_clip(self._align_recording(clip, texts), clip)

    def _align_recording(self, clip: Clip, texts: Sequence[str]) -> tuple[Word, ...]:
        """Find a transcript in all of its recording, whose clips come one after another."""
        assert clip.media is not None
        key = (file_sha256(clip.media), tuple(texts))
        if self._last_recording is None or self._last_recording[0] != key:
            words = self._recogniser.align(texts, read_sound(clip.media, SAMPLE_RATE_HZ))
            self._last_recording = (key, words)
        return self._last_recording[1]
