"""Spectral envelope and its mel-cepstrum.

A. Roebel, X. Rodet, "Efficient spectral envelope estimation and its application to pitch shifting
and envelope preservation", DAFx 2005, section 3: the true envelope is the smooth curve of given
cepstral order that touches the partials from above, found by raising a cepstrally smoothed
spectrum until no bin sticks out. The warping of frequency is the mel scale,
1127 ln(1 + f / 700 Hz).
"""

from functools import lru_cache
from typing import TypeVar

import numpy as np
import scipy.fft
from numpy.typing import NDArray

TOLERANCE_DB = 2.0
MOST_STEPS = 200
COEFFICIENTS = 25

Real = TypeVar("Real", np.float32, np.float64)

_WIDENING = 1.2
_END_PITCHES = 0.7
_BATCH = 32


def envelope_orders(f0_hz: NDArray[np.float64], sample_rate: int) -> NDArray[np.int64]:
    """Give the highest cepstral order at which harmonics are not followed one by one: (P,)."""
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
    for first in range(0, len(orders), _BATCH):
        rows = slice(first, first + _BATCH)
        envelopes[rows] = _raise_envelopes(log_spectrum[rows], orders[rows])
    return envelopes


def fill_below_pitch(
    log_spectrum: NDArray[np.float64], f0_hz: NDArray[np.float64], sample_rate: int
) -> NDArray[np.float64]:
    """Raise what lies below the pitch to half the amplitude at the pitch.

    A voice has no partial at 0 Hz; without this the envelope would dive there.

    Args:
        log_spectrum: (P, B) natural logarithms, from 0 Hz to half the sample rate.
        f0_hz: (P,) pitch.
        sample_rate: in Hz.

    Returns:
        (P, B) natural logarithms.
    """
    pitch_bin = f0_hz / sample_rate * 2 * (log_spectrum.shape[1] - 1)
    return _fill(log_spectrum, pitch_bin, below=True, drop=np.log(2))


def fill_ends(
    log_spectrum: NDArray[np.float64], f0_hz: NDArray[np.float64], sample_rate: int
) -> NDArray[np.float64]:
    """Raise what lies within .7 of the pitch of 0 Hz, or of half the rate, to the value there.

    This stands for what COVAREP's envelope does at both ends: it passes over the dips there.

    Args:
        log_spectrum: (P, B) natural logarithms, from 0 Hz to half the sample rate.
        f0_hz: (P,) pitch.
        sample_rate: in Hz.

    Returns:
        (P, B) natural logarithms.
    """
    last = log_spectrum.shape[1] - 1
    reach = _END_PITCHES * f0_hz / sample_rate * 2 * last
    filled = _fill(log_spectrum, reach, below=True, drop=0.0)
    return _fill(filled, np.maximum(last - reach, 0.0), below=False, drop=0.0)


def _fill(
    log_spectrum: NDArray[np.float64], position: NDArray[np.float64], *, below: bool, drop: float
) -> NDArray[np.float64]:
    """Raise all bins below, or above, a position to the value there less a drop."""
    bins = log_spectrum.shape[1]
    lower = np.minimum(position.astype(np.int64), bins - 2)
    rows = np.arange(len(position))
    share = position - lower
    level = log_spectrum[rows, lower] * (1 - share) + log_spectrum[rows, lower + 1] * share - drop
    number, edge = np.arange(bins), position[:, None]
    beyond = number <= edge if below else number >= edge
    return np.maximum(log_spectrum, np.where(beyond, level[:, None], -np.inf))


def mel_cepstrum(
    log_envelope: NDArray[np.floating], sample_rate: int, coefficients: int = COEFFICIENTS
) -> NDArray[np.float64]:
    """Describe envelopes by cosines over the mel scale.

    Args:
        log_envelope: (P, B) natural logarithms, from 0 Hz to half the sample rate.
        sample_rate: in Hz.
        coefficients: how many to keep.

    Returns:
        (P, coefficients): the mean log amplitude, then twice the mean against each cosine.
    """
    below, share, cosines = _mel_basis(log_envelope.shape[1], sample_rate, coefficients)
    amplitude = np.exp(log_envelope)
    lower, upper = amplitude[:, below], amplitude[:, below + 1]
    return np.asarray(np.log(lower + (upper - lower) * share) @ cosines)


def _raise_envelopes(log_spectrum: NDArray[Real], orders: NDArray[np.int64]) -> NDArray[Real]:
    lifters = _lifters(orders).astype(log_spectrum.dtype)
    envelopes = _smooth(log_spectrum, lifters)
    envelopes += _smooth(log_spectrum - envelopes, lifters)  # sharpens the gentle lifter's edge
    tolerance = TOLERANCE_DB / 20 * np.log(10)
    open_rows = np.arange(len(orders))
    for _ in range(MOST_STEPS):
        excess = log_spectrum[open_rows] - envelopes[open_rows]
        still = excess.max(axis=1) > tolerance
        if not still.any():
            break
        open_rows = open_rows[still]
        envelopes[open_rows] += _smooth(np.maximum(excess[still], 0.0), lifters[open_rows])
    return envelopes


def _lifters(orders: NDArray[np.int64]) -> NDArray[np.float64]:
    """Half Hamming windows over the cepstrum, a little wider than the order."""
    lengths = np.floor(_WIDENING * orders + 0.5)[:, None]
    quefrency = np.arange(int(lengths.max()) + 1)
    shape = 0.54 + 0.46 * np.cos(np.pi * quefrency / lengths)
    return np.where(quefrency <= lengths, shape, 0.0)


def _smooth(log_spectrum: NDArray[Real], lifters: NDArray[Real]) -> NDArray[Real]:
    # A real, even spectrum: the DCT of type 1 is its Fourier transform, and its own inverse.
    cepstrum = scipy.fft.dct(log_spectrum, type=1, axis=1)
    width = min(lifters.shape[1], cepstrum.shape[1])
    cepstrum[:, :width] *= lifters[:, :width]
    cepstrum[:, width:] = 0
    return np.asarray(scipy.fft.idct(cepstrum, type=1, axis=1, overwrite_x=True))


@lru_cache(maxsize=8)
def _mel_basis(
    bins: int, sample_rate: int, coefficients: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Where to read a spectrum in equal mel steps, and the cosines to weigh that with."""
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
