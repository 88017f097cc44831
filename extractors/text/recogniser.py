"""Words and their times from sound: recognised, or those of a transcript without times.

Whisper tiny.en (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision",
2022), run by CTranslate2 in int8. A small beam at temperature 0 makes it deterministic on one
machine. Whisper invents words where nobody speaks, so a voice activity detector (Silero) decides
first, and what Whisper itself doubts is dropped.

Its word times come from its cross-attention and are about 0.1 s off; phone models then find each
word where it sounds (``extractors.text.alignment``).
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.sound import at_16_khz, quiet_parts
from extractors.text.alignment import Aligner
from mmemo.assets.resolve import ASSETS, resolve
from mmemo.errors import AssetError
from mmemo.features import Word

_VERSION = 2
_BEAM = 5
_NEEDED = ("model.bin", "config.json", "tokenizer.json")
_NO_SPEECH = 0.6
_DOUBTFUL_LOGPROB = -1.0
_REPETITIVE = 2.4
"""Whisper's own limits: chance of no speech, mean log-probability, compression ratio of text."""

_LATE_S = 0.085
"""Words found by cross-attention start so much late in the median, on synthesised speech with known
times and on two real videos alike (``benchmarks/words_accuracy.py``)."""

_AROUND_S = 0.5
"""Silence put around the sound: Whisper misses words at the very edge of a cut."""

_LAST_S = 0.15
"""No word is believed that begins so shortly before the end of the sound."""

_PART_S, _SEEK_S = 300.0, 60.0
"""Longest part that is recognised at once, and how far back its quietest place is searched for."""

_LOW_CONFIDENCE = 0.5
_ENOUGH_WORDS = 10

_SHORTEST_S = 0.1
"""Attention sometimes gives a word no time at all; it then reaches back into a gap before it."""

_log = logging.getLogger(__name__)


class Recogniser:
    """Sound in, words with times and confidences out. The weights are loaded at the first call.

    Args:
        name: an asset of ``mmemo.assets.resolve``, or the path of a folder in CTranslate2's format.
        threads: how many threads it may use.

    Raises:
        AssetError: if ``name`` is neither.
    """

    languages = ("en",)

    def __init__(self, name: str = "whisper-tiny.en", *, threads: int = 1) -> None:
        if name not in ASSETS and not Path(name).is_dir():
            raise AssetError(f"expected a recogniser: an asset's name or a folder; got {name!r}")
        self.name, self.threads = name, threads
        self._model: Any = None
        self._aligner = Aligner()

    def fingerprint(self) -> str:
        """Identify the options, the weights and what finds the words' times."""
        if self.name in ASSETS:
            digest = ASSETS[self.name].digest
        else:
            with (_checked(Path(self.name)) / _NEEDED[0]).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        return f"whisper:{_VERSION}:{digest}+{self._aligner.fingerprint()}"

    def __call__(
        self, sound: Sound, /, *, progress: Callable[[float], None] = lambda share: None
    ) -> tuple[Word, ...]:
        """Recognise what is said.

        Args:
            sound: mono; any length.
            progress: told now and then which share of the sound has been heard.

        Returns:
            Words with starts that do not decrease, inside the sound's time, none overlapping;
            times count as ``sound.start_s`` does. Empty where nobody speaks.

        Raises:
            FeatureError: if the sound is not mono or not finite.
            AssetError: if the weights cannot be had.
        """
        sound = at_16_khz(sound)
        words = self._aligner.refine(self._hear(sound, progress), sound)
        _tell_doubts(words)
        return words

    def align(self, texts: Sequence[str], sound: Sound) -> tuple[Word, ...]:
        """Find when the words of a transcript are said.

        Args:
            texts: the transcript, word by word.
            sound: mono; any length.

        Returns:
            Every word, in the transcript's order, with times as above. Confidence says how well
            the sound fits the word; where most words do not fit, a warning is logged.

        Raises:
            FeatureError: as above.
            AssetError: as above.
        """
        sound = at_16_khz(sound)
        return self._aligner.place(texts, self._hear(sound), sound)

    def _hear(
        self, sound: Sound, progress: Callable[[float], None] = lambda share: None
    ) -> tuple[Word, ...]:
        """Recognise words with the rough times of cross-attention, part by part."""
        words: list[Word] = []
        for part in quiet_parts(sound, _PART_S, _SEEK_S):
            tell = _from(part.start_s - sound.start_s, sound.duration_s, progress)
            words += self._hear_part(part, tell)
        return tuple(words)

    def _hear_part(self, sound: Sound, heard: Callable[[float], None]) -> tuple[Word, ...]:
        if not sound.samples.any():
            return ()
        around = round(_AROUND_S * SAMPLE_RATE_HZ)
        segments, _ = self._load().transcribe(
            np.pad(sound.samples, around),
            language="en",
            beam_size=_BEAM,
            temperature=[0.0],
            word_timestamps=True,
            vad_filter=True,
            # One mistake must not pull the next half minute after it.
            condition_on_previous_text=False,
            no_speech_threshold=_NO_SPEECH,
            log_prob_threshold=_DOUBTFUL_LOGPROB,
            compression_ratio_threshold=_REPETITIVE,
        )
        return _in_order(_believed(_telling(segments, heard)), sound)

    def _load(self) -> Any:
        if self._model is None:
            from faster_whisper import WhisperModel

            folder = _checked(resolve(self.name) if self.name in ASSETS else Path(self.name))
            # A folder with all its files: the hub is never asked.
            self._model = WhisperModel(
                str(folder), device="cpu", compute_type="int8", cpu_threads=self.threads
            )
        return self._model


def _checked(folder: Path) -> Path:
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise AssetError(
            f"expected a recogniser in {folder} (CTranslate2 format); missing {', '.join(missing)}"
        )
    return folder


def _from(
    begun_s: float, duration_s: float, progress: Callable[[float], None]
) -> Callable[[float], None]:
    """Turn seconds in a part into the share of the whole."""
    return lambda end_s: progress(min((begun_s + end_s) / duration_s, 1.0))


def _telling(segments: Iterable[Any], heard: Callable[[float], None]) -> Iterator[Any]:
    """Tell up to when in the part it has been heard, as segments come."""
    for segment in segments:
        heard(max(0.0, float(segment.end) - _AROUND_S))
        yield segment


def _believed(segments: Iterable[Any]) -> Iterable[Any]:
    """Give the words of the segments that are likely to be speech."""
    for segment in segments:
        doubted = (
            segment.no_speech_prob > _NO_SPEECH and segment.avg_logprob < _DOUBTFUL_LOGPROB
        ) or segment.compression_ratio > _REPETITIVE
        if doubted:
            _log.debug("dropped %.2f s: %r", segment.start, segment.text)
        else:
            yield from segment.words or ()


def _in_order(found: Iterable[Any], sound: Sound) -> tuple[Word, ...]:
    """Clip times to the sound and put them in order; drop what holds no text."""
    words: list[Word] = []
    last, early = 0.0, _AROUND_S + _LATE_S
    for word in found:
        text = word.word.strip()
        if float(word.start) - early > sound.duration_s - _LAST_S:
            break  # in the silence put around: Whisper repeats itself where it has no more sound
        end = min(max(float(word.end) - early, last), sound.duration_s)
        start = min(max(min(float(word.start) - early, end - _SHORTEST_S), last), end)
        if any(c.isalnum() for c in text):
            confidence = min(max(float(word.probability), 0.0), 1.0)
            words.append(Word(text, sound.start_s + start, sound.start_s + end, confidence))
            last = end
    return tuple(words)


def _tell_doubts(words: Sequence[Word]) -> None:
    mean = float(np.mean([word.confidence or 0.0 for word in words])) if words else 1.0
    if len(words) >= _ENOUGH_WORDS and mean < _LOW_CONFIDENCE:
        _log.warning(
            "the words were recognised with a low confidence (%.2f of 1): only English is known; "
            "a transcript beside the file would be used instead",
            mean,
        )
