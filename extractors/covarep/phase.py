"""Mean and spread of phase distortion: the phase features of the HMPD vocoder.

G. Degottex, D. Erro, "A uniform phase representation for the harmonic model in speech synthesis
applications", EURASIP J. Audio, Speech, Music Proc. 2014:38, eqs. 4-10: harmonic phases minus the
minimum phase of their amplitudes, independent of delay, then averaged (mean) and detrended
(deviation) over time with circular statistics.
"""

from typing import TypeVar

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from extractors.covarep.envelope import mel_cepstrum
from extractors.covarep.numerics import compiled
from extractors.covarep.sinusoids import Harmonics

Number = TypeVar("Number", np.float64, np.complex128)

FFT_SIZE = 1024
BINS = FFT_SIZE // 2 + 1
MEAN_FRAMES, TREND_FRAMES, SPREAD_FRAMES = 25, 9, 9
SPREAD_FLOOR = 1e-3
_RENEWAL = 64
MEAN_BANDS = 25
SPREAD_COEFFICIENTS = 13

BAND_EDGES = np.array(
    [*range(9), 10, 13, 17, 22, 28, 36, 46, 58, 72, 89, 110, 135, 166, 207, 264, 358, BINS]
)
"""First bin of each band of the mean, and one past the last; 8 single bins, then ever wider."""


def phase_distortion(
    harmonics: Harmonics, sample_rate: int, place_f0_hz: NDArray[np.float64] | None = None
) -> NDArray[np.complex128]:
    """Compute phase distortion over frequency, as unit vectors.

    Args:
        harmonics: of P frames.
        sample_rate: in Hz.
        place_f0_hz: (P,) pitch at whose multiples the distortions are placed; by default the
            refined one.

    Returns:
        (P, 513): from 0 Hz to half the rate; angle 0 up to the pitch, and beyond the last
        harmonic that of the last harmonic.
    """
    if place_f0_hz is None:
        place_f0_hz = harmonics.f0_hz
    bin_hz = sample_rate / FFT_SIZE
    with np.errstate(divide="ignore"):
        level = np.log(harmonics.amplitude)
    steps = harmonics.f0_hz / bin_hz
    envelope = _linear_envelope(level, harmonics.number, steps, BINS)
    cepstrum = scipy.fft.irfft(envelope, FFT_SIZE, axis=1)
    cepstrum[:, 1 : FFT_SIZE // 2] *= 2
    cepstrum[:, FFT_SIZE // 2 + 1 :] = 0
    filter_phase = scipy.fft.rfft(cepstrum, axis=1).imag
    angle = _place_distortion(
        harmonics.phase, harmonics.number, filter_phase, steps, place_f0_hz / bin_hz
    )
    return np.exp(1j * angle)


def mean_distortion(smoothed: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Average the directions of smoothed vectors over bands.

    Args:
        smoothed: (P, 513) phase distortion averaged over time.

    Returns:
        (P, 25) radians, -pi to pi.
    """
    length = np.abs(smoothed)
    direction = smoothed / np.where(length > 0, length, 1.0)
    return np.angle(np.add.reduceat(direction, BAND_EDGES[:-1], axis=1))


def spread_cepstrum(resultant: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Convert lengths of mean vectors to deviations, at least 0.001, and those to mel-cepstra.

    Args:
        resultant: (P, 513) length of the mean vector, 1 where all directions agree.
        sample_rate: in Hz.

    Returns:
        (P, 13) coefficients of the deviation's logarithm.
    """
    positive = np.clip(resultant, np.finfo(float).tiny, 1.0)
    deviation = np.sqrt(-2 * np.log(positive))
    level = np.log(np.maximum(deviation, SPREAD_FLOOR))
    return mel_cepstrum(level, sample_rate, SPREAD_COEFFICIENTS)


def phase_features(
    distortion: NDArray[np.complex128], valid: NDArray[np.bool_], sample_rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute mean and spread for rows 10 ms apart, some of which may be missing.

    Missing rows, and those beyond the ends, have no weight, so any number of rows is enough.

    Args:
        distortion: (P, 513) unit vectors; missing rows may have any finite value.
        valid: (P,) bool, False where a row is missing.
        sample_rate: in Hz.

    Returns:
        (P, 25) means in radians and (P, 13) cepstra of the spread; 0 in missing rows.
    """
    means = np.zeros((len(valid), MEAN_BANDS))
    spreads = np.zeros((len(valid), SPREAD_COEFFICIENTS))
    if not valid.any():
        return means, spreads
    weighted = distortion * valid[:, None]
    weight = valid.astype(np.float64)[:, None]
    means[valid] = mean_distortion(_average_twice(weighted, MEAN_FRAMES)[valid])
    detrended = weighted * np.conj(_trend(distortion, valid))
    resultant = np.abs(_average_twice(detrended, SPREAD_FRAMES)[valid])
    resultant /= _average_twice(weight, SPREAD_FRAMES)[valid]
    spreads[valid] = spread_cepstrum(resultant, sample_rate)
    return means, spreads


def _trend(distortion: NDArray[np.complex128], valid: NDArray[np.bool_]) -> NDArray[np.complex128]:
    """Follow the slow movement: a running median, then a Hann window twice; unit vectors."""
    rows = np.flatnonzero(valid)
    reach = TREND_FRAMES // 2
    positions = np.arange(-reach, len(valid) + reach)
    after = np.minimum(np.searchsorted(rows, positions), len(rows) - 1)
    before = np.maximum(after - 1, 0)
    closer = np.abs(rows[before] - positions) <= np.abs(rows[after] - positions)
    nearest = rows[np.where(closer, before, after)]
    filled = distortion[nearest]
    median = running_median(filled.real) + 1j * running_median(filled.imag)
    window = np.hanning(TREND_FRAMES + 2)[1:-1]
    smooth = _convolve(median * valid[:, None], np.convolve(window, window))
    length = np.abs(smooth)
    return np.where(length > 0, smooth / np.where(length > 0, length, 1.0), 1.0)


def running_median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of every 9 successive rows: (P + 8, B) to (P, B)."""
    return np.asarray(_median_of_nine(np.ascontiguousarray(values)))


def _convolve(values: NDArray[Number], kernel: NDArray[np.float64]) -> NDArray[Number]:
    """Convolve each column with a symmetric kernel; zeros beyond the ends."""
    reach = len(kernel) // 2
    padded = np.pad(values, ((reach, reach), (0, 0)))
    return np.asarray(_correlate(padded, kernel))


def _average_twice(values: NDArray[Number], frames: int) -> NDArray[Number]:
    """Average each column over ``frames`` rows, twice; zeros beyond the ends."""
    reach = frames - 1
    return np.asarray(_average(_average(np.pad(values, ((reach, reach), (0, 0))), frames), frames))


@compiled
def _average(values, frames):  # type: ignore[no-untyped-def]  # real and complex
    rows, columns = values.shape[0] - frames + 1, values.shape[1]
    means = np.zeros((rows, columns), dtype=values.dtype)
    for row in range(rows):
        if row % _RENEWAL == 0:  # recompute the sum so that rounding errors do not accumulate
            total = np.zeros(columns, dtype=values.dtype)
            for k in range(frames):
                total += values[row + k]
        else:
            for column in range(columns):
                total[column] += values[row + frames - 1, column] - values[row - 1, column]
        for column in range(columns):
            means[row, column] = total[column] / frames
    return means


@compiled
def _correlate(padded, kernel):  # type: ignore[no-untyped-def]  # real and complex
    rows = padded.shape[0] - len(kernel) + 1
    total = np.zeros((rows, padded.shape[1]), dtype=padded.dtype)
    for row in range(rows):
        for k in range(len(kernel)):
            for column in range(padded.shape[1]):
                total[row, column] += kernel[k] * padded[row + k, column]
    return total


@compiled
def _linear_envelope(
    level: NDArray[np.float64],
    number: NDArray[np.int64],
    steps: NDArray[np.float64],
    bins: int,
) -> NDArray[np.float64]:
    """Interpolate log amplitudes of harmonics 1, 2, ... linearly; constant outside of them."""
    envelope = np.empty((len(number), bins))
    for row in range(len(number)):
        last = number[row]
        for b in range(bins):
            place = b / steps[row]
            if place <= 1.0:
                envelope[row, b] = level[row, 1]
            elif place >= last:
                envelope[row, b] = level[row, last]
            else:
                k = int(place)
                share = place - k
                envelope[row, b] = level[row, k] * (1 - share) + level[row, k + 1] * share
    return envelope


@compiled
def _place_distortion(
    phase: NDArray[np.float64],
    number: NDArray[np.int64],
    filter_phase: NDArray[np.float64],
    steps: NDArray[np.float64],
    place_steps: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Compute the distortion at each harmonic, unwrapped, and interpolate linearly."""
    rows, bins = filter_phase.shape
    angle = np.zeros((rows, bins))
    for row in range(rows):
        last = number[row]
        values = np.zeros(last + 1)
        first = previous = 0.0
        for k in range(1, last + 1):
            place = min(k * steps[row], bins - 1.0)
            below = min(int(place), bins - 2)
            share = place - below
            source = phase[row, k] - filter_phase[row, below] * (1 - share)
            source -= filter_phase[row, below + 1] * share
            if k == 1:
                first = source
            else:
                turn = source - previous - first - values[k - 1]
                turn -= 2 * np.pi * np.floor(turn / (2 * np.pi) + 0.5)
                values[k] = values[k - 1] + turn
            previous = source
        for b in range(bins):
            place = b / place_steps[row]
            if place <= 1.0:
                continue
            k = min(int(place), last)
            share = min(place - k, 1.0) if k < last else 0.0
            following = values[min(k + 1, last)]
            angle[row, b] = values[k] * (1 - share) + following * share
    return angle


_EXCHANGES = (
    *((1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3)),
    *((5, 8), (4, 7), (3, 6), (1, 4), (2, 5), (4, 7), (4, 2), (6, 4), (4, 2)),
)
"""Leaves the median of nine at place 4: J. Smith, "Implementing median filters", 1996."""


@compiled
def _median_of_nine(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns = values.shape[0] - 8, values.shape[1]
    result = np.empty((rows, columns))
    window = np.empty((9, columns))
    for row in range(rows):
        window[:] = values[row : row + 9]
        for low, high in _EXCHANGES:
            for column in range(columns):
                a, b = window[low, column], window[high, column]
                window[low, column] = a if a < b else b
                window[high, column] = b if a < b else a
        result[row] = window[4]
    return result
