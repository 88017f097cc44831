"""Vocal fry as single pulses: peaks of the very short-term power, and their similarity.

C. Ishi, K. Sakakibara, H. Ishiguro, N. Hagita, "A method for automatic detection of vocal fry",
IEEE TASLP 16(1), 2008, section III: the voice between 100 and 1500 Hz, its power in frames of 4 ms,
peaks of that, the periodicity inside frames (IFP), and the similarity of successive pulses (IPS).
"""

from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from extractors.covarep.numerics import compiled, cut_frames

LOWEST_HZ, HIGHEST_HZ = 91.0, 1617.0
"""Half-power edges of a filter that passes 100 to 1500 Hz unchanged."""

_ORDER = 9
_SHORT_S, _SHORT_HOP_S = 0.004, 0.002
_FRAME_S, _FRAME_HOP_S = 0.032, 0.005
_LONGEST_LAG_S = 0.015
_SLOPE_REACH, _RIVAL_REACH = 5, 4
_WEAKEST_DB = 26.5
_PULSE_S, _LONGEST_GAP_S, _SHIFT_S = 0.015, 0.1, 0.002
_HOLD_BEFORE_S, _HOLD_AFTER_S = 0.028, 0.006
_QUIETEST = 1e-15

Values = NDArray[np.float64]
Frames = tuple[Values, int, int]
"""Values of frames, their hop in samples, and their length in samples."""


class PulseInputs(NamedTuple):
    """Measures on frames: periodicity 0 to 1, similarity 0 to 1, power fall and rise in dB."""

    periodicity: Frames
    similarity: Frames
    fall: Frames
    rise: Frames


def pulse_inputs(
    signal: Values, sample_rate: int, loudest_db: float, quietest: float = _QUIETEST
) -> PulseInputs:
    """Measure single pulses of a voice; see ``PulseInputs``."""
    band = _band_pass(signal, sample_rate)
    short, hop = round(_SHORT_S * sample_rate), round(_SHORT_HOP_S * sample_rate)
    power_db = power_contour(band, short, hop, quietest)
    peaks, fall_db, rise_db = _power_peaks(power_db, loudest_db)
    similarity = _pulse_similarity(band, hop * peaks + short // 2, sample_rate)
    contours = [
        _hold(peaks, values, len(power_db), hop / sample_rate)
        for values in (similarity, fall_db, rise_db)
    ]
    periodicity = _frame_periodicity(band, sample_rate)
    frame, frame_hop = round(_FRAME_S * sample_rate), round(_FRAME_HOP_S * sample_rate)
    return PulseInputs(
        (periodicity, frame_hop, frame), *((values, hop, short) for values in contours)
    )


def power_contour(signal: Values, length: int, hop: int, quietest: float = _QUIETEST) -> Values:
    """Twice the power in dB of frames of ``length`` samples every ``hop``: (F,)."""
    if len(signal) < length:
        return np.zeros(0)
    sums = np.concatenate([[0.0], np.cumsum(signal * signal)])
    starts = np.arange(0, len(signal) - length + 1, hop)
    power = (sums[starts + length] - sums[starts]) / length
    return 20 * np.log10(np.maximum(power, quietest))


def _band_pass(signal: Values, sample_rate: int) -> Values:
    edges = [2 * LOWEST_HZ / sample_rate, 2 * HIGHEST_HZ / sample_rate]
    sections = scipy.signal.butter(_ORDER, edges, "bandpass", output="sos")
    padding = min(3 * (2 * len(sections) + 1), len(signal) - 1)
    return np.asarray(scipy.signal.sosfiltfilt(sections, signal, padlen=max(padding, 0)))


def _frame_periodicity(band: Values, sample_rate: int) -> Values:
    """Smallest autocorrelation at the multiples of its strongest lag (Ishi et al., eq. 1)."""
    length, hop = round(_FRAME_S * sample_rate), round(_FRAME_HOP_S * sample_rate)
    starts = np.arange(0, max(len(band) - length + 1, 0), hop)
    size = scipy.fft.next_fast_len(2 * length, real=True)
    longest = round(_LONGEST_LAG_S * sample_rate)
    unbiased = length / (length - np.arange(longest + 2))
    periodicity = np.empty(len(starts))
    for first in range(0, len(starts), 256):
        frames = cut_frames(band, starts[first : first + 256], length)
        power = np.abs(scipy.fft.rfft(frames, size, axis=1)) ** 2
        correlation = scipy.fft.irfft(power, size, axis=1)[:, : longest + 2]
        correlation /= np.maximum(correlation[:, :1], _QUIETEST)
        periodicity[first : first + 256] = _smallest_multiple(correlation * unbiased, longest)
    return np.clip(periodicity, 0.0, 1.0)


@compiled
def _smallest_multiple(correlation: Values, longest: int) -> Values:
    smallest = np.zeros(len(correlation))
    for row in range(len(correlation)):
        values = correlation[row]
        period = 0
        for lag in range(1, longest + 1):
            peak = values[lag] > values[lag - 1] and values[lag] >= values[lag + 1]
            if peak and (period == 0 or values[lag] > values[period]):
                period = lag
        if period > 0:
            smallest[row] = values[period]
            for lag in range(2 * period, longest + 1, period):
                smallest[row] = min(smallest[row], values[lag])
    return smallest


def _power_peaks(power_db: Values, loudest_db: float) -> tuple[NDArray[np.int64], Values, Values]:
    """Find strong peaks of the contour, with the largest fall after and rise before each."""
    reach = _SLOPE_REACH
    if len(power_db) < 2 * reach + 1:
        return np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view(power_db, 2 * reach + 1)
    middle = windows[:, reach]
    fall = middle - windows[:, reach + 1 :].min(axis=1)
    rise = middle - windows[:, :reach].min(axis=1)
    near = windows[:, reach - _RIVAL_REACH : reach + _RIVAL_REACH + 1].max(axis=1)
    strong = middle > loudest_db - _WEAKEST_DB
    chosen = np.flatnonzero((middle >= near) & strong & (rise > 0))
    return chosen + reach, fall[chosen], rise[chosen]


def _pulse_similarity(band: Values, centres: NDArray[np.int64], sample_rate: int) -> Values:
    """Largest normalised cross-correlation of each pulse with the one before (eq. 2)."""
    similarity = np.zeros(len(centres))
    half, shift = round(_PULSE_S * sample_rate / 2), round(_SHIFT_S * sample_rate)
    near = np.flatnonzero(np.diff(centres) < _LONGEST_GAP_S * sample_rate) + 1
    if len(near) == 0:
        return similarity
    wide = cut_frames(band, centres[near] - half - shift, 2 * (half + shift) + 1)
    before = cut_frames(band, centres[near - 1] - half, 2 * half + 1)
    norm = np.sqrt((before**2).sum(axis=1))
    best = np.zeros(len(near))
    for lag in range(2 * shift + 1):
        other = wide[:, lag : lag + 2 * half + 1]
        scale = np.maximum(norm * np.sqrt((other**2).sum(axis=1)), _QUIETEST)
        best = np.maximum(best, np.einsum("ij,ij->i", before, other) / scale)
    similarity[near] = best
    return similarity


def _hold(peaks: NDArray[np.int64], values: Values, count: int, hop_s: float) -> Values:
    """Extend each peak's value from shortly before it to shortly after; 0 elsewhere: (count,)."""
    contour = np.zeros(count)
    before, after = round(_HOLD_BEFORE_S / hop_s), round(_HOLD_AFTER_S / hop_s)
    for peak, value in zip(peaks[::-1], values[::-1], strict=True):
        contour[max(peak - before, 0) : peak + after + 1] = value
    return contour
