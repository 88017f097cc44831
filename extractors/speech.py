"""Recognise words and their times in sound, where there is no transcript.

Whisper tiny.en (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision",
2022), run by CTranslate2 in int8; word times come from its cross-attention. A small beam
at temperature 0 makes it deterministic on one machine. Whisper invents words where nobody speaks,
so a voice activity detector (Silero) decides first, and what Whisper itself doubts is dropped.
"""

import hashlib
import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractors.base import Sound
from mmemo.assets import ASSETS, resolve
from mmemo.errors import AssetError, FeatureError
from mmemo.features import Word

SAMPLE_RATE_HZ = 16_000

_VERSION = 1
_BEAM = 5
_NEEDED = ("model.bin", "config.json", "tokenizer.json")
_NO_SPEECH = 0.6
_DOUBTFUL_LOGPROB = -1.0
_REPETITIVE = 2.4
"""Whisper's own limits: chance of no speech, mean log-probability, compression ratio of text."""

_SHORTEST_S = 0.1
"""Attention sometimes gives a word no time at all; it then reaches back into a gap before it."""

_log = logging.getLogger(__name__)


class Recogniser:
    """Sound in, words with times and confidences out. The weights are loaded at the first call.

    Args:
        name: an asset of ``mmemo.assets``, or the path of a folder in CTranslate2's format.
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

    def fingerprint(self) -> str:
        """Identify the options and the weights."""
        if self.name in ASSETS:
            digest = ASSETS[self.name].digest
        else:
            with (_checked(Path(self.name)) / _NEEDED[0]).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        return f"whisper:{_VERSION}:{digest}"

    def __call__(self, sound: Sound, /) -> tuple[Word, ...]:
        """Recognise what is said.

        Returns:
            Words with starts that do not decrease, inside the sound's time, none overlapping;
            times count as ``sound.start_s`` does. Empty where nobody speaks.

        Raises:
            FeatureError: if the sound is not mono or not finite.
            AssetError: if the weights cannot be had.
        """
        samples = _at_16_khz(sound)
        if not samples.any():
            return ()
        segments, _ = self._load().transcribe(
            samples,
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
            hallucination_silence_threshold=2.0,
        )
        return _in_order(_believed(segments), sound)

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


def _at_16_khz(sound: Sound) -> NDArray[np.float32]:
    samples = np.asarray(sound.samples, dtype=np.float32)
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise FeatureError(f"expected finite mono samples (N,); got shape {samples.shape}")
    if sound.sample_rate != SAMPLE_RATE_HZ and len(samples):
        from scipy.signal import resample_poly

        common = math.gcd(SAMPLE_RATE_HZ, sound.sample_rate)
        samples = resample_poly(samples, SAMPLE_RATE_HZ // common, sound.sample_rate // common)
    return np.ascontiguousarray(samples, dtype=np.float32)


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
    last = 0.0
    for word in found:
        text = word.word.strip()
        end = min(max(float(word.end), last), sound.duration_s)
        start = min(max(min(float(word.start), end - _SHORTEST_S), last), end)
        if any(c.isalnum() for c in text):
            confidence = min(max(float(word.probability), 0.0), 1.0)
            words.append(Word(text, sound.start_s + start, sound.start_s + end, confidence))
            last = end
    return tuple(words)
