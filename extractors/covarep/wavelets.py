"""Voice quality from wavelets: maxima dispersion quotient and peak slope.

J. Kane, C. Gobl, "Wavelet maxima dispersion for breathy to tense voice discrimination", IEEE TASLP
21(6), 2013 (MDQ, eqs. 1-4); J. Kane, C. Gobl, "Identifying regions of non-modal phonation using
features of the wavelet transform", Interspeech 2011 (peak slope). The mother wavelet is a cosine
under a Gaussian (C. d'Alessandro, N. Sturmel, Sadhana 36(5), 2011, eq. 1).
"""

from functools import lru_cache

import numpy as np
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

from extractors.covarep.numerics import compiled

MDQ_OCTAVES = (2, 3, 4, 5, 6)
SLOPE_OCTAVES = (0, 1, 2, 3, 4, 5, 6)
SEARCH = 0.2
"""Half width of the search around a closure, as a share of the period."""
SLOPE_FRAME_S = 0.04

_REACH = 8.7
"""Standard deviations beyond which a Gaussian is below double precision."""
_LONG_REACH = 1000
"""Samples on either side in COVAREP's wavelets."""
_QUIETEST = 1e-5
"""Floor of a band's peak, relative to the largest band's."""


def maxima_dispersion(
    residual: NDArray[np.float64],
    closures: NDArray[np.int64],
    periods: NDArray[np.int64],
    *,
    origin: int = 0,
    spread_nan: bool = False,
) -> NDArray[np.float64]:
    """Measure how far the maxima of five octave bands lie from each closure.

    A sharp closure has its peak at the same place in all bands; a breathy one does not.

    Args:
        residual: (N,) linear-prediction residual; NaN counts as zero.
        closures: (G,) sample of each closure.
        periods: (G,) length of its period in samples.
        origin: sample, relative to the closure, from which distances count; -1 in COVAREP.
        spread_nan: exclude maxima within the reach of COVAREP's wavelets around a NaN, which is
            up to 1000 samples on either side.

    Returns:
        (G,) mean distance as a share of the period.
    """
    closures, periods = np.asarray(closures), np.asarray(periods)
    unknown = np.isnan(residual)
    finite = np.where(unknown, 0.0, residual)
    bands = np.stack([filter_octave(finite, octave) for octave in MDQ_OCTAVES])
    if spread_nan and unknown.any():
        for octave, band in zip(MDQ_OCTAVES, bands, strict=True):
            reach = np.count_nonzero(_long_wavelet(octave)) // 2
            band[scipy.ndimage.binary_dilation(unknown, iterations=reach)] = np.nan
    halves = np.floor(SEARCH * periods + 0.5).astype(np.int64)
    return _dispersion(bands, closures, halves, origin) / np.maximum(periods, 1)


def peak_slope(
    signal: NDArray[np.float64],
    sample_rate: int,
    centres: NDArray[np.int64],
    *,
    quietest: float = _QUIETEST,
) -> NDArray[np.float64]:
    """Fit a line through the logarithms of the peaks of seven octave bands.

    Args:
        signal: (N,) samples; it counts as zero beyond its ends.
        sample_rate: in Hz.
        centres: (P,) sample in the middle of each frame of 40 ms.
        quietest: floor of a band's peak relative to the largest. With 0, as in COVAREP, frames in
            exact silence have the slope of the wavelets' outermost tails; it is infinite if one or
            two bands are zero, and 0 if more are.

    Returns:
        (P,) decades per octave, about -0.5 (breathy) to 0 (tense); 0 in silence.
    """
    half = round(SLOPE_FRAME_S * sample_rate / 2)
    bands = [filter_octave(signal, octave) for octave in SLOPE_OCTAVES]
    if quietest == 0:
        for octave, band in zip(SLOPE_OCTAVES, bands, strict=True):
            _filter_silence(np.ascontiguousarray(signal), band, _long_wavelet(octave), 2 * half)
    peaks = np.stack([_window_maxima(np.abs(band), centres - half, 2 * half) for band in bands])
    peaks = np.maximum(peaks, quietest * peaks.max(axis=0, initial=0.0))
    octaves = -np.array(SLOPE_OCTAVES, dtype=float)
    weights = (octaves - octaves.mean()) / np.sum((octaves - octaves.mean()) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = weights @ np.log10(peaks)
    return np.where(np.count_nonzero(peaks == 0, axis=0) < 3, slope, 0.0)


def filter_octave(signal: NDArray[np.float64], octave: int) -> NDArray[np.float64]:
    """Filter without delay by the wavelet centred ``octave`` octaves below half the rate."""
    return np.asarray(scipy.signal.oaconvolve(signal, _wavelet(octave), mode="same"))


@lru_cache(maxsize=16)
def _wavelet(octave: int) -> NDArray[np.float64]:
    # At octave 0 the centre is half the sample rate and the deviation one sample.
    return _sample_wavelet(octave, int(np.ceil(_REACH * 2**octave)))


@lru_cache(maxsize=16)
def _long_wavelet(octave: int) -> NDArray[np.float64]:
    return _sample_wavelet(octave, _LONG_REACH)


def _sample_wavelet(octave: int, reach: int) -> NDArray[np.float64]:
    scaled = np.arange(-reach, reach + 1) / 2**octave
    return -np.cos(np.pi * scaled) * np.exp(-0.5 * scaled**2)


@compiled
def _filter_silence(
    signal: NDArray[np.float64],
    filtered: NDArray[np.float64],
    wavelet: NDArray[np.float64],
    shortest: int,
) -> None:
    """Filter again by direct sums where the signal is exactly zero: an FFT leaves noise there."""
    reach = len(wavelet) // 2
    start = 0
    while start < len(signal):
        stop = start
        while stop < len(signal) and signal[stop] == 0.0:
            stop += 1
        if stop - start >= shortest:
            for n in range(start, stop):
                total = 0.0
                for m in range(max(n - reach, 0), start):
                    total += signal[m] * wavelet[reach + n - m]
                for m in range(stop, min(n + reach + 1, len(signal))):
                    total += signal[m] * wavelet[reach + n - m]
                filtered[n] = total
        start = stop + 1


@compiled
def _dispersion(
    bands: NDArray[np.float64],
    closures: NDArray[np.int64],
    halves: NDArray[np.int64],
    origin: int,
) -> NDArray[np.float64]:
    result = np.zeros(len(closures))
    for row in range(len(closures)):
        start = max(closures[row] - halves[row], 0)
        stop = min(closures[row] + halves[row] + 1, bands.shape[1])
        for band in bands:
            best, place = -np.inf, start
            for n in range(start, stop):
                if band[n] > best:  # False for NaN
                    best, place = band[n], n
            result[row] += abs(place - closures[row] - origin) / len(bands)
    return result


@compiled
def _window_maxima(
    values: NDArray[np.float64], starts: NDArray[np.int64], length: int
) -> NDArray[np.float64]:
    maxima = np.zeros(len(starts))
    for row in range(len(starts)):
        first, last = max(starts[row], 0), min(starts[row] + length, len(values))
        for n in range(first, last):
            if values[n] > maxima[row]:
                maxima[row] = values[n]
    return maxima
