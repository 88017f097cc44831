"""Pitch and voicing by the summation of residual harmonics (SRH).

T. Drugman, A. Alwan, "Joint robust voicing detection and pitch estimation based on residual
harmonics", Interspeech 2011, eq. 1: a candidate is rewarded for spectral energy at its harmonics
and punished for energy half-way between them.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from extractors.covarep.numerics import compiled, cut_frames, half_up
from extractors.covarep.residual import lp_residual

LOWEST_HZ, HIGHEST_HZ = 50, 500
HARMONICS = 5
FRAME_S, HOP_S = 0.1, 0.01
CONFIDENT = 0.1
"""Strength above which a frame counts towards the speaker's range."""

_BATCH = 16


class Pitch(NamedTuple):
    """A pitch track.

    Attributes:
        times_s: (P,) middle of each frame.
        f0_hz: (P,) whole hertz; an estimate exists in unvoiced frames too.
        voiced: (P,) bool.
        strength: (P,) SRH value of the estimate, about 0 (noise) to 1.
    """

    times_s: NDArray[np.float64]
    f0_hz: NDArray[np.float64]
    voiced: NDArray[np.bool_]
    strength: NDArray[np.float64]


def srh_pitch(
    signal: NDArray[np.float64],
    sample_rate: int,
    *,
    centres: NDArray[np.int64] | None = None,
    lowest_hz: int = LOWEST_HZ,
    highest_hz: int = HIGHEST_HZ,
    silent: float = 0.0,
    bin_shift: int = 0,
) -> Pitch:
    """Track pitch and voicing every 10 ms.

    Args:
        signal: (N,) samples at 16 kHz or less.
        sample_rate: in Hz.
        centres: (P,) sample in the middle of each frame, in ascending order; by default every
            10 ms wherever a whole frame of 0.1 s fits. Frames may reach over the signal's ends.
        lowest_hz: of the pitch.
        highest_hz: of the pitch.
        silent: residual of frames without energy; 0, or NaN to mark every frame they overlap.
        bin_shift: read spectra this many hertz too low. COVAREP does so by 1, which makes its
            estimates about half a hertz high.

    Returns:
        The track; empty when the signal is shorter than one frame. Frames without any energy (or
        marked with NaN) are unvoiced, of strength 0, at 1 Hz.
    """
    residual = lp_residual(signal, sample_rate, round(0.75 * sample_rate / 1000), silent=silent)
    if centres is None:
        length = round(FRAME_S * sample_rate) - 2
        whole = max(len(signal) - length + 1, 0)
        centres = np.arange(0, whole, round(HOP_S * sample_rate)) + length // 2
    f0_hz, strength = search_pitch(
        residual,
        sample_rate,
        centres,
        lowest_hz,
        highest_hz,
        bin_shift=bin_shift,
        precision=np.float64,
    )
    if (strength > CONFIDENT).any():
        lowest_hz, highest_hz = speaker_range(f0_hz, strength, lowest_hz, highest_hz)
        # If the old best lies in the smaller range, it remains the best.
        outside = (strength > 0) & ((f0_hz < lowest_hz) | (f0_hz > highest_hz))
        f0_hz[outside], strength[outside] = search_pitch(
            residual,
            sample_rate,
            centres[outside],
            lowest_hz,
            highest_hz,
            bin_shift=bin_shift,
            precision=np.float64,
        )
    return Pitch(centres / sample_rate, f0_hz, decide_voicing(strength), strength)


def speaker_range(
    f0_hz: NDArray[np.float64], strength: NDArray[np.float64], lowest_hz: int, highest_hz: int
) -> tuple[int, int]:
    """Limit the range to an octave on either side of the median of the confident estimates."""
    median = float(np.median(f0_hz[strength > CONFIDENT]))
    return max(lowest_hz, int(half_up(0.5 * median))), min(highest_hz, int(half_up(2 * median)))


def decide_voicing(strength: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Threshold the strength; a clip of high contrast has the higher threshold."""
    contrast = strength.std(ddof=1) if len(strength) > 1 else 0.0
    return strength > (0.085 if contrast > 0.05 else 0.07)


def search_pitch(
    residual: NDArray[np.float64],
    sample_rate: int,
    centres: NDArray[np.int64],
    lowest_hz: int,
    highest_hz: int,
    *,
    bin_shift: int = 0,
    precision: type[np.floating] = np.float32,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the pitch of largest SRH value around each centre, and that value: (P,) each.

    Single precision halves the time; candidates that are equal to 1e-6 may then be confused.
    """
    candidates = np.arange(lowest_hz, highest_hz + 1)
    orders = np.arange(1, HARMONICS + 1)
    rewarded = candidates[:, None] * orders - bin_shift
    punished = half_up(candidates[:, None] * (orders[:-1] + 0.5)) - bin_shift
    f0_hz, strength = np.ones(len(centres)), np.zeros(len(centres))
    for first in range(0, len(centres), _BATCH):
        rows = slice(first, first + _BATCH)
        spectra = _unit_spectra(residual, sample_rate, centres[rows], precision)
        f0_hz[rows], strength[rows] = _sum_harmonics(spectra, candidates, rewarded, punished)
    return f0_hz, strength


def _unit_spectra(
    residual: NDArray[np.float64],
    sample_rate: int,
    centres: NDArray[np.int64],
    precision: type[np.floating],
) -> NDArray[np.floating]:
    """Compute unit-energy amplitude spectra in steps of 1 Hz; 0 without energy: (P, bins)."""
    length = round(FRAME_S * sample_rate) - 2
    frames = cut_frames(residual, centres - length // 2, length) * _window(length)
    frames -= frames.mean(axis=1, keepdims=True)
    frames = frames.astype(precision, copy=False)
    spectra = np.abs(scipy.fft.rfft(frames, sample_rate, axis=1)[:, : sample_rate // 2])
    norm = np.sqrt(np.einsum("ij,ij->i", spectra, spectra))
    has_energy = norm > 0  # also False for NaN
    spectra /= np.where(has_energy, norm, 1.0)[:, None].astype(precision)
    spectra[~has_energy] = 0.0
    return np.asarray(spectra)


@lru_cache(maxsize=4)
def _window(length: int) -> NDArray[np.float64]:
    return np.blackman(length)


@compiled
def _sum_harmonics(
    spectra: NDArray[np.floating],
    candidates: NDArray[np.int64],
    rewarded: NDArray[np.int64],
    punished: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    frames, bins = spectra.shape
    f0_hz = np.ones(frames)
    strength = np.zeros(frames)
    for row in range(frames):
        spectrum = spectra[row]
        best = 0.0
        for candidate in range(len(candidates)):
            value = 0.0
            for k in rewarded[candidate]:
                value += spectrum[k % bins]
            for k in punished[candidate]:
                value -= spectrum[k % bins]
            if value > best:
                best = value
                f0_hz[row] = candidates[candidate]
        strength[row] = best
    return f0_hz, strength
