"""Glottal flow by iterative adaptive inverse filtering (IAIF), one frame per closure.

P. Alku, "Glottal wave analysis with pitch synchronous iterative adaptive inverse filtering",
Speech Communication 11, 1992, figure 1: the tilt of the glottal source is estimated coarsely and
removed, the tract estimated from the rest; then both again, better.
"""

from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from extractors.covarep.numerics import compiled, inner_hann
from extractors.covarep.residual import linear_prediction

LIP_RADIATION = 0.99
"""Leak of the integrator that inverts the lips' differentiation."""
HIGH_PASS_TAPS = 301
HIGH_PASS_HZ = (40.0, 70.0)


class GlottalFlow(NamedTuple):
    """Results of IAIF.

    Attributes:
        flow: (N,) overlap-added glottal flow.
        derivative: (N,) its derivative.
        tract: (G, p + 1) prediction-error filter of the vocal tract at each closure.
        source: (G, q + 1) that of the glottal source.
    """

    flow: NDArray[np.float64]
    derivative: NDArray[np.float64]
    tract: NDArray[np.float64]
    source: NDArray[np.float64]


def glottal_flow(
    signal: NDArray[np.float64],
    sample_rate: int,
    closures: NDArray[np.int64],
    periods: NDArray[np.int64],
) -> GlottalFlow:
    """Inverse-filter the two periods around each closure, and overlap-add.

    Args:
        signal: (N,) samples of right polarity; it counts as zero beyond its ends.
        sample_rate: in Hz.
        closures: (G,) sample of each glottal closure.
        periods: (G,) length of the period at each, in samples, at least 1.

    Returns:
        Flow and derivative, zero where no frame reaches; frames without energy add nothing.
    """
    tract_order = 2 * round(sample_rate / 2000) + 4
    source_order = 2 * round(sample_rate / 4000)
    flow, derivative = np.zeros(len(signal)), np.zeros(len(signal))
    tract = np.zeros((len(closures), tract_order + 1))
    source = np.zeros((len(closures), source_order + 1))
    for rows, frames in _high_passed_frames(signal, sample_rate, closures, periods):
        _filter_frames(
            frames, rows, closures, periods, tract, source, flow, derivative, LIP_RADIATION
        )
    return GlottalFlow(flow, derivative, tract, source)


def pulse_periods(closures: NDArray[np.int64], longest: int | None = None) -> NDArray[np.int64]:
    """Measure the period at each closure as the distance from the one before.

    Args:
        closures: (G,) samples, ascending.
        longest: in samples. Where the distance is longer, as across a pause, the distance to the
            next closure is used, at most ``longest``.

    Returns:
        (G,) samples; the first closure has the period of the second.
    """
    if len(closures) < 2:
        return np.full(len(closures), longest or 1, dtype=np.int64)
    gaps = np.diff(closures)
    before = np.concatenate([gaps[:1], gaps])
    if longest is None:
        return before
    after = np.concatenate([gaps, gaps[-1:]])
    return np.minimum(np.where(before <= longest, before, after), longest)


def _high_passed_frames(
    signal: NDArray[np.float64],
    sample_rate: int,
    closures: NDArray[np.int64],
    periods: NDArray[np.int64],
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Window and high-pass the frames; return batches of (row numbers, frames of one FFT size)."""
    reach = HIGH_PASS_TAPS // 2
    edges = [0.0, *HIGH_PASS_HZ, sample_rate / 2]
    taps = scipy.signal.firls(HIGH_PASS_TAPS, edges, [0, 0, 1, 1], fs=sample_rate)
    sizes = 2 ** np.ceil(np.log2(2 * periods + 1 + 2 * reach)).astype(np.int64)
    batches = []
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        frames = np.zeros((len(rows), int(size)))
        _cut_windowed(np.ascontiguousarray(signal), closures, periods, rows, frames)
        spectra = scipy.fft.rfft(frames, axis=1) * scipy.fft.rfft(taps, int(size))
        filtered = scipy.fft.irfft(spectra, int(size), axis=1)
        batches.append((rows, np.ascontiguousarray(filtered[:, reach:])))
    return batches


def _cut_windowed(
    signal: NDArray[np.float64],
    closures: NDArray[np.int64],
    periods: NDArray[np.int64],
    rows: NDArray[np.int64],
    frames: NDArray[np.float64],
) -> None:
    windows: dict[int, NDArray[np.float64]] = {}
    for line, row in enumerate(rows):
        centre, period = int(closures[row]), int(periods[row])
        window = windows.setdefault(period, inner_hann(2 * period + 1))
        first, last = max(centre - period, 0), min(centre + period + 1, len(signal))
        if first < last:
            shift = centre - period
            frames[line, first - shift : last - shift] = (
                signal[first:last] * window[first - shift : last - shift]
            )


@compiled
def _filter_frames(
    frames: NDArray[np.float64],
    rows: NDArray[np.int64],
    closures: NDArray[np.int64],
    periods: NDArray[np.int64],
    tract: NDArray[np.float64],
    source: NDArray[np.float64],
    flow: NDArray[np.float64],
    derivative: NDArray[np.float64],
    leak: float,
) -> None:
    """Run IAIF on every frame and overlap-add its flow and derivative."""
    tract_order, source_order = tract.shape[1] - 1, source.shape[1] - 1
    for line in range(len(rows)):
        row = rows[line]
        size = 2 * periods[row] + 1
        frame = frames[line, :size]
        if not np.any(frame != 0.0):
            continue
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, size + 1) / (size + 1))
        tilt = linear_prediction(frame * window, 1)
        coarse = linear_prediction(_inverse(frame, tilt, tract_order) * window, tract_order)
        pulse = _integrate(_inverse_padded(frame, coarse, tract_order), leak)[tract_order + 1 :]
        source[row] = linear_prediction(pulse * window, source_order)
        flat = _integrate(_inverse_padded(frame, source[row], tract_order), leak)
        tract[row] = linear_prediction(flat[tract_order + 1 :] * window, tract_order)
        sloped = _inverse_padded(frame, tract[row], tract_order)
        level = _integrate(sloped, leak)
        start = closures[row] - periods[row]
        for n in range(max(0, -start), min(size, len(flow) - start)):
            flow[start + n] += level[tract_order + 1 + n]
            derivative[start + n] += sloped[tract_order + 1 + n]


@compiled
def _inverse(
    frame: NDArray[np.float64], coefficients: NDArray[np.float64], tract_order: int
) -> NDArray[np.float64]:
    return _inverse_padded(frame, coefficients, tract_order)[tract_order + 1 :]


@compiled
def _inverse_padded(
    frame: NDArray[np.float64], coefficients: NDArray[np.float64], tract_order: int
) -> NDArray[np.float64]:
    """Filter with a ramp before the frame, which avoids the filter's transient."""
    pre = tract_order + 1
    padded = np.empty(len(frame) + pre)
    padded[:pre] = np.linspace(-frame[0], frame[0], pre)
    padded[pre:] = frame
    filtered = coefficients[0] * padded
    for lag in range(1, len(coefficients)):
        filtered[lag:] += coefficients[lag] * padded[: len(padded) - lag]
    return filtered


@compiled
def _integrate(values: NDArray[np.float64], leak: float) -> NDArray[np.float64]:
    total = values.copy()
    for n in range(1, len(total)):
        total[n] += leak * total[n - 1]
    return total
