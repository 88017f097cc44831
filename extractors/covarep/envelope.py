"""Spectral envelope and its mel-cepstrum.

A. Roebel, X. Rodet, "Efficient spectral envelope estimation and its application to pitch shifting
and envelope preservation", DAFx 2005, section 3: the true envelope is the smooth curve of given
cepstral order that touches the partials from above, found by raising a cepstrally smoothed
spectrum until no bin exceeds it. The warping of frequency is the mel scale,
1127 ln(1 + f / 700 Hz).
"""

from functools import lru_cache
from typing import TypeVar

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from extractors.covarep.numerics import half_up

TOLERANCE = 2.0 / 20 * np.log(10)
"""Two decibels, as a natural logarithm of amplitude."""
MOST_STEPS = 200
COEFFICIENTS = 25
WIDENING = 1.2
BATCH = 32

Real = TypeVar("Real", np.float32, np.float64)


def envelope_orders(f0_hz: NDArray[np.float64], sample_rate: int) -> NDArray[np.int64]:
    """Return the highest cepstral order that does not resolve single harmonics: (P,)."""
    return np.floor(0.5 * sample_rate / f0_hz + 0.5).astype(np.int64)


def true_envelope(log_spectrum: NDArray[Real], orders: NDArray[np.int64]) -> NDArray[Real]:
    """Raise smooth curves until they lie on the peaks of amplitude spectra.

    Args:
        log_spectrum: (P, B) natural logarithms, from 0 Hz to half the sample rate; single
            precision is enough.
        orders: (P,) cepstral order of each envelope.

    Returns:
        (P, B) natural logarithms of the envelopes.
    """
    envelopes = np.empty_like(log_spectrum)
    for first in range(0, len(orders), BATCH):
        rows = slice(first, first + BATCH)
        envelopes[rows] = _raise_envelopes(log_spectrum[rows], orders[rows])
    return envelopes


def fill_below_pitch(
    log_spectrum: NDArray[np.float64], f0_hz: NDArray[np.float64], sample_rate: int
) -> NDArray[np.float64]:
    """Raise the spectrum below the pitch to half the amplitude at the pitch.

    A voice has no partial at 0 Hz; without this the envelope would drop there.

    Args:
        log_spectrum: (P, B) natural logarithms, from 0 Hz to half the sample rate.
        f0_hz: (P,) pitch.
        sample_rate: in Hz.

    Returns:
        (P, B) natural logarithms.
    """
    bins = log_spectrum.shape[1]
    position = f0_hz / sample_rate * 2 * (bins - 1)
    lower = np.minimum(position.astype(np.int64), bins - 2)
    rows = np.arange(len(position))
    share = position - lower
    level = log_spectrum[rows, lower] * (1 - share) + log_spectrum[rows, lower + 1] * share
    floor = (level - np.log(2))[:, None]
    below = np.arange(bins) <= position[:, None]
    return np.maximum(log_spectrum, np.where(below, floor, -np.inf))


def half_hamming(widths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Half Hamming windows over the cepstrum, falling from 1 at 0 to 0.08 at each width.

    Args:
        widths: (P,) last coefficient of each.

    Returns:
        (P, largest width + 1), zero beyond each width.
    """
    quefrency = np.arange(int(widths.max()) + 1)
    shape = 0.54 + 0.46 * np.cos(np.pi * quefrency / widths[:, None])
    return np.where(quefrency <= widths[:, None], shape, 0.0)


def smooth(log_spectrum: NDArray[Real], lifters: NDArray[Real]) -> NDArray[Real]:
    """Weight the cepstra of spectra (P, B) by lifters (P, C), zero beyond them: (P, B)."""
    # A real, even spectrum: the DCT of type 1 is its Fourier transform, and its own inverse.
    cepstrum = scipy.fft.dct(log_spectrum, type=1, axis=1)
    width = min(lifters.shape[1], cepstrum.shape[1])
    cepstrum[:, :width] *= lifters[:, :width]
    cepstrum[:, width:] = 0
    return np.asarray(scipy.fft.idct(cepstrum, type=1, axis=1, overwrite_x=True))


def mel_cepstrum(
    log_envelope: NDArray[np.floating], sample_rate: int, coefficients: int = COEFFICIENTS
) -> NDArray[np.float64]:
    """Compute the mel-cepstra of envelopes.

    Args:
        log_envelope: (P, B) natural logarithms, from 0 Hz to half the sample rate.
        sample_rate: in Hz.
        coefficients: how many to return.

    Returns:
        (P, coefficients): the mean log amplitude, then twice the mean against each cosine.
    """
    below, share, cosines = _mel_basis(log_envelope.shape[1], sample_rate, coefficients)
    amplitude = np.exp(log_envelope)
    # Coded silence is some 300 dB down, where single precision has only zero.
    amplitude = np.maximum(amplitude, np.finfo(amplitude.dtype).tiny)
    lower, upper = amplitude[:, below], amplitude[:, below + 1]
    return np.asarray(np.log(lower + (upper - lower) * share) @ cosines)


def _raise_envelopes(log_spectrum: NDArray[Real], orders: NDArray[np.int64]) -> NDArray[Real]:
    lifters = half_hamming(half_up(WIDENING * orders)).astype(log_spectrum.dtype)
    envelopes = smooth(log_spectrum, lifters)
    envelopes += smooth(log_spectrum - envelopes, lifters)  # sharpens the gentle lifter's edge
    open_rows = np.arange(len(orders))
    for _ in range(MOST_STEPS):
        excess = log_spectrum[open_rows] - envelopes[open_rows]
        exceeded = excess.max(axis=1) > TOLERANCE
        if not exceeded.any():
            break
        open_rows = open_rows[exceeded]
        envelopes[open_rows] += smooth(np.maximum(excess[exceeded], 0.0), lifters[open_rows])
    return envelopes


@lru_cache(maxsize=8)
def _mel_basis(
    bins: int, sample_rate: int, coefficients: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return where to read a spectrum in equal mel steps, and the cosines that weight it."""
    hertz = np.linspace(0, sample_rate / 2, bins)
    mel = np.log1p(hertz / 700)
    position = np.interp(hertz / hertz[-1] * mel[-1], mel, np.arange(bins))
    below = np.minimum(position.astype(np.int64), bins - 2)
    weight = np.full((bins, 1), 2.0)
    weight[0] = weight[-1] = 1.0
    n = np.arange(coefficients)
    cosines = weight * np.cos(np.pi * n * np.arange(bins)[:, None] / (bins - 1)) / (2 * (bins - 1))
    cosines[:, 1:] *= 2
    return below, position - below, cosines
