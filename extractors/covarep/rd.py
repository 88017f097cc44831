"""Glottal shape Rd by minimising the phase that source and filter leave unexplained.

G. Degottex, A. Roebel, X. Rodet, "Phase minimization for glottal model estimation", IEEE TASLP
19(5), 2011 (criterion MSPD2, section III), and "Function of phase-distortion for glottal model
estimation", ICASSP 2011. Harmonics divided by a model pulse's leave the vocal tract, which has
minimum phase; the phase that remains after removing it is the error of the model.
"""

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from extractors.covarep.lf_model import lf_table
from extractors.covarep.numerics import compiled

HARMONICS = 8
"""Partials that are used."""
TOLERANCE = 0.01
MOST_STEPS = 32

_USUAL_COUNT = 512
"""Harmonics of any pitch above 15 Hz at 16 kHz."""


def estimate_rd(
    amplitude: NDArray[np.float64],
    phase: NDArray[np.float64],
    number: NDArray[np.int64],
    *,
    conjugate_model: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the Rd in [0.3, 2.5] that best explains each frame's harmonic phases.

    Args:
        amplitude: (P, K + 1) of the mean (column 0, not used) and the harmonics.
        phase: (P, K + 1) radians.
        number: (P,) how many harmonics each frame has below half the sample rate. The highest is
            not used; frames with fewer than 9 stay 0.
        conjugate_model: negate the model's phases and search only from the middle of the range,
            as COVAREP does; do not use otherwise.

    Returns:
        (P,) Rd, and (P,) confidence: 1 minus the root mean square phase left over, over pi.
    """
    rd, confidence = np.zeros(len(number)), np.zeros(len(number))
    used = number - 1
    for count in np.unique(used[used >= HARMONICS]):
        rows = np.flatnonzero(used == count)
        partials = slice(1, int(count) + 1)
        unexplained = phase[rows, partials] - minimum_phase(np.log(amplitude[rows, partials]))
        distortion = _distortion(unexplained[:, :HARMONICS])
        values, model = _model_distortion(int(count), conjugate_model)
        rd[rows], error = _search_all(distortion, model, values[0], values[-1], not conjugate_model)
        confidence[rows] = 1 - np.sqrt(error) / np.pi
    return rd, confidence


def minimum_phase(log_amplitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the phase of the minimum-phase filter with these gains.

    The gains are samples at harmonics 1 to K of K + 1 up to half the sample rate; the ends, 0 and
    K + 1, equal their neighbours. The cepstrum is folded onto positive times
    (Oppenheim, Schafer, "Discrete-time signal processing", section 12.4).

    Args:
        log_amplitude: (..., K) natural logarithms.

    Returns:
        (..., K) radians.
    """
    half = log_amplitude.shape[-1] + 1
    ends = log_amplitude[..., :1], log_amplitude[..., -1:]
    level = np.concatenate([ends[0], log_amplitude, ends[1]], axis=-1)
    cepstrum = scipy.fft.irfft(level, 2 * half, axis=-1)
    cepstrum[..., 1:half] *= 2
    cepstrum[..., half + 1 :] = 0
    return np.asarray(scipy.fft.rfft(cepstrum, axis=-1).imag[..., 1:half])


def _distortion(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps between harmonic phases minus the first phase, independent of delay: (P, H - 1)."""
    return phase[:, 1:] - phase[:, :-1] - phase[:, :1]


@lru_cache(maxsize=512)
def _model_distortion(
    count: int, conjugate: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Rd values (R,) and the model's phase distortion at each (R, H - 1)."""
    values, spectra = lf_table(max(count, _USUAL_COUNT))
    spectra = spectra[:, :count]
    angle = np.angle(spectra[:, :HARMONICS])
    model = (-angle if conjugate else angle) - minimum_phase(np.log(np.abs(spectra)))[:, :HARMONICS]
    return values, np.unwrap(_distortion(model), axis=0)


@compiled
def _search_all(
    distortion: NDArray[np.float64],
    model: NDArray[np.float64],
    lowest: float,
    highest: float,
    everywhere: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rd, error = np.zeros(len(distortion)), np.zeros(len(distortion))
    step = (highest - lowest) / (len(model) - 1)
    for row in range(len(distortion)):
        low, high = lowest, highest
        if everywhere:
            best, place = np.inf, 0
            for j in range(len(model)):
                value = _error(distortion[row], model, float(j))
                if value < best:
                    best, place = value, j
            low, high = max(lowest, lowest + (place - 1) * step), lowest + (place + 1) * step
            high = min(highest, high)
        rd[row], error[row] = _minimise(distortion[row], model, low, high, lowest, step)
    return rd, error


@compiled
def _error(distortion: NDArray[np.float64], model: NDArray[np.float64], place: float) -> float:
    """Mean squared wrapped difference to the model, interpolated by cubics in its table."""
    first = min(max(int(place) - 1, 0), len(model) - 4)
    t = place - first - 1
    a, d = -t * (t - 1) * (t - 2) / 6, t * (t * t - 1) / 6
    b, c = (t * t - 1) * (t - 2) / 2, -t * (t + 1) * (t - 2) / 2
    total = 0.0
    for h in range(len(distortion)):
        value = distortion[h] - a * model[first, h] - b * model[first + 1, h]
        value -= c * model[first + 2, h] + d * model[first + 3, h]
        value -= 2 * np.pi * np.floor(value / (2 * np.pi) + 0.5)
        total += value * value
    return total / len(distortion)


@compiled
def _parabola_step(
    x: float,
    w: float,
    v: float,
    fx: float,
    fw: float,
    fv: float,
    before: float,
    near: float,
    low: float,
    high: float,
) -> float:
    """Return the step to the minimum of the parabola through three points; 0 if unreliable."""
    r = (x - w) * (fx - fv)
    q = (x - v) * (fx - fw)
    p = (x - v) * q - (x - w) * r
    q = 2.0 * (q - r)
    if q > 0.0:
        p = -p
    q = abs(q)
    if abs(p) >= abs(0.5 * q * before) or p <= q * (low - x) or p >= q * (high - x):
        return 0.0
    move = p / q
    if x + move - low < 2.0 * near or high - x - move < 2.0 * near:
        return near if 0.5 * (low + high) >= x else -near
    return float(move)


@compiled
def _minimise(
    distortion: NDArray[np.float64],
    model: NDArray[np.float64],
    low: float,
    high: float,
    lowest: float,
    step: float,
) -> tuple[float, float]:
    """Bounded minimisation by R. Brent, "Algorithms for minimization", 1973, chapter 5."""
    golden = 0.5 * (3.0 - np.sqrt(5.0))
    root_epsilon = np.sqrt(np.finfo(np.float64).eps)
    x = w = v = low + golden * (high - low)
    fx = fw = fv = _error(distortion, model, (x - lowest) / step)
    move = last = 0.0
    for _ in range(MOST_STEPS):
        near = root_epsilon * abs(x) + TOLERANCE / 3.0
        if abs(x - 0.5 * (low + high)) <= 2.0 * near - 0.5 * (high - low):
            break
        parabola = 0.0
        if abs(last) > near:
            parabola = _parabola_step(x, w, v, fx, fw, fv, last, near, low, high)
        if parabola != 0.0:
            last, move = move, parabola
        else:
            last = low - x if x >= 0.5 * (low + high) else high - x
            move = golden * last
        u = x + (move if abs(move) >= near else (near if move >= 0.0 else -near))
        fu = _error(distortion, model, (u - lowest) / step)
        if fu <= fx:
            low, high = (x, high) if u >= x else (low, x)
            v, fv, w, fw, x, fx = w, fw, x, fx, u, fu
            continue
        low, high = (u, high) if u < x else (low, u)
        if fu <= fw or w == x:
            v, fv, w, fw = w, fw, u, fu
        elif fu <= fv or v in (x, w):
            v, fv = u, fu
    return x, fx
