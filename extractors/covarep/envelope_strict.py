"""COVAREP's own true envelope, as far as its output shows how it is made.

The iteration is that of A. Roebel, X. Rodet, DAFx 2005, section 3, with a Hamming lifter 1.2 times
as wide as the order: what sticks out of the curve is smoothed and added to it until nothing sticks
out by 2 dB. Four things the paper does not say follow from holding the output against the spectra:

- the curve starts well below the smoothed spectrum, by an amount in proportion to how far the
  spectrum strays from it (``_DEPTH``), so that the depth of a null hardly matters;
- each addition is a little more than what sticks out (``_STEP``);
- within half the lifter's resolution of 0 Hz and of half the rate, where no partial need be, the
  spectrum is first replaced by an envelope of half the order;
- that first envelope is made in the same way, from the spectrum as it is.

``_DEPTH`` and ``_STEP`` are fitted, and stand for something not found; the two others fit best of
all that were tried.
"""

import numpy as np
from numpy.typing import NDArray

from extractors.covarep.envelope import (
    BATCH,
    WIDENING,
    half_hamming,
    raise_from,
    smooth,
)
from extractors.covarep.numerics import half_up

_DEPTH = 1.2
_STEP = 1.02


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
    widths = half_up(WIDENING * orders)
    coarse_widths = half_up(WIDENING * half_up(widths / 2))
    envelopes = np.empty_like(log_spectrum)
    for first in range(0, len(orders), BATCH):
        rows = slice(first, first + BATCH)
        spectrum, width = log_spectrum[rows], widths[rows]
        reach = (last / 2 / width)[:, None]
        at_end = (number <= reach) | (number >= last - reach)
        coarse = _raise_from_below(spectrum, half_hamming(coarse_widths[rows]))
        spectrum = np.where(at_end, coarse, spectrum)
        envelopes[rows] = _raise_from_below(spectrum, half_hamming(width))
    return envelopes


def _raise_from_below(
    log_spectrum: NDArray[np.float64], lifters: NDArray[np.float64]
) -> NDArray[np.float64]:
    start = smooth(log_spectrum, lifters)
    start -= _DEPTH * np.std(log_spectrum - start, axis=1, keepdims=True)
    return raise_from(start, log_spectrum, lifters, _STEP)
