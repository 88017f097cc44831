"""Prepare a sound for measuring: its sample rate, and parts of bounded length."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from extractors.base import SAMPLE_RATE_HZ, Sound
from mmemo.errors import FeatureError

_HOP_S = 0.2
"""Stretch over which loudness is averaged when a quiet place is searched for."""


def at_16_khz(sound: Sound) -> Sound:
    """Return the sound at 16 kHz, the rate at which it is measured.

    Raises:
        FeatureError: the sound is not mono, or holds samples that are not finite.
    """
    samples: NDArray[np.float32] = np.asarray(sound.samples, dtype=np.float32)
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise FeatureError(f"expected finite mono samples (N,); got shape {samples.shape}")
    if sound.sample_rate != SAMPLE_RATE_HZ and len(samples):
        from scipy.signal import resample_poly

        common = math.gcd(SAMPLE_RATE_HZ, sound.sample_rate)
        samples = resample_poly(samples, SAMPLE_RATE_HZ // common, sound.sample_rate // common)
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    return Sound(samples, SAMPLE_RATE_HZ, sound.start_s)


def quiet_parts(sound: Sound, longest_s: float, search_s: float) -> Iterator[Sound]:
    """Divide a long sound in its quietest places, so that memory does not grow with its length.

    Args:
        sound: at 16 kHz.
        longest_s: longest part, seconds.
        search_s: the last seconds of a part of that length in which its end is searched for.
    """
    rate, hop = SAMPLE_RATE_HZ, round(_HOP_S * SAMPLE_RATE_HZ)
    start = 0
    while len(sound.samples) - start > longest_s * rate:
        first = start + round((longest_s - search_s) * rate)
        searched = sound.samples[first : start + round(longest_s * rate)]
        loudness = np.square(searched[: len(searched) // hop * hop]).reshape(-1, hop).mean(axis=1)
        end = first + hop * int(np.argmin(loudness)) + hop // 2
        yield Sound(sound.samples[start:end], rate, sound.start_s + start / rate)
        start = end
    yield Sound(sound.samples[start:], rate, sound.start_s + start / rate)
