"""Words and their times from sound: recognised, or those of a transcript without times.

Whisper tiny.en (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision",
2022), run by CTranslate2 in int8. A small beam at temperature 0 makes it deterministic on one
machine. Whisper invents words in silence, so a voice activity detector (Silero) selects speech
first, and segments that are no likely English are dropped (``extractors.text.unread``), as are
words that are none when their voice is heard alone (``extractors.text.second_look``).

Its word times come from cross-attention and are about 0.1 s off; phone models then find the exact
times (``extractors.text.alignment``).
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.sound import at_16_khz, quiet_parts
from extractors.text.alignment import Aligner
from extractors.text.compounds import continues_word, joined
from extractors.text.second_look import looked_again
from extractors.text.unread import (
    IMPROBABLE_LOGPROB,
    NO_SPEECH,
    REPETITIVE,
    Hearing,
    confidence_of,
    reason_unread,
    without_gibberish,
)
from extractors.text.voices import Wordless, find_voices, wordless_voices
from extractors.whisper_library import import_whisper
from mmemo.arrays import Floats32
from mmemo.assets.resolve import ASSETS, resolve
from mmemo.errors import AssetError
from mmemo.features import Unread, Word
from mmemo.input_files import open_regular

_VERSION = 6
_BEAM = 5
_NEEDED = ("model.bin", "config.json", "tokenizer.json")

_LATE_S = 0.085
"""Median delay of word starts from cross-attention, both on synthesised speech with known times and
on two real videos (``benchmarks/words_accuracy.py``)."""

_PADDING_S = 0.5
"""Silence added around the sound: Whisper misses words at the very edge of a cut."""

_AROUND_S = 0.15
"""Sound before and after a voice that is heard alone."""

_LAST_S = 0.15
"""Words that begin less than this before the end of the sound are dropped."""

_PART_S, _SEEK_S = 300.0, 60.0
"""Longest part that is recognised at once, and the range in which its end is searched."""

_LOW_CONFIDENCE = 0.5
_ENOUGH_WORDS = 10

_SHORTEST_S = 0.1
"""Attention sometimes gives a word no duration; it is then extended back into the gap before."""

_log = logging.getLogger(__name__)


class Recogniser:
    """Sound to words with times and confidences. The weights are loaded at the first call.

    Args:
        name: an asset of ``mmemo.assets.resolve``, or the path of a folder in CTranslate2's format.
        threads: how many threads it may use.

    Raises:
        AssetError: ``name`` is neither.
    """

    def __init__(self, name: str = "whisper-tiny.en", *, threads: int = 1) -> None:
        if name not in ASSETS and not Path(name).is_dir():
            raise AssetError(f"expected a recogniser: an asset's name or a folder; got {name!r}")
        self.name, self.threads = name, threads
        self._model: Any = None
        self._aligner = Aligner()

    def fingerprint(self) -> str:
        """Identify the options, the weights and the aligner."""
        if self.name in ASSETS:
            digest = ASSETS[self.name].digest
        else:
            with open_regular(_check_folder(Path(self.name)) / _NEEDED[0]) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        return f"whisper:{_VERSION}:{digest}+{self._aligner.fingerprint()}"

    def __call__(
        self, sound: Sound, /, *, progress: Callable[[float], None] = lambda share: None
    ) -> tuple[Word, ...]:
        """Recognise the words of a sound.

        Args:
            sound: mono; any length.
            progress: called now and then with the share of the sound that is done, 0 to 1.

        Returns:
            Words with starts that do not decrease, inside the sound's time, none overlapping;
            times have the zero of ``sound.start_s``. Empty if nobody speaks.

        Raises:
            FeatureError: the sound is not mono or not finite.
            AssetError: the weights cannot be fetched.
        """
        return self.hear(sound, progress=progress).words

    def hear(
        self, sound: Sound, /, *, progress: Callable[[float], None] = lambda share: None
    ) -> Hearing:
        """Recognise the words of a sound, as when called, and name what was heard and not read."""
        sound = at_16_khz(sound)
        rough = self.hear_roughly(sound, progress=progress)
        words = self._aligner.refine(rough.words, sound)
        hearing = without_gibberish(Hearing(words, rough.unread))
        _warn_low_confidence(hearing.words)
        return hearing

    def hear_roughly(
        self, sound: Sound, /, *, progress: Callable[[float], None] = lambda share: None
    ) -> Hearing:
        """Recognise words with the times of attention, gibberish among them."""
        words: list[Word] = []
        unread: list[Unread] = []
        for part, heard in self.segments(sound, progress, second_look=True):
            likely = [segment for segment in heard if reason_unread(segment) is None]
            words += _in_order(_words_of(likely), part)
            unread += _unread(heard, part)
        return Hearing(tuple(words), tuple(unread))

    def align(self, texts: Sequence[str], sound: Sound) -> tuple[Word, ...]:
        """Find the times of a transcript's words.

        Args:
            texts: the transcript, word by word.
            sound: mono; any length.

        Returns:
            Every word, in the transcript's order, with times as above. Confidence is how well the
            sound fits the word; if most words do not fit, a warning is logged.

        Raises:
            FeatureError: as above.
            AssetError: as above.
        """
        sound = at_16_khz(sound)
        words = [
            word
            for part, heard in self.segments(sound)
            for word in _in_order(_words_of(filter(_helps_alignment, heard)), part)
        ]
        return self._aligner.place(texts, words, sound)

    def segments(
        self,
        sound: Sound,
        progress: Callable[[float], None] = lambda share: None,
        *,
        second_look: bool = False,
    ) -> Iterator[tuple[Sound, list[Any]]]:
        """Yield each part of a sound with faster-whisper's segments, used or not.

        Args:
            sound: mono; any length.
            progress: called with the share of the sound that is done.
            second_look: hear doubtful voices again (``extractors.text.second_look``).
        """
        sound = at_16_khz(sound)
        for part in quiet_parts(sound, _PART_S, _SEEK_S):
            begin_s = part.start_s - sound.start_s
            report = _share_of_whole(begin_s, sound.duration_s, progress)
            yield part, self._recognise_part(part, report, second_look=second_look)

    def _recognise_part(
        self, sound: Sound, report: Callable[[float], None], *, second_look: bool
    ) -> list[Any]:
        if not sound.samples.any():
            return []
        padded = np.pad(sound.samples, round(_PADDING_S * SAMPLE_RATE_HZ))
        heard, has_speech = self._transcribe(padded, report)
        if not has_speech:
            return heard
        voices = find_voices(padded)
        if second_look:
            heard = looked_again(heard, voices, partial(self._hear_alone, padded))
        wordless = wordless_voices(voices, heard)
        if not heard and not wordless:
            return [Wordless(_PADDING_S, _PADDING_S + sound.duration_s)]
        return sorted([*heard, *wordless], key=lambda segment: float(segment.start))

    def _hear_alone(self, padded: Floats32, start_s: float, end_s: float) -> list[Any]:
        """Recognise what lies between two times; only segments are moved, not their words."""
        first = max(0, round((start_s - _AROUND_S) * SAMPLE_RATE_HZ))
        alone = padded[first : round((end_s + _AROUND_S) * SAMPLE_RATE_HZ)]
        silence = round(_PADDING_S * SAMPLE_RATE_HZ)
        moved_s = (first - silence) / SAMPLE_RATE_HZ
        segments, _ = self._transcribe(np.pad(alone, silence), lambda end_s: None)
        return [replace(s, start=s.start + moved_s, end=s.end + moved_s) for s in segments]

    def _transcribe(
        self, padded: Floats32, report: Callable[[float], None]
    ) -> tuple[list[Any], bool]:
        """Return faster-whisper's segments, and whether its detector hears speech at all."""
        segments, about = self._load().transcribe(
            padded,
            language="en",
            beam_size=_BEAM,
            temperature=[0.0],
            word_timestamps=True,
            vad_filter=True,
            # One mistake must not affect the next half minute.
            condition_on_previous_text=False,
            no_speech_threshold=NO_SPEECH,
            log_prob_threshold=IMPROBABLE_LOGPROB,
            compression_ratio_threshold=REPETITIVE,
        )
        return list(_reporting(segments, report)), about.duration_after_vad > 0

    def _load(self) -> Any:
        if self._model is None:
            folder = _check_folder(resolve(self.name) if self.name in ASSETS else Path(self.name))
            # From a folder with all files, so that the hub is never contacted.
            self._model = import_whisper().WhisperModel(
                str(folder), device="cpu", compute_type="int8", cpu_threads=self.threads
            )
        return self._model


def _check_folder(folder: Path) -> Path:
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise AssetError(
            f"expected a recogniser in {folder} (CTranslate2 format); missing {', '.join(missing)}"
        )
    return folder


def _share_of_whole(
    begin_s: float, duration_s: float, progress: Callable[[float], None]
) -> Callable[[float], None]:
    """Return a callback that converts seconds of a part to the share of the whole."""
    return lambda end_s: progress(min((begin_s + end_s) / duration_s, 1.0))


def _reporting(segments: Iterable[Any], report: Callable[[float], None]) -> Iterator[Any]:
    """Report the recognised seconds of the part with each segment."""
    for segment in segments:
        report(max(0.0, float(segment.end) - _PADDING_S))
        yield segment


def _words_of(segments: Iterable[Any]) -> Iterator[Any]:
    for segment in segments:
        yield from segment.words or ()


def _helps_alignment(segment: Any) -> bool:
    """Return whether a segment's words may match a transcript, as uncertain ones often do."""
    improbable = segment.avg_logprob < IMPROBABLE_LOGPROB
    silent = improbable and segment.no_speech_prob > NO_SPEECH
    return not silent and bool(segment.compression_ratio <= REPETITIVE)


def _unread(segments: Iterable[Any], sound: Sound) -> Iterator[Unread]:
    """Yield the segments whose words are not used, with times inside the sound."""
    for segment in segments:
        reason = reason_unread(segment)
        if reason is not None:
            _log.debug("dropped %.2f s: %r", segment.start, segment.text)
            start, end = (
                sound.start_s + min(max(float(time) - _PADDING_S, 0.0), sound.duration_s)
                for time in (segment.start, segment.end)
            )
            if end > start:
                yield Unread(start, end, reason, confidence_of(segment))


def _in_order(candidates: Iterable[Any], sound: Sound) -> tuple[Word, ...]:
    """Clip times to the sound, put them in order, and drop words without letters or digits."""
    words: list[Word] = []
    last, early = 0.0, _PADDING_S + _LATE_S
    for word in candidates:
        text = word.word.strip()
        if float(word.start) - early > sound.duration_s - _LAST_S:
            break  # in the padding: Whisper repeats itself after the end of the sound
        end = min(max(float(word.end) - early, last), sound.duration_s)
        start = min(max(min(float(word.start) - early, end - _SHORTEST_S), last), end)
        if any(c.isalnum() for c in text):
            confidence = min(max(float(word.probability), 0.0), 1.0)
            fresh = Word(text, sound.start_s + start, sound.start_s + end, confidence)
            if words and continues_word(word.word):
                words[-1] = joined(words[-1], fresh)
            else:
                words.append(fresh)
            last = end
    return tuple(words)


def _warn_low_confidence(words: Sequence[Word]) -> None:
    mean = float(np.mean([word.confidence or 0.0 for word in words])) if words else 1.0
    if len(words) >= _ENOUGH_WORDS and mean < _LOW_CONFIDENCE:
        _log.warning(
            "the words were recognised with a low confidence (%.2f of 1): only English is known; "
            "a transcript beside the file would be used instead",
            mean,
        )
