"""Polarity of a recording: whether the glottal flow's derivative points down, as it should.

T. Drugman, "Residual excitation skewness for automatic speech polarity detection", IEEE Signal
Processing Letters 20(4), 2013, section II: the skewness of a residual whose model has the low
frequencies, minus that of one whose model lacks them.
"""

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from extractors.covarep.residual import lp_residual

_PASS_HZ, _STOP_HZ = 500.0, 480.0
_RIPPLE_DB, _ATTENUATION_DB = 3.0, 60.0


def speech_polarity(signal: NDArray[np.float64], sample_rate: int) -> int:
    """Return whether to keep (1) or to negate (-1) a recording before glottal analysis.

    Args:
        signal: (N,) samples.
        sample_rate: in Hz.

    Returns:
        1 or -1; 1 if it cannot be decided.
    """
    residual, other = residual_pair(signal, sample_rate)
    return -1 if _skewness(residual) < _skewness(other) else 1


def residual_pair(
    signal: NDArray[np.float64],
    sample_rate: int,
    residual: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the two residuals whose skewness is compared, not scaled: (N,) each.

    The second is modelled without frequencies below 500 Hz; it is the first again if the signal
    is too short to filter. ``residual`` is the first one, if it is already computed.
    """
    order = round(sample_rate / 1000) + 2
    if residual is None:
        residual = lp_residual(signal, sample_rate, order, scale=1.0)
    sections = _high_pass(sample_rate)
    if len(signal) <= 3 * (2 * len(sections) + 1):
        return residual, residual
    without_lows = scipy.signal.sosfiltfilt(sections, signal)
    return residual, lp_residual(signal, sample_rate, order, model=without_lows, scale=1.0)


def _high_pass(sample_rate: int) -> NDArray[np.float64]:
    half = sample_rate / 2
    order, edge = scipy.signal.ellipord(
        _PASS_HZ / half, _STOP_HZ / half, _RIPPLE_DB, _ATTENUATION_DB
    )
    design = scipy.signal.ellip(
        order, _RIPPLE_DB, _ATTENUATION_DB, edge, btype="high", output="sos"
    )
    return np.asarray(design)


def _skewness(values: NDArray[np.float64]) -> float:
    centred = values - values.mean()
    power = float(np.mean(centred**2))
    return float(np.mean(centred**3)) / power**1.5 if power > 0 else 0.0
