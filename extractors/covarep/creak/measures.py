"""Inputs of the creak detector: twelve measures of a voice's irregularity.

T. Drugman, J. Kane, C. Gobl, "Data-driven detection and analysis of the patterns of creaky voice",
Computer Speech and Language 28(5), 2014, section 3, names the set. Two resonators excited by the
linear-prediction residual give the secondary peaks of creak: T. Drugman, J. Kane, C. Gobl,
"Resonator-based creaky voice detection", Interspeech 2012, section 3. Power peaks and periodicity
are those of C. Ishi, K. Sakakibara, H. Ishiguro, N. Hagita, "A method for automatic detection of
vocal fry", IEEE TASLP 16(1), 2008 (see ``creak.pulses``).
"""

from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

from extractors.covarep.creak.pulses import power_contour, pulse_inputs
from extractors.covarep.numerics import compiled, cut_frames, half_up, inner_hann

INPUT_NAMES = (
    "H2-H1",
    "residual peak prominence",
    "zero crossings",
    "intra-frame periodicity",
    "inter-pulse similarity",
    "power fall",
    "power rise",
    "F0",
    "mean F0",
    "energy",
    "power spread",
    "creak F0",
)

ENERGY_S, ENERGY_HOP_S = 0.032, 0.005
VOICE_S, VOICE_HOP_S = 0.05, 0.01
SHORT_S, SHORT_HOP_S = 0.004, 0.002

_NARROW, _WIDE = 0.97, 0.8
"""Radii of the poles of the two resonators."""

_SPREAD_REACH = 16
_SPREAD_MEDIAN, _PITCH_MEDIAN, _VOICE_SMOOTHING = 13, 7, 9
_SHORTEST_PERIOD = 5
_BATCH = 256
_QUIETEST = 1e-15
_QUIETEST_SHARE = 1e-9
"""Floor of the power relative to the loudest frame: silence may contain a few bits."""

_PROMINENCE_HOP_S, _PROMINENCE_MEDIAN, _SPARED = 0.02, 5, 0.47
_HIGH_HZ, _HIGH_VOICE_S, _LOW_VOICE_S = 100.0, 0.0225, 0.031
_WEAK = 5.4
"""Peaks do not count where the log energy is further below the loudest frame's."""


class Track(NamedTuple):
    """Values of frames: frame k covers ``length`` samples from sample ``k * hop``."""

    values: NDArray[np.float64]
    hop: int
    length: int

    def at(
        self, centres: NDArray[np.int64] | NDArray[np.float64], outside: float = 0.0
    ) -> NDArray[np.float64]:
        """Interpolate linearly for frames centred at these samples: (P,)."""
        if len(self.values) == 0:
            return np.full(len(centres), outside)
        middles = self.hop * np.arange(len(self.values)) + (self.length - 1) / 2
        return np.interp(centres, middles, self.values, left=outside, right=outside)


class CreakTracks(NamedTuple):
    """The measures that are computed here, each on its own frames."""

    harmonics: Track
    prominence: Track
    crossings: Track
    periodicity: Track
    similarity: Track
    fall: Track
    rise: Track
    energy: Track
    spread: Track
    creak_f0: Track


def creak_inputs(
    signal: NDArray[np.float64],
    residual: NDArray[np.float64],
    sample_rate: int,
    centres: NDArray[np.int64],
    f0_hz: NDArray[np.float64],
    mean_f0_hz: float,
    loudest: float | None = None,
) -> NDArray[np.float64]:
    """Measure a voice for creak around the given samples.

    Args:
        signal: (N,) samples, of right polarity.
        residual: (N,) its linear-prediction residual, of any scale.
        sample_rate: in Hz.
        centres: (P,) samples.
        f0_hz: (P,) pitch there.
        mean_f0_hz: the speaker's; the resonators are tuned to it.
        loudest: largest ``frame_energy`` of the recording; by default of this signal.

    Returns:
        (P, 12) in the order of ``INPUT_NAMES``: dB; 0 to 1; per ms; 0 to 1; 0 to 1; dB; dB; Hz;
        Hz; log of the energy over the loudest frame's; dB; Hz.
    """
    if loudest is None:
        loudest = loudest_frame(signal, sample_rate)
    quietest = np.exp(loudest) * _QUIETEST_SHARE / round(ENERGY_S * sample_rate)
    tracks = creak_tracks(signal, residual, sample_rate, mean_f0_hz, loudest, quietest)
    columns = {name: track.at(centres) for name, track in zip(tracks._fields, tracks, strict=True)}
    columns["energy"] = tracks.energy.at(centres, loudest + np.log(_QUIETEST_SHARE)) - loudest
    return arrange_inputs(columns, f0_hz, mean_f0_hz)


def arrange_inputs(
    columns: dict[str, NDArray[np.float64]], f0_hz: NDArray[np.float64], mean_f0_hz: float
) -> NDArray[np.float64]:
    """Arrange columns, named as the fields of ``CreakTracks``, in the order of ``INPUT_NAMES``."""
    by_name = {**columns, "f0": f0_hz, "mean_f0": np.full(len(f0_hz), mean_f0_hz)}
    first = ("harmonics", "prominence", "crossings", "periodicity", "similarity", "fall", "rise")
    order = (*first, "f0", "mean_f0", "energy", "spread", "creak_f0")
    return np.stack([by_name[name] for name in order], axis=1)


def creak_tracks(
    signal: NDArray[np.float64],
    residual: NDArray[np.float64],
    sample_rate: int,
    mean_f0_hz: float,
    loudest: float,
    quietest: float = _QUIETEST,
) -> CreakTracks:
    """Measure everything but the pitch; see ``creak_inputs``. No power is below ``quietest``."""
    short_hop, short = round(SHORT_HOP_S * sample_rate), round(SHORT_S * sample_rate)
    harmonics, creak_f0 = _resonances(residual, sample_rate, mean_f0_hz)
    spread = _power_spread(power_contour(signal, short, short_hop, quietest))
    pulses = pulse_inputs(signal, sample_rate, loudest_db(loudest, sample_rate), quietest)
    energy = frame_energy(signal, sample_rate, quietest)
    audible = energy._replace(values=energy.values - loudest)
    return CreakTracks(
        harmonics,
        _peak_prominence(residual, sample_rate, mean_f0_hz, audible),
        _zero_crossings(signal, sample_rate),
        Track(*pulses.periodicity),
        Track(*pulses.similarity),
        Track(*pulses.fall),
        Track(*pulses.rise),
        energy,
        Track(spread, short_hop, short),
        creak_f0,
    )


def frame_energy(
    signal: NDArray[np.float64], sample_rate: int, quietest: float = _QUIETEST
) -> Track:
    """Compute the log energy of Hann-windowed frames of 32 ms every 5 ms."""
    length, hop = round(ENERGY_S * sample_rate), round(ENERGY_HOP_S * sample_rate)
    weights = inner_hann(length) ** 2
    frames = _all_frames(signal * signal, length, hop)
    return Track(np.log(np.maximum(frames @ weights, quietest * length)), hop, length)


def loudest_frame(signal: NDArray[np.float64], sample_rate: int) -> float:
    """Find the largest ``frame_energy``."""
    return float(frame_energy(signal, sample_rate).values.max(initial=np.log(_QUIETEST)))


def loudest_db(loudest: float, sample_rate: int) -> float:
    """Twice the mean power in dB of a frame of this ``frame_energy``."""
    weights = inner_hann(round(ENERGY_S * sample_rate)) ** 2
    return float(20 * (loudest / np.log(10) - np.log10(weights.sum())))


def _zero_crossings(signal: NDArray[np.float64], sample_rate: int) -> Track:
    """Count changes of sign in frames of 32 ms every 5 ms, per millisecond."""
    length, hop = round(ENERGY_S * sample_rate), round(ENERGY_HOP_S * sample_rate)
    crossed = np.concatenate([[0], np.cumsum(np.diff(signal >= 0))])
    starts = hop * np.arange(_frame_count(len(signal), length, hop))
    counts = crossed[starts + length - 1] - crossed[starts]
    return Track(counts / (1000 * ENERGY_S), hop, length)


def _power_spread(power_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviation of the short-term power over 33 frames (66 ms), outliers removed: (F,)."""
    spread = np.zeros(len(power_db))
    width = 2 * _SPREAD_REACH + 1
    if len(power_db) >= width:
        windows = np.lib.stride_tricks.sliding_window_view(power_db, width)
        spread[_SPREAD_REACH : len(power_db) - _SPREAD_REACH] = windows.std(axis=1, ddof=1)
    return _median(spread, _SPREAD_MEDIAN)


def _resonances(
    residual: NDArray[np.float64], sample_rate: int, mean_f0_hz: float
) -> tuple[Track, Track]:
    """Measure the second harmonic over the first, and the period, of the two resonators."""
    length, hop = round(VOICE_S * sample_rate), round(VOICE_HOP_S * sample_rate)
    window = inner_hann(length)
    starts = np.arange(0, max(len(residual) - length, 0), hop)
    wide = _resonate(residual, sample_rate, mean_f0_hz, _WIDE)
    narrow = _resonate(residual, sample_rate, mean_f0_hz, _NARROW)
    unbiased = length / (length - np.arange(length))
    pitch = np.empty(len(starts))
    tilt = np.empty(len(starts))
    for first in range(0, len(starts), _BATCH):
        rows = slice(first, first + _BATCH)
        correlation = _autocorrelation(cut_frames(wide, starts[rows], length) * window)
        pitch[rows] = half_up(sample_rate / _first_period(correlation * unbiased))
        frames = cut_frames(narrow, starts[rows], length) * window**2
        tilt[rows] = _second_over_first(_autocorrelation(frames), pitch[rows], sample_rate)
    creak_f0 = _smooth(_median(pitch, _PITCH_MEDIAN), _VOICE_SMOOTHING)
    return Track(_smooth(tilt, _VOICE_SMOOTHING), hop, length), Track(creak_f0, hop, length)


def _resonate(
    residual: NDArray[np.float64], sample_rate: int, centre_hz: float, radius: float
) -> NDArray[np.float64]:
    turn = 2 * np.pi * centre_hz / sample_rate
    return np.asarray(
        scipy.signal.lfilter([1.0], [1.0, -2 * radius * np.cos(turn), radius**2], residual)
    )


def _autocorrelation(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Autocorrelation of each frame at lags from 0: (F, L)."""
    length = frames.shape[1]
    size = scipy.fft.next_fast_len(2 * length, real=True)
    power = np.abs(scipy.fft.rfft(frames, size, axis=1)) ** 2
    return np.asarray(scipy.fft.irfft(power, size, axis=1)[:, :length])


def _first_period(correlation: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find the highest lag after the peak around lag 0 has ended: (F,)."""
    negative = correlation < 0
    end = np.where(negative.any(axis=1), negative.argmax(axis=1), _SHORTEST_PERIOD)
    beyond = np.arange(correlation.shape[1]) >= end[:, None]
    return np.asarray(np.argmax(np.where(beyond, correlation, -np.inf), axis=1))


def _second_over_first(
    correlation: NDArray[np.float64], pitch_hz: NDArray[np.float64], sample_rate: int
) -> NDArray[np.float64]:
    """Compare the spectrum of lags from 1 on at twice the pitch with that at it, in dB: (F,).

    Spectra of autocorrelations are powers: the decibels count double.
    """
    first, second = (
        np.maximum(_magnitude(correlation, (multiple * pitch_hz - 1) / sample_rate), _QUIETEST)
        for multiple in (1, 2)
    )
    return np.asarray(20 * np.log10(second / first))


@compiled
def _magnitude(correlation: NDArray[np.float64], turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Magnitude of the spectrum of lags from 1 on, at one frequency in turns per sample: (F,)."""
    magnitude = np.zeros(len(correlation))
    for row in range(len(correlation)):
        # Horner's rule: one complex product per lag.
        cosine, sine = np.cos(2 * np.pi * turns[row]), -np.sin(2 * np.pi * turns[row])
        real, imaginary = 0.0, 0.0
        for lag in range(correlation.shape[1] - 1, 0, -1):
            real, imaginary = (
                real * cosine - imaginary * sine + correlation[row, lag],
                real * sine + imaginary * cosine,
            )
        magnitude[row] = np.sqrt(real * real + imaginary * imaginary)
    return magnitude


def _peak_prominence(
    residual: NDArray[np.float64], sample_rate: int, mean_f0_hz: float, energy: Track
) -> Track:
    """Measure how far extremes of the wide resonator stand out of their surroundings.

    0 in frames much weaker than the loudest, and where a larger extreme is near.
    """
    length = round(sample_rate * (_HIGH_VOICE_S if mean_f0_hz > _HIGH_HZ else _LOW_VOICE_S) / 2) * 2
    hop = round(_PROMINENCE_HOP_S * sample_rate)
    resonance = _resonate(residual, sample_rate, mean_f0_hz, _WIDE)
    middles = np.arange(length // 2, len(residual) - length // 2, hop)
    prominence = np.empty(len(middles))
    for first in range(0, len(middles), _BATCH):
        rows = slice(first, first + _BATCH)
        prominence[rows] = _stand_out(resonance, middles[rows], length)
    prominence[energy.at(middles) < -_WEAK] = 0.0
    return Track(_median(prominence, _PROMINENCE_MEDIAN), hop, length)


def _stand_out(
    resonance: NDArray[np.float64], middles: NDArray[np.int64], length: int
) -> NDArray[np.float64]:
    """Return 1 minus the highest rival over the largest extreme around each middle, at least 0."""
    half = length // 2
    searched = cut_frames(resonance, middles - half, length)
    peaks = middles - half + np.argmax(np.abs(searched), axis=1)
    around = cut_frames(resonance, peaks - half, length + 1)
    height = around[:, half].copy()
    outdone = np.abs(around).max(axis=1) > np.abs(height)
    around *= np.sign(height)[:, None]
    spared = round(_SPARED * half)
    around[:, half - spared : half + spared + 1] = -np.inf
    size = np.where(height != 0, np.abs(height), 1.0)
    standing = np.clip(1 - around.max(axis=1) / size, 0.0, 1.0)
    return np.where(outdone | (height == 0), 0.0, standing)


def _median(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Running median, zeros beyond the ends: (F,)."""
    if len(values) == 0:
        return values
    return np.asarray(scipy.ndimage.median_filter(values, width, mode="constant"))


def _smooth(values: NDArray[np.float64], span: int) -> NDArray[np.float64]:
    """Moving average whose span shrinks towards the ends: (F,)."""
    count = len(values)
    index = np.arange(count)
    reach = np.minimum(np.minimum(index, count - 1 - index), span // 2)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return (sums[index + reach + 1] - sums[index - reach]) / (2 * reach + 1)


def _all_frames(signal: NDArray[np.float64], length: int, hop: int) -> NDArray[np.float64]:
    if len(signal) < length:
        return np.zeros((0, length))
    return np.lib.stride_tricks.sliding_window_view(signal, length)[::hop]


def _frame_count(size: int, length: int, hop: int) -> int:
    return (size - length) // hop + 1 if size >= length else 0
