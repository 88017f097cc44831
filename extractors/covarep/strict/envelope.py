"""COVAREP's own true envelope, inferred from its output.

The iteration is that of A. Roebel, X. Rodet, DAFx 2005, section 3, with a Hamming lifter 1.2 times
as wide as the order: the excess over the curve is smoothed and added to it until no excess reaches
2 dB. Details that the paper leaves open follow from a comparison of output and spectra, above all
where the order is so small that 25 coefficients determine the envelope:

- the smoothed excess is multiplied by 1 + (norm of the target's cepstrum beyond the lifter) / (norm
  within it) before it is added; every coefficient but the first counts double, as in a one-sided
  cepstrum, and the one at half the rate belongs to neither;
- the first curve is the smoothed spectrum, mean level included, multiplied in the same way. Levels
  are logarithms of small numbers, so it starts below the spectrum;
- covered excess stays covered: the target is the maximum of the spectrum and of all curves so far;
- within half the lifter's resolution of 0 Hz and of half the rate, where no partial is certain, the
  spectrum is first replaced by an envelope of half the width, computed from the spectrum itself.
  One bin less is replaced at half the rate than at 0 Hz.
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from extractors.covarep.envelope import BATCH, MOST_STEPS, TOLERANCE, WIDENING, half_hamming
from extractors.covarep.numerics import half_up


def strict_envelope(
    log_spectrum: NDArray[np.float64], orders: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Raise smooth curves to the peaks of amplitude spectra, as COVAREP does.

    Args:
        log_spectrum: (P, B) natural logarithms, from 0 Hz to half the sample rate.
        orders: (P,) cepstral order of each envelope.

    Returns:
        (P, B) natural logarithms of the envelopes.
    """
    last = log_spectrum.shape[1] - 1
    number = np.arange(last + 1)
    widths = np.minimum(half_up(WIDENING * orders), last - 1)
    coarse_widths = half_up(WIDENING * half_up(widths / 2))
    envelopes = np.empty_like(log_spectrum)
    for first in range(0, len(orders), BATCH):
        rows = slice(first, first + BATCH)
        spectrum, width = log_spectrum[rows], widths[rows]
        reach = half_up(last / 2 / width)[:, None]
        at_end = (number < reach) | (number > last - reach + 1)
        coarse = _raise(spectrum, coarse_widths[rows])
        envelopes[rows] = _raise(np.where(at_end, coarse, spectrum), width)
    return envelopes


def _raise(log_spectrum: NDArray[np.float64], widths: NDArray[np.int64]) -> NDArray[np.float64]:
    lifters = half_hamming(widths)
    within = lifters.shape[1]
    target = log_spectrum.copy()
    cepstra = np.zeros_like(log_spectrum)
    envelopes = np.empty_like(log_spectrum)
    rows = np.arange(len(log_spectrum))
    for _ in range(MOST_STEPS):
        # The DCT of type 1 is the Fourier transform of a real, even spectrum.
        aim = scipy.fft.dct(target[rows], type=1, axis=1)
        rise = lifters[rows] * (aim[:, :within] - cepstra[rows, :within])
        cepstra[rows, :within] += _factors(aim, widths[rows])[:, None] * rise
        envelopes[rows] = scipy.fft.idct(cepstra[rows], type=1, axis=1)
        excess = log_spectrum[rows] - envelopes[rows]
        rows = rows[excess.max(axis=1) >= TOLERANCE]
        if len(rows) == 0:
            break
        target[rows] = np.maximum(target[rows], envelopes[rows])
    return envelopes


def _factors(cepstra: NDArray[np.float64], widths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the factor by which the excess is multiplied before it is added: (P,)."""
    energy = cepstra**2
    energy[:, 1:] *= 4
    energy[:, -1] = 0  # belongs to neither
    inside = np.arange(cepstra.shape[1]) <= widths[:, None]
    beyond = np.where(inside, 0.0, energy).sum(axis=1)
    return np.asarray(1 + np.sqrt(beyond / np.where(inside, energy, 0.0).sum(axis=1)))
