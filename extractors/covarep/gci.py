"""Glottal closure instants by SEDREAMS.

T. Drugman, T. Dutoit, "Glottal closure and opening instant detection from speech signals",
Interspeech 2009; T. Drugman, M. Thomas, J. Gudnason, P. Naylor, T. Dutoit, "Detection of glottal
closure instants from speech signals: a quantitative review", IEEE TASLP 20(3), 2012, section II-E:
a smoothed speech signal that swings once per period gives the approximate place, the residual's
peak the exact one.
"""

import numpy as np
import scipy.signal
from numpy.typing import NDArray

WINDOW_PERIODS = 1.7
SEARCH = 0.35
"""Half width of the search for the residual's peak, as a share of the swing from low to high."""
STRONG = 0.4
"""Residual samples above this share of the largest determine the place of closures in a swing."""

_PASS_HZ, _STOP_HZ = 50.0, 30.0
_RIPPLE_DB, _ATTENUATION_DB = 3.0, 60.0


def glottal_closures(
    signal: NDArray[np.float64],
    sample_rate: int,
    mean_f0_hz: float,
    residual: NDArray[np.float64],
    *,
    place: float | None = None,
) -> NDArray[np.int64]:
    """Find one closure per swing of the mean-based signal, in voiced and unvoiced parts alike.

    Args:
        signal: (N,) samples of right polarity.
        sample_rate: in Hz.
        mean_f0_hz: the speaker's usual pitch.
        residual: (N,) linear-prediction residual, scaled to a largest magnitude of 1.
        place: relative place of closures in a swing, 0 at its low and 1 at its high; by default the
            median place of strong residual samples.

    Returns:
        (G,) sample of each closure, one per swing, in the order of the swings.
    """
    lows, highs = _swings(mean_based_signal(signal, sample_rate, mean_f0_hz))
    if len(lows) == 0:
        return np.zeros(0, dtype=np.int64)
    if place is None:
        place = usual_place(_relative_places(residual, lows, highs))
    starts = np.maximum(_along(lows, highs, place - SEARCH), 0)
    stops = np.minimum(_along(lows, highs, place + SEARCH), len(residual) - 1)
    return np.array(
        [
            start + int(np.argmax(residual[start : stop + 1]))
            for start, stop in zip(starts, stops, strict=True)
            if start <= stop
        ],
        dtype=np.int64,
    )


def strong_places(
    signal: NDArray[np.float64],
    sample_rate: int,
    mean_f0_hz: float,
    residual: NDArray[np.float64],
    within: slice,
) -> NDArray[np.float64]:
    """Return the place in their swing of the strong residual samples of a stretch.

    Args:
        signal: (N,) samples of right polarity.
        sample_rate: in Hz.
        mean_f0_hz: the speaker's usual pitch.
        residual: (N,) scaled to a largest magnitude of 1 in the whole recording.
        within: the samples of the stretch.

    Returns:
        One value per strong sample: 0 at the nearest low, 1 at the high that follows it.
    """
    lows, highs = _swings(mean_based_signal(signal, sample_rate, mean_f0_hz))
    start, stop, _ = within.indices(len(residual))
    masked = np.zeros_like(residual)
    masked[start:stop] = residual[start:stop]
    return _relative_places(masked, lows, highs)


def usual_place(places: NDArray[np.float64]) -> float:
    """Return the median; 0 if there are none."""
    return float(np.median(places)) if len(places) else 0.0


def mean_based_signal(
    signal: NDArray[np.float64], sample_rate: int, mean_f0_hz: float
) -> NDArray[np.float64]:
    """Average the signal over 1.7 mean periods, and remove frequencies below 50 Hz.

    Returns:
        (N,) scaled to a largest magnitude of 1; only zeros if the signal is too short.
    """
    period = round(sample_rate / mean_f0_hz)
    half = int(np.floor(WINDOW_PERIODS * period / 2 + 0.5))
    order, edge = scipy.signal.ellipord(
        _PASS_HZ / sample_rate * 2, _STOP_HZ / sample_rate * 2, _RIPPLE_DB, _ATTENUATION_DB
    )
    high_pass = scipy.signal.ellip(
        order, _RIPPLE_DB, _ATTENUATION_DB, edge, btype="high", output="sos"
    )
    if len(signal) <= max(2 * half + 1, 3 * order):
        return np.zeros(len(signal))
    window = np.blackman(2 * half + 1) / (2 * half + 1)
    smooth = scipy.signal.oaconvolve(signal, window, mode="same")
    smooth[:half] = smooth[-half:] = 0.0  # where the window is not full
    smooth = scipy.signal.sosfiltfilt(high_pass, smooth, padlen=3 * order)
    largest = np.abs(smooth).max()
    return smooth / largest if largest > 0 else smooth


def voiced_closures(
    closures: NDArray[np.int64], centres: NDArray[np.int64], voiced: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Keep the closures that lie in voiced speech.

    Args:
        closures: (G,) samples.
        centres: (P,) sample in the middle of each pitch frame, ascending.
        voiced: (P,) its voicing.

    Returns:
        Those where voicing, interpolated between the frames, is at least one half.
    """
    if len(centres) == 0:
        return closures[:0]
    return closures[np.interp(closures, centres, voiced.astype(float), left=0, right=0) >= 0.5]


def _swings(smooth: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair every local minimum with the maximum that follows it."""
    before, inner, after = smooth[:-2], smooth[1:-1], smooth[2:]
    lows = np.flatnonzero((inner < before) & (inner <= after)) + 1
    highs = np.flatnonzero((inner > before) & (inner >= after)) + 1
    if len(lows) and len(highs) and highs[0] < lows[0]:
        highs = highs[1:]
    pairs = min(len(lows), len(highs))
    return lows[:pairs], highs[:pairs]


def _relative_places(
    residual: NDArray[np.float64], lows: NDArray[np.int64], highs: NDArray[np.int64]
) -> NDArray[np.float64]:
    strong = np.flatnonzero(residual > STRONG)
    if len(strong) == 0 or len(lows) == 0:
        return np.zeros(0)
    nearest = np.searchsorted((lows[1:] + lows[:-1]) / 2, strong, side="left")
    return (strong - lows[nearest]) / (highs[nearest] - lows[nearest])


def _along(lows: NDArray[np.int64], highs: NDArray[np.int64], place: float) -> NDArray[np.int64]:
    """Interpolate from each low to its high, to the nearest sample, halves away from the low."""
    offset = place * (highs - lows).astype(np.float64)
    rounded = np.sign(offset) * np.floor(np.abs(offset) + 0.5)
    return np.asarray(lows + rounded.astype(np.int64))
