"""Harmonic sinusoids: amplitudes and phases of a voice's partials, frame by frame.

Peak picking on zero-phase spectra of three-period Blackman windows (R. McAulay, T. Quatieri,
"Speech analysis/synthesis based on a sinusoidal representation", IEEE Trans. ASSP 34(4), 1986,
section III), with the parabolic refinement of J. Smith, X. Serra, "PARSHL", ICMC 1987, and the
harmonic frame layout of G. Degottex, D. Erro, EURASIP J. Audio, Speech, Music Proc. 2014:38, II-A.
"""

from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from extractors.covarep.numerics import compiled

FFT_SIZE = 4096
PERIODS = 3

_FLOOR = 1e-15
"""Smallest amplitude distinguished from none, relative to the frame's largest."""


class Harmonics(NamedTuple):
    """Sinusoids of P frames; column 0 is the mean, column k the k-th harmonic.

    Attributes:
        f0_hz: (P,) refined fundamental: the k-th harmonic lies at ``k * f0_hz``.
        number: (P,) how many harmonics there are, without column 0.
        amplitude: (P, K + 1) linear; 0 beyond ``number``.
        phase: (P, K + 1) radians at the frame's centre; 0 beyond ``number``.
        log_spectrum: (P, FFT_SIZE / 2 + 1) natural logarithm of the amplitude spectrum.
    """

    f0_hz: NDArray[np.float64]
    number: NDArray[np.int64]
    amplitude: NDArray[np.float64]
    phase: NDArray[np.float64]
    log_spectrum: NDArray[np.float64]


def window_half(f0_hz: NDArray[np.float64], sample_rate: int) -> NDArray[np.int64]:
    """Return the samples on either side of the centre of a frame of three periods: (P,)."""
    return np.floor(PERIODS / 2 * sample_rate / f0_hz + 0.5).astype(np.int64)


def analyse_harmonics(
    signal: NDArray[np.float64],
    sample_rate: int,
    centres: NDArray[np.int64],
    f0_hz: NDArray[np.float64],
) -> Harmonics:
    """Measure the harmonics around each centre.

    The nearest spectral peak within half the pitch of each multiple gives the amplitude and phase;
    without such a peak, the spectrum at the multiple itself does. The refined fundamental is the
    median distance of successive partials. Only the start is analysed of a frame longer than
    ``FFT_SIZE`` (a pitch below 12 Hz at 16 kHz).

    Args:
        signal: (N,) samples; it counts as zero beyond its ends.
        sample_rate: in Hz.
        centres: (P,) sample in the middle of each frame.
        f0_hz: (P,) pitch of each.

    Returns:
        The sinusoids, one row per frame.
    """
    halves = window_half(f0_hz, sample_rate)
    frames = _zero_phase_frames(np.ascontiguousarray(signal), centres, halves, FFT_SIZE)
    spectra = scipy.fft.rfft(frames, axis=1)
    amplitudes = np.abs(spectra)
    floor = np.maximum(amplitudes.max(axis=1, initial=0.0) * _FLOOR, np.finfo(float).tiny)
    log_spectrum = np.log(np.maximum(amplitudes, floor[:, None]))
    most = int(sample_rate / 2 / f0_hz.min()) if len(f0_hz) else 0
    refined, count, log_amplitude, phase = _pick_harmonics(
        spectra, log_spectrum, f0_hz, sample_rate / FFT_SIZE, most
    )
    listed = np.arange(most + 1) <= count[:, None]
    amplitude = np.where(listed, np.exp(log_amplitude), 0.0)
    return Harmonics(refined, count, amplitude, phase, log_spectrum)


@compiled
def _zero_phase_frames(
    signal: NDArray[np.float64],
    centres: NDArray[np.int64],
    halves: NDArray[np.int64],
    fft_size: int,
) -> NDArray[np.float64]:
    frames = np.zeros((len(centres), fft_size))
    for row in range(len(centres)):
        half, centre = halves[row], centres[row]
        total = 0.42 + 0.5 + 0.08
        stop = fft_size - half  # offsets from here on are beyond the FFT
        if 0 <= centre < len(signal) and stop > 0:
            frames[row, 0] = signal[centre]
        for offset in range(1, half):  # the window's end points are zero
            cosine = np.cos(np.pi * offset / half)
            weight = 0.42 + 0.5 * cosine + 0.08 * (2 * cosine * cosine - 1)
            total += 2 * weight
            if 0 <= centre + offset < len(signal) and offset < stop:
                frames[row, offset % fft_size] = weight * signal[centre + offset]
            if 0 <= centre - offset < len(signal) and -offset < stop:
                frames[row, -offset % fft_size] = weight * signal[centre - offset]
        frames[row] /= total
    return frames


@compiled
def _pick_harmonics(
    spectra: NDArray[np.complex128],
    log_spectrum: NDArray[np.float64],
    f0_hz: NDArray[np.float64],
    bin_hz: float,
    most: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    frames, bins = spectra.shape
    refined = np.zeros(frames)
    count = np.zeros(frames, dtype=np.int64)
    log_amplitude = np.zeros((frames, most + 1))
    phase = np.zeros((frames, most + 1))
    places = np.zeros(bins)
    heights = np.zeros(bins)
    for row in range(frames):
        level = log_spectrum[row]
        peaks = _refine_peaks(level, places, heights)
        step = f0_hz[row] / bin_hz
        number = int((bins - 1) / step)
        positions = np.zeros(number + 1)
        log_amplitude[row, 0] = level[0]
        phase[row, 0] = np.angle(spectra[row, 0])
        first = 0
        for k in range(1, number + 1):
            target = k * step
            while first + 1 < peaks and abs(places[first + 1] - target) < abs(
                places[first] - target
            ):
                first += 1
            if peaks > 0 and abs(places[first] - target) <= step / 2:
                positions[k] = places[first]
                log_amplitude[row, k] = heights[first]
            else:
                positions[k] = target
                log_amplitude[row, k] = level[int(target + 0.5)]
            phase[row, k] = _phase_at(spectra[row], positions[k])
        count[row] = number
        refined[row] = np.median(np.diff(positions)) * bin_hz if number > 0 else f0_hz[row]
    return refined, count, log_amplitude, phase


@compiled
def _refine_peaks(
    level: NDArray[np.float64], places: NDArray[np.float64], heights: NDArray[np.float64]
) -> int:
    """Fit a parabola through every local maximum; return how many there are."""
    count = 0
    for j in range(1, len(level) - 1):
        before, middle, after = level[j - 1], level[j], level[j + 1]
        if middle > before and middle > after:
            shift = 0.5 * (before - after) / (before - 2 * middle + after)
            places[count] = j + shift
            heights[count] = middle - 0.25 * (before - after) * shift
            count += 1
    return count


@compiled
def _phase_at(spectrum: NDArray[np.complex128], position: float) -> float:
    """Interpolate the unwrapped phase linearly between two bins."""
    below = min(int(position), len(spectrum) - 2)
    start = np.angle(spectrum[below])
    turn = np.angle(spectrum[below + 1]) - start
    turn -= 2 * np.pi * np.round(turn / (2 * np.pi))
    return float(np.angle(np.exp(1j * (start + (position - below) * turn))))
