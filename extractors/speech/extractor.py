"""Columns of a voice: the states of the recogniser's encoder, 50 rows per second.

The encoder of Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak
Supervision", ICML 2023, section 2.2) was trained on 680,000 hours of speech. Its last layer keeps
much of how something is said: a linear classifier on its mean separates acted emotions far better
than one on acoustic measures. The columns have no meaning of their own; they are for models.

The sound enters at its own length, not padded to 30 s, so the cost grows with the sound. Its level
is taken out: the log-mel spectrogram is shifted so that the loudest frame of a recording always has
the same value.
"""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from extractors.base import Sound
from extractors.finite_rows import keep_finite
from extractors.sound import at_16_khz, quiet_parts
from extractors.speech.encoder import WhisperEncoder
from extractors.speech.voice_activity import speech_rows
from mmemo.features import Features

VERSION = "1"
HOP_S = 0.02
"""The encoder joins two mel frames of 10 ms."""
LOUDEST = 1.5
"""Where the loudest point of a recording's spectrogram lies, as in speech at a usual level."""
PART_S, SEEK_S = 20.0, 5.0
"""Longest part that is encoded at once, and how far back a quiet place for its end is sought."""


class SpeechExtractor:
    """Measure a mono sound with the encoder of a Whisper model.

    Row i begins at 0.02 i s and lasts 20 ms. Rows without speech are zero and not valid.

    Args:
        name: an asset of ``mmemo.assets``, or the path of a folder in CTranslate2's format.
        threads: how many threads the encoder may use.

    Raises:
        AssetError: ``name`` is neither.
    """

    modality = "audio"

    def __init__(self, name: str = "whisper-tiny.en", *, threads: int = 1) -> None:
        self._encoder = WhisperEncoder(name, threads=threads)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """``speech_000`` and so on, one per state of the encoder; loads the weights."""
        return column_names(self._encoder.width)

    def fingerprint(self) -> str:
        """Identify the algorithm and the weights: ``speech:version:digest``."""
        return f"speech:{VERSION}:{self._encoder.digest}"

    def __call__(
        self, sound: Sound, /, *, progress: Callable[[float], None] = lambda share: None
    ) -> Features:
        """Measure.

        Args:
            sound: mono, any sample rate, any length.
            progress: called with the share of the sound that is done.

        Raises:
            FeatureError: the sound is not mono, or holds samples that are not finite.
            AssetError: the weights cannot be had.
        """
        sound = at_16_khz(sound)
        rows = [np.zeros((0, self._encoder.width), np.float32)]
        for part, done in self._parts(sound):
            rows.append(self._encoder(part))
            progress(done)
        values = np.concatenate(rows)
        starts = sound.start_s + HOP_S * np.arange(len(values))
        times = np.column_stack([starts, starts + HOP_S])
        valid = speech_rows(sound, times)
        values, valid = keep_finite(values, valid, "states of the speech encoder")
        return Features(values, times, valid, self.names, self.fingerprint())

    def _parts(self, sound: Sound) -> Iterator[tuple[NDArray[np.float32], float]]:
        """Yield the log-mel spectrogram in parts, each with the share that is then done."""
        peak = float(np.abs(sound.samples).max(initial=0.0))
        parts = list(quiet_parts(sound, PART_S, SEEK_S))
        spectrograms = [self._encoder.spectrogram(part.samples / (peak or 1.0)) for part in parts]
        loudest = max((float(s.max()) for s in spectrograms if s.size), default=0.0)
        for number, spectrogram in enumerate(spectrograms, 1):
            if spectrogram.size:
                yield spectrogram + (LOUDEST - loudest), number / len(parts)


def column_names(width: int) -> tuple[str, ...]:
    """Name the columns of an encoder with ``width`` states."""
    return tuple(f"speech_{number:03d}" for number in range(width))
