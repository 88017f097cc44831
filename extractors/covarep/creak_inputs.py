"""What a creak detector looks at: twelve measures of a voice's irregularity.

T. Drugman, J. Kane, C. Gobl, "Data-driven detection and analysis of the patterns of creaky voice",
Computer Speech and Language 28(5), 2014, section 3, names the set. Two resonators excited by the
linear-prediction residual give the secondary peaks of creak: T. Drugman, J. Kane, C. Gobl,
"Resonator-based creaky voice detection", Interspeech 2012, section 3. Power peaks and periodicity
are those of C. Ishi, K. Sakakibara, H. Ishiguro, N. Hagita, "A method for automatic detection of
vocal fry", IEEE TASLP 16(1), 2008 (see ``creak_pulses``).
"""

from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from extractors.covarep.creak_pulses import power_contour, pulse_inputs
from extractors.covarep.numerics import cut_frames, half_up, inner_hann

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
_LONGEST_PERIOD_S = 0.0375
_QUIETEST = 1e-15
_QUIETEST_SHARE = 1e-9
"""Power, next to the loudest frame's, below which all is alike: silence may hold a few bits."""

_PROMINENCE_PERIODS, _PROMINENCE_SPARED, _PROMINENCE_MEDIAN = 3.0, 0.3, 11


class Track(NamedTuple):
    """Values of frames: frame k covers ``length`` samples from sample ``k * hop``."""

    values: NDArray[np.float64]
    hop: int
    length: int

    def at(self, centres: NDArray[np.int64]) -> NDArray[np.float64]:
        """Read it where frames are centred at these samples, by lines; 0 outside: (P,)."""
        if len(self.values) == 0:
            return np.zeros(len(centres))
        middles = self.hop * np.arange(len(self.values)) + (self.length - 1) / 2
        return np.interp(centres, middles, self.values, left=0.0, right=0.0)


class CreakTracks(NamedTuple):
    """The measures that are not given from outside, each on its own frames."""

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
        loudest: largest ``frame_energy`` of the recording; of this signal if not given.

    Returns:
        (P, 12) in the order of ``INPUT_NAMES``: dB; 0 to 1; per ms; 0 to 1; 0 to 1; dB; dB; Hz;
        Hz; log of the energy over the loudest frame's; dB; Hz.
    """
    if loudest is None:
        loudest = float(frame_energy(signal, sample_rate).values.max(initial=np.log(_QUIETEST)))
    quietest = np.exp(loudest) * _QUIETEST_SHARE / round(ENERGY_S * sample_rate)
    tracks = creak_tracks(signal, residual, sample_rate, mean_f0_hz, quietest)
    columns = {name: track.at(centres) for name, track in zip(tracks._fields, tracks, strict=True)}
    columns["energy"] = columns["energy"] - loudest
    return arrange_inputs(columns, f0_hz, mean_f0_hz)


def arrange_inputs(
    columns: dict[str, NDArray[np.float64]], f0_hz: NDArray[np.float64], mean_f0_hz: float
) -> NDArray[np.float64]:
    """Put columns named as the fields of ``CreakTracks`` in the order of ``INPUT_NAMES``."""
    given = {**columns, "f0": f0_hz, "mean_f0": np.full(len(f0_hz), mean_f0_hz)}
    first = ("harmonics", "prominence", "crossings", "periodicity", "similarity", "fall", "rise")
    order = (*first, "f0", "mean_f0", "energy", "spread", "creak_f0")
    return np.stack([given[name] for name in order], axis=1)


def creak_tracks(
    signal: NDArray[np.float64],
    residual: NDArray[np.float64],
    sample_rate: int,
    mean_f0_hz: float,
    quietest: float = _QUIETEST,
) -> CreakTracks:
    """Measure everything but the pitch; see ``creak_inputs``. No power is below ``quietest``."""
    short_hop, short = round(SHORT_HOP_S * sample_rate), round(SHORT_S * sample_rate)
    harmonics, creak_f0 = _resonances(residual, sample_rate, mean_f0_hz)
    spread = _power_spread(power_contour(signal, short, short_hop, quietest))
    pulses = pulse_inputs(signal, sample_rate, quietest)
    return CreakTracks(
        harmonics,
        _peak_prominence(residual, sample_rate, mean_f0_hz),
        _zero_crossings(signal, sample_rate),
        Track(*pulses.periodicity),
        Track(*pulses.similarity),
        Track(*pulses.fall),
        Track(*pulses.rise),
        frame_energy(signal, sample_rate, quietest),
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
    return scipy.signal.medfilt(spread, _SPREAD_MEDIAN)


def _resonances(
    residual: NDArray[np.float64], sample_rate: int, mean_f0_hz: float
) -> tuple[Track, Track]:
    """Measure the second harmonic over the first, and the period, of the two resonators."""
    length, hop = round(VOICE_S * sample_rate), round(VOICE_HOP_S * sample_rate)
    lags = np.arange(length)
    window = inner_hann(length)
    wide = _autocorrelations(_resonate(residual, sample_rate, mean_f0_hz, _WIDE), window, hop)
    narrow = _autocorrelations(_resonate(residual, sample_rate, mean_f0_hz, _NARROW), window, hop)
    unbiased = wide * (length / (length - lags))
    period = _first_period(unbiased[:, : round(_LONGEST_PERIOD_S * sample_rate)])
    pitch = half_up(sample_rate / period)
    spectra = _log_magnitudes(narrow, pitch, sample_rate)
    creak_f0 = _smooth(
        scipy.signal.medfilt(pitch.astype(np.float64), _PITCH_MEDIAN), _VOICE_SMOOTHING
    )
    return (
        Track(_smooth(spectra[:, 1] - spectra[:, 0], _VOICE_SMOOTHING), hop, length),
        Track(creak_f0, hop, length),
    )


def _resonate(
    residual: NDArray[np.float64], sample_rate: int, centre_hz: float, radius: float
) -> NDArray[np.float64]:
    turn = 2 * np.pi * centre_hz / sample_rate
    return np.asarray(
        scipy.signal.lfilter([1.0], [1.0, -2 * radius * np.cos(turn), radius**2], residual)
    )


def _autocorrelations(
    signal: NDArray[np.float64], window: NDArray[np.float64], hop: int
) -> NDArray[np.float64]:
    """Autocorrelation of each windowed frame at lags from 0: (F, L)."""
    length = len(window)
    starts = np.arange(0, max(len(signal) - length, 0), hop)
    size = scipy.fft.next_fast_len(2 * length, real=True)
    found = np.empty((len(starts), length))
    for first in range(0, len(starts), 256):
        frames = cut_frames(signal, starts[first : first + 256], length) * window
        power = np.abs(scipy.fft.rfft(frames, size, axis=1)) ** 2
        found[first : first + 256] = scipy.fft.irfft(power, size, axis=1)[:, :length]
    return found


def _first_period(correlation: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find the highest lag after the peak around lag 0 has ended: (F,)."""
    ended = np.cumsum(correlation < 0, axis=1) > 0
    beyond = np.where(ended, correlation, -np.inf)
    return np.maximum(np.argmax(beyond, axis=1), 1)


def _log_magnitudes(
    correlation: NDArray[np.float64], pitch_hz: NDArray[np.int64], sample_rate: int
) -> NDArray[np.float64]:
    """Power spectrum in dB, doubled, at the pitch and its double: (F, 2)."""
    length = correlation.shape[1]
    weighted = correlation * inner_hann(2 * length - 1)[length - 1 :]
    lags = np.arange(length)
    found = np.empty((len(correlation), 2))
    for column, multiple in enumerate((1, 2)):
        turns = np.minimum(multiple * pitch_hz, sample_rate // 2 - 1) / sample_rate
        waves = np.exp(-2j * np.pi * turns[:, None] * lags)
        found[:, column] = np.abs(np.einsum("ij,ij->i", weighted, waves))
    return 20 * np.log10(np.maximum(found, _QUIETEST))


def _peak_prominence(residual: NDArray[np.float64], sample_rate: int, mean_f0_hz: float) -> Track:
    """Measure how far negative peaks of the wide resonator stand out of their surroundings."""
    reach = round(_PROMINENCE_PERIODS * sample_rate / mean_f0_hz / 2)
    spared = round(_PROMINENCE_SPARED * reach)
    hop = round(VOICE_HOP_S * sample_rate)
    inverted = -_resonate(residual, sample_rate, mean_f0_hz, _WIDE)
    centres = np.arange(0, len(residual), hop)
    frames = cut_frames(inverted, centres - reach, 2 * reach + 1)
    peaks = centres - reach + np.argmax(frames, axis=1)
    around = cut_frames(inverted, peaks - reach, 2 * reach + 1)
    height = around[:, reach].copy()
    around[:, reach - spared : reach + spared + 1] = -np.inf
    rival = around.max(axis=1)
    found = 1 - rival / np.where(height > 0, height, 1.0)
    found = np.where((height > 0) & (found > 0), found, 0.0)
    return Track(scipy.signal.medfilt(found, _PROMINENCE_MEDIAN), hop, 1)


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
