"""The audio extractor: COVAREP's columns at 100 Hz.

G. Degottex, J. Kane, T. Drugman, T. Raitio, S. Scherer, "COVAREP - a collaborative voice analysis
repository for speech technologies", ICASSP 2014, names the methods; each is written here from its
own paper (see the modules).
"""

import hashlib
import math

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from extractors.base import Sound
from extractors.covarep.envelope import envelope_orders, mel_cepstrum, true_envelope
from extractors.covarep.pitch import LOWEST_HZ, srh_pitch
from extractors.covarep.polarity import speech_polarity
from extractors.covarep.sinusoids import analyse_harmonics, window_half
from mmemo.errors import FeatureError
from mmemo.features import Features

SAMPLE_RATE = 16000
HOP_S = 0.01
FIRST_ROW = 79
"""Sample in the middle of the first row; the rows follow every ``HOP_S``."""

VERSION = 1

NAMES: tuple[str, ...] = ("F0", "VUV", *(f"MCEP_{k}" for k in range(25)))

_SLOWEST_HZ, _FASTEST_HZ = 1000, 1_000_000
_BLOCK = 500
_PAD = 1600
"""Zeros put before and after the sound: more than any frame reaches beyond a row's middle."""


class CovarepExtractor:
    """Measure pitch, voice and spectrum of a mono sound on COVAREP's frame grid.

    Row i is centred at (79 + 160 i) / 16000 s and lasts 10 ms. Every row is measured on frames
    centred there, the sound counting as zero beyond its ends, so any length has defined values;
    sounds shorter than 80 samples at 16 kHz have no row. Rows without energy are not valid.
    """

    modality = "audio"
    names = NAMES

    def fingerprint(self) -> str:
        """Identify the algorithm and its columns."""
        digest = hashlib.sha256(" ".join(self.names).encode()).hexdigest()[:12]
        return f"covarep:{VERSION}:{digest}"

    def __call__(self, sound: Sound) -> Features:
        """Extract.

        Args:
            sound: mono, any sample rate from 1 kHz to 1 MHz.

        Raises:
            FeatureError: no samples, samples that are not numbers, or an absurd sample rate.
        """
        signal = prepare(sound)
        values, valid = _measure(signal)
        middle_s = sound.start_s + row_centres(len(signal)) / SAMPLE_RATE
        times = np.stack([middle_s - HOP_S / 2, middle_s + HOP_S / 2], axis=1)
        times = np.maximum(times, sound.start_s)
        return Features(values.astype(np.float32), times, valid, self.names, self.fingerprint())


def prepare(sound: Sound) -> NDArray[np.float64]:
    """Check a sound and bring it to 16 kHz: (N,).

    Raises:
        FeatureError: no samples, samples that are not numbers, or an absurd sample rate.
    """
    samples = np.asarray(sound.samples)
    if samples.ndim != 1 or len(samples) == 0:
        raise FeatureError(f"expected mono sound of shape (N,), N > 0; got {samples.shape}")
    if not _SLOWEST_HZ <= sound.sample_rate <= _FASTEST_HZ:
        raise FeatureError(
            f"expected a sample rate from {_SLOWEST_HZ} to {_FASTEST_HZ} Hz; "
            f"got {sound.sample_rate}"
        )
    wrong = int(np.count_nonzero(~np.isfinite(samples)))
    if wrong:
        raise FeatureError(
            f"expected finite samples; got NaN or infinity in {wrong} of {len(samples)}"
        )
    return resample(samples.astype(np.float64), sound.sample_rate, SAMPLE_RATE)


def resample(samples: NDArray[np.float64], from_hz: int, to_hz: int) -> NDArray[np.float64]:
    """Change the sample rate with a Kaiser-windowed sinc (stop band near -100 dB): (N',)."""
    if from_hz == to_hz:
        return samples
    shared = math.gcd(from_hz, to_hz)
    up, down = to_hz // shared, from_hz // shared
    steepest = max(up, down)
    low_pass = scipy.signal.firwin(2 * 32 * steepest + 1, 1 / steepest, window=("kaiser", 10.0))
    return np.asarray(scipy.signal.resample_poly(samples, up, down, window=low_pass))


def row_centres(size: int) -> NDArray[np.int64]:
    """Give the sample in the middle of each row of a sound of ``size`` samples at 16 kHz."""
    return np.arange(FIRST_ROW, size, round(HOP_S * SAMPLE_RATE))


def _measure(signal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    centres = row_centres(len(signal)) + _PAD
    padded = np.pad(signal, _PAD)
    values = np.zeros((len(centres), len(NAMES)))
    if len(centres) == 0:
        return values, np.zeros(0, dtype=np.bool_)
    padded *= speech_polarity(padded, SAMPLE_RATE)
    pitch = srh_pitch(padded, SAMPLE_RATE, centres=centres)
    valid = (pitch.f0_hz >= LOWEST_HZ) & _has_energy(padded, centres, pitch.f0_hz)
    values[:, 0] = pitch.f0_hz
    values[:, 1] = pitch.voiced
    values[~valid] = 0.0
    rows = np.flatnonzero(valid)
    for first in range(0, len(rows), _BLOCK):
        block = rows[first : first + _BLOCK]
        values[block, 2:] = _spectral_columns(padded, centres[block], pitch.f0_hz[block])
    return values, valid


def _spectral_columns(
    signal: NDArray[np.float64], centres: NDArray[np.int64], f0_hz: NDArray[np.float64]
) -> NDArray[np.float64]:
    harmonics = analyse_harmonics(signal, SAMPLE_RATE, centres, f0_hz)
    envelopes = true_envelope(harmonics.log_spectrum, envelope_orders(f0_hz, SAMPLE_RATE))
    return mel_cepstrum(envelopes, SAMPLE_RATE)


def _has_energy(
    signal: NDArray[np.float64], centres: NDArray[np.int64], f0_hz: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell where the harmonic frames hold any sample but zeros."""
    sounding = np.concatenate([[0], np.cumsum(signal != 0)])
    half = window_half(np.maximum(f0_hz, LOWEST_HZ), SAMPLE_RATE) - 1
    return np.asarray(sounding[centres + half + 1] > sounding[centres - half])
