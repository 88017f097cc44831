"""Align known words to a short stretch of sound with hidden Markov models of phones.

CMU-MOSEI's word times come from such an aligner (P2FA: Yuan & Liberman, "Speaker identification on
the SCOTUS corpus", 2008). Here it is PocketSphinx (Huggins-Daines et al., ICASSP 2006) with the
English acoustic model and the pronouncing dictionary that its package carries. The path is the
Viterbi path through the words in their order, with optional silence between any two, in frames of
10 ms.
"""

import importlib.metadata
import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractors.base import SAMPLE_RATE_HZ
from extractors.text.alignment.pronounce import pronounce

FRAME_S = 0.01

_BEAMS = (1e-64, 1e-48, 1e-100)
"""Tried in turn: if the search fails with one beam, another may succeed."""

_DITHER = 2.0
"""Steps of 16 bit; avoids constant features in digital silence, which the model never saw."""

_EVEN_SCORE = -1.8
_SCORE_SLOPE = 0.3
"""Mean log10 likelihood of a frame, relative to the best state in the search, at which correct and
replaced words of two real videos are equally likely, and the slope there
(``benchmarks/words_accuracy.py`` prints both distributions)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Span:
    """Time of a word, seconds in the stretch, and how well the sound fits it, 0 to 1."""

    start_s: float
    end_s: float
    fit: float


class PhoneModels:
    """PocketSphinx, loaded at first use. The pronunciation of unknown words is guessed."""

    def __init__(self) -> None:
        self._decoders: dict[float, Any] = {}
        rng = np.random.default_rng(0)
        self._dither = rng.normal(0, _DITHER, 60 * SAMPLE_RATE_HZ).astype(np.float32)

    @staticmethod
    def available() -> bool:
        """Whether the package is installed."""
        return pocketsphinx_version() is not None

    def find(self, samples: NDArray[np.float32], words: Sequence[str]) -> list[Span] | None:
        """Align words to a sound in which exactly these words are said, in this order.

        Args:
            samples: (N,) at 16 kHz, -1 to 1; apart from the words, only silence and noises.
            words: lower case, letters and apostrophes (see ``spoken_form``).

        Returns:
            One span per word, in order, none overlapping, inside the sound; None if no path
            through all the words fits the sound.
        """
        if not words or len(samples) < len(words) * 3 * FRAME_S * SAMPLE_RATE_HZ:
            return None
        loud = np.resize(self._dither, len(samples)) + 32767 * samples
        data = np.clip(loud, -32768, 32767).astype("<i2").tobytes()
        for beam in _BEAMS:
            spans = self._search(self._decoder(beam), data, words)
            if spans is not None:
                return spans
        return None

    def _search(self, decoder: Any, data: bytes, words: Sequence[str]) -> list[Span] | None:
        for word in words:
            self._ensure_pronunciation(decoder, word)
        try:
            # Resets the estimates of noise and channel from the stretch before.
            decoder.reinit_feat()
            decoder.set_align_text(" ".join(words))
            decoder.start_utt()
            decoder.process_raw(data, full_utt=True)
            decoder.end_utt()
            if decoder.hyp() is None:
                return None
            segments = list(decoder.seg())
        except RuntimeError as error:
            _log.debug("no path for %r: %s", words, error)
            return None
        segments = [s for s in segments if s.word[0] not in "<[+"]
        # A search that fails stops before the last word.
        if [re.sub(r"\(\d+\)$", "", s.word) for s in segments] != list(words):
            return None
        return [
            Span(s.start_frame * FRAME_S, (s.end_frame + 1) * FRAME_S, _fit(s)) for s in segments
        ]

    def _ensure_pronunciation(self, decoder: Any, word: str) -> None:
        if decoder.lookup_word(word) is None:
            # Filler words of the model have brackets, so ``word`` cannot be one of them.
            phones = pronounce(word) or ["AH"]
            decoder.add_word(word, " ".join(phones), True)
            _log.debug("guessed pronunciation: %s %s", word, " ".join(phones))

    def _decoder(self, beam: float) -> Any:
        if beam not in self._decoders:
            from pocketsphinx import Decoder

            self._decoders[beam] = Decoder(
                lm=None, loglevel="FATAL", beam=beam, pbeam=beam, wbeam=beam
            )
        return self._decoders[beam]


def pocketsphinx_version() -> str | None:
    """Return PocketSphinx's version; None if it is not installed."""
    try:
        return importlib.metadata.version("pocketsphinx")
    except importlib.metadata.PackageNotFoundError:
        return None


def _fit(segment: Any) -> float:
    frames = segment.end_frame - segment.start_frame + 1
    score = math.log10(max(segment.ascore, 1e-300)) / frames
    return 1 / (1 + math.exp(-(score - _EVEN_SCORE) / _SCORE_SLOPE))
