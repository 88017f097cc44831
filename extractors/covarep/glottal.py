"""Shape of glottal pulses: NAQ, QOQ, H1-H2 and PSP, one value per closure.

- NAQ: P. Alku, T. Baeckstroem, E. Vilkman, "Normalized amplitude quotient for parametrization of
  the glottal flow", JASA 112(2), 2002, eq. 3: peak flow over peak closing speed and period.
- QOQ: T. Hacki, "Klassifizierung von Glottisdysfunktionen mit Hilfe der Elektroglottographie",
  Folia Phoniatrica 41, 1989: share of the period with the flow above half its peak.
- H1-H2: first harmonic over second in dB, H. Hanson, "Glottal characteristics of female
  speakers", JASA 101, 1997.
- PSP: P. Alku, H. Strik, E. Vilkman, "Parabolic spectral parameter - a new method for
  quantification of the glottal flow", Speech Communication 22, 1997, eqs. 1-5: curvature of the
  pulse's spectrum over the steepest possible, that of a constant flow.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from extractors.covarep.numerics import compiled

LOWEST_HZ, HIGHEST_HZ = 20.0, 500.0
"""Pulses of a pitch outside this range are not measured."""

_AFTER_CLOSURE_S = 0.0005
_PARABOLA_FFT = 2048
_PARABOLA_BINS = 128
_PARABOLA_ERROR = 0.01
_HARMONIC_SPAN = 5
_CHUNK = 64


class PulseShape(NamedTuple):
    """Measures of each closure's pulse: (G,) each; 0 where it is not measured."""

    naq: NDArray[np.float64]
    qoq: NDArray[np.float64]
    h1_h2_db: NDArray[np.float64]
    psp: NDArray[np.float64]


def pulse_shape(
    flow: NDArray[np.float64],
    derivative: NDArray[np.float64],
    sample_rate: int,
    closures: NDArray[np.int64],
    periods: NDArray[np.int64],
    *,
    bin_shift: int = 0,
) -> PulseShape:
    """Measure the flow's pulse that ends at each closure.

    Args:
        flow: (N,) glottal flow.
        derivative: (N,) its derivative.
        sample_rate: in Hz.
        closures: (G,) sample of each closure.
        periods: (G,) length of its period in samples.
        bin_shift: number of the first spectral bin of H1-H2; 1 in COVAREP.

    Returns:
        The measures, all 0 for pulses that begin before the signal.
    """
    closures, periods = np.asarray(closures), np.asarray(periods)
    f0_hz = sample_rate / np.maximum(periods, 1)
    usable = (f0_hz > LOWEST_HZ) & (f0_hz < HIGHEST_HZ) & (closures - periods >= 0)
    rows = np.flatnonzero(usable)
    shape = PulseShape(*(np.zeros(len(closures)) for _ in range(4)))
    after = round(_AFTER_CLOSURE_S * sample_rate)
    starts = closures - periods
    shape.naq[rows], shape.qoq[rows] = _quotients(
        flow, derivative, starts[rows], closures[rows], periods[rows], after
    )
    shape.h1_h2_db[rows] = h1_h2(derivative, sample_rate, closures[rows], periods[rows], bin_shift)
    for row in rows:
        shape.psp[row] = parabolic_spectral_parameter(flow[starts[row] : closures[row] + 1])
    return shape


def h1_h2(
    derivative: NDArray[np.float64],
    sample_rate: int,
    closures: NDArray[np.int64],
    periods: NDArray[np.int64],
    bin_shift: int = 0,
) -> NDArray[np.float64]:
    """Compare the first two harmonics over three Hamming-windowed periods, in dB: (G,).

    Spectra have bins of 1 Hz. A spectral peak counts unless a higher one lies within half the
    pitch; the harmonics are the peaks nearest to once and twice the pitch. 0 without peaks.
    """
    result = np.zeros(len(closures))
    halves = np.floor(1.5 * periods + 0.5).astype(np.int64)
    order = np.argsort(periods, kind="stable")
    for first in range(0, len(order), _CHUNK):
        rows = order[first : first + _CHUNK]
        f0_hz = sample_rate / periods[rows]
        frames = _hamming_frames(
            np.ascontiguousarray(derivative), closures[rows], halves[rows], int(halves[rows].max())
        )
        bins = min(int(_HARMONIC_SPAN * f0_hz.max()), sample_rate // 2)
        power = _first_bins(frames, sample_rate, bins)
        result[rows] = _harmonic_difference(power, f0_hz, bin_shift)
    return result


def first_pulse_quotients(
    flow: NDArray[np.float64],
    derivative: NDArray[np.float64],
    sample_rate: int,
    closure: int,
    period: int,
) -> tuple[float, float]:
    """Measure NAQ and QOQ of a first pulse that begins at the signal's start, as COVAREP does."""
    after = round(_AFTER_CLOSURE_S * sample_rate)
    start, stop, length = np.array([0]), np.array([closure]), np.array([period])
    naq, qoq = _quotients(flow, derivative, start, stop, length, after)
    return float(naq[0]), float(qoq[0])


def parabolic_spectral_parameter(pulse: NDArray[np.float64]) -> float:
    """Fit a parabola to the low end of a pulse's dB spectrum, as wide as it fits.

    Args:
        pulse: (T + 1,) one period of flow, with both its ends.

    Returns:
        The parabola's curvature over that of a constant flow of T samples; 0 for a flat pulse.
    """
    lifted = pulse - pulse.min()
    peak = lifted.max()
    if not peak > 0 or len(pulse) < 3:
        return 0.0
    return _curvature(_spectrum_db(lifted / peak)) / _constant_curvature(len(pulse) - 1)


def _spectrum_db(pulse: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.abs(scipy.fft.rfft(pulse, max(_PARABOLA_FFT, len(pulse)))[:_PARABOLA_BINS]) ** 2
    return np.asarray(10 * np.log10(np.maximum(power, 1e-30)))


@lru_cache(maxsize=1024)
def _constant_curvature(length: int) -> float:
    return float(_curvature(_spectrum_db(np.full(length, 1 / length))))


@compiled
def _curvature(level_db: NDArray[np.float64]) -> float:
    """Widen the fit until its error exceeds the limit, and return the k^2 coefficient."""
    sum_y = sum_yk = sum_k = sum_kk = sum_yy = 0.0
    a = 0.0
    for k in range(len(level_db)):
        y, square = level_db[k], float(k * k)
        sum_y += y
        sum_yk += y * square
        sum_k += square
        sum_kk += square * square
        sum_yy += y * y
        n = k + 1
        if n < 3:
            continue
        a = (n * sum_yk - sum_y * sum_k) / (n * sum_kk - sum_k * sum_k)
        b = (sum_y - a * sum_k) / n
        error = sum_yy - 2 * a * sum_yk - 2 * b * sum_y
        error += a * a * sum_kk + 2 * a * b * sum_k + n * b * b
        if error > _PARABOLA_ERROR * sum_yy:
            break
    return a


@compiled
def _quotients(
    flow: NDArray[np.float64],
    derivative: NDArray[np.float64],
    starts: NDArray[np.int64],
    closures: NDArray[np.int64],
    periods: NDArray[np.int64],
    after: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    naq, qoq = np.zeros(len(closures)), np.zeros(len(closures))
    for row in range(len(closures)):
        start, stop = starts[row], min(closures[row], len(flow) - 1)
        if stop <= start:
            continue
        # The integrator drifts: subtract a line so that both ends of the pulse are zero.
        pulse = flow[start : stop + 1] - np.linspace(flow[start], flow[stop], stop - start + 1)
        speed = np.abs(derivative[start : stop + 1 + after]).max()
        top = int(np.argmax(pulse))
        if not (speed > 0.0 and pulse[top] > 0.0):
            continue
        naq[row] = pulse[top] / speed / periods[row]
        low, high = top, top
        while low > 2 and pulse[low] > 0.5 * pulse[top]:
            low -= 1
        while high < len(pulse) - 1 and pulse[high] > 0.5 * pulse[top]:
            high += 1
        qoq[row] = (high - low) / periods[row]
    return naq, qoq


@compiled
def _hamming_frames(
    signal: NDArray[np.float64],
    centres: NDArray[np.int64],
    halves: NDArray[np.int64],
    longest: int,
) -> NDArray[np.float64]:
    frames = np.zeros((len(centres), 2 * longest + 1))
    for row in range(len(centres)):
        half, start = halves[row], centres[row] - halves[row]
        for n in range(2 * half + 1):
            if 0 <= start + n < len(signal):
                weight = 0.54 - 0.46 * np.cos(np.pi * n / half)
                frames[row, n] = weight * signal[start + n]
    return frames


def _first_bins(frames: NDArray[np.float64], fft_size: int, bins: int) -> NDArray[np.float64]:
    """Power in the first bins of a long FFT, by Bluestein's chirp: (G, bins)."""
    length = frames.shape[1]
    size = scipy.fft.next_fast_len(length + bins - 1)
    n = np.arange(max(length, bins), dtype=np.int64)
    chirp = np.exp(-1j * np.pi * ((n * n) % (2 * fft_size)) / fft_size)
    kernel = np.zeros(size, dtype=np.complex128)
    kernel[:bins] = chirp[:bins].conj()
    kernel[size - length + 1 :] = chirp[1:length][::-1].conj()
    spectra = scipy.fft.fft(frames * chirp[:length], size, axis=1)
    spectra *= scipy.fft.fft(kernel)
    return np.asarray(np.abs(scipy.fft.ifft(spectra, axis=1)[:, :bins]) ** 2)


@compiled
def _harmonic_difference(
    power: NDArray[np.float64], f0_hz: NDArray[np.float64], bin_shift: int
) -> NDArray[np.float64]:
    result = np.zeros(len(power))
    for row in range(len(power)):
        values, f0 = power[row], f0_hz[row]
        peaks = [k for k in range(1, len(values) - 1) if _is_peak(values, k)]
        first = second = -1
        for k in peaks:
            masked = False
            for other in peaks:
                if abs(other - k) <= f0 / 2 and values[other] > values[k]:
                    masked = True
            if masked:
                continue
            place = k + bin_shift
            if first < 0 or abs(place - f0) < abs(first + bin_shift - f0):
                first = k
            if second < 0 or abs(place - 2 * f0) < abs(second + bin_shift - 2 * f0):
                second = k
        if first >= 0:
            result[row] = 10 * np.log10(values[first] / values[second])
    return result


@compiled
def _is_peak(values: NDArray[np.float64], k: int) -> bool:
    return bool(values[k] > values[k - 1] and values[k] >= values[k + 1])
