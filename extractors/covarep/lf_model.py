"""The LF model of the glottal flow's derivative, driven by its shape parameter Rd.

G. Fant, J. Liljencrants, Q. Lin, "A four-parameter model of glottal flow", STL-QPSR 4/1985, eqs.
1-3; G. Fant, "The LF-model revisited", STL-QPSR 2-3/1995, eqs. 2-4 from Rd to the
times; B. Doval, C. d'Alessandro, N. Henrich, "The spectrum of glottal flow models", Acta Acustica
92, 2006, for the spectrum.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LOWEST_RD, HIGHEST_RD = 0.3, 2.5
RD_STEP = 0.01


class LFShape(NamedTuple):
    """An LF pulse of period 1 and negative peak 1.

    Attributes:
        te: time of the fastest closing.
        ta: duration of the return.
        growth: exponent of the rising sine.
        omega: its angular frequency.
        scale: its amplitude.
        decay: exponent of the return.
    """

    te: float
    ta: float
    growth: float
    omega: float
    scale: float
    decay: float


def lf_shape(rd: float) -> LFShape:
    """Solve the model for one Rd, from 0.3 (tense) to 2.7 (lax)."""
    ra = (-1 + 4.8 * rd) / 100
    rk = (22.4 + 11.8 * rd) / 100
    rg = rk / (4 * (0.11 * rd / (0.5 + 1.2 * rk) - ra))
    tp = 1 / (2 * rg)
    te, ta, omega = tp * (1 + rk), ra, np.pi / tp
    rest = 1 - te

    def continuity(decay: float) -> float:  # the return starts at minus the peak
        return decay * ta - 1 + np.exp(-decay * rest)

    decay = _root(continuity, 1e-3 / ta, 2 / ta)
    tail = np.exp(-decay * rest)
    return_area = -((1 - tail) / decay - rest * tail) / (decay * ta)

    def area(growth: float) -> float:  # the flow returns to its start over a period
        swing = growth * np.sin(omega * te) - omega * np.cos(omega * te)
        swing += omega * np.exp(-growth * te)
        return -swing / (np.sin(omega * te) * (growth**2 + omega**2)) + return_area

    growth = _root(area, -100.0, 200.0)
    scale = -np.exp(-growth * te) / np.sin(omega * te)
    return LFShape(te, ta, growth, omega, scale, decay)


def lf_waveform(rd: float, phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sample the flow's derivative.

    Args:
        rd: shape parameter.
        phase: any shape, position in the period, from 0 (opening) to 1.

    Returns:
        The derivative, same shape, with its negative peak of -1 at ``te``.
    """
    s = lf_shape(rd)
    rising = s.scale * np.exp(s.growth * phase) * np.sin(s.omega * phase)
    returning = np.exp(-s.decay * (phase - s.te)) - np.exp(-s.decay * (1 - s.te))
    return np.where(phase < s.te, rising, -returning / (s.decay * s.ta))


def lf_spectrum(rd: float, harmonics: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Compute the Fourier transform of one period.

    Args:
        rd: shape parameter.
        harmonics: (K,) multiples of the pitch, above 0, integers or not.

    Returns:
        (K,) integrals of the derivative times exp(-2 pi i k t) over the period.
    """
    s = lf_shape(rd)
    j_omega = 2j * np.pi * np.asarray(harmonics, dtype=np.float64)
    z = s.growth - j_omega
    rise = np.exp(z * s.te) * (z * np.sin(s.omega * s.te) - s.omega * np.cos(s.omega * s.te))
    rising = s.scale * (rise + s.omega) / (z * z + s.omega**2)
    rest = 1 - s.te
    fading = (1 - np.exp(-(s.decay + j_omega) * rest)) / (s.decay + j_omega)
    offset = np.exp(-s.decay * rest) * (1 - np.exp(-j_omega * rest)) / j_omega
    returning = np.exp(-j_omega * s.te) * (fading - offset) / (s.decay * s.ta)
    return np.asarray(rising - returning)


@lru_cache(maxsize=2)
def lf_table(harmonics_count: int) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Tabulate spectra at harmonics 1 to K over the whole range of Rd.

    Returns:
        (R,) values of Rd in steps of 0.01, and (R, K) spectra.
    """
    count = round((HIGHEST_RD - LOWEST_RD) / RD_STEP) + 1
    values = np.linspace(LOWEST_RD, HIGHEST_RD, count)
    harmonics = np.arange(1, harmonics_count + 1, dtype=np.float64)
    return values, np.stack([lf_spectrum(float(rd), harmonics) for rd in values])


def _root(function, low: float, high: float) -> float:  # type: ignore[no-untyped-def]
    """Find a root by bisection; the brackets above always contain one sign change."""
    rising = function(high) > 0
    for _ in range(80):
        middle = 0.5 * (low + high)
        if (function(middle) > 0) == rising:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)
