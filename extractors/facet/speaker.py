"""Agreement of lip movement with the sound: a speaker's lips follow it, a listener's do not.

The opening of a speaker's mouth follows the loudness of the speech (Chandrasekaran et al., "The
natural statistics of audiovisual speech", PLoS Computational Biology 2009). Slow changes
are removed from both: a smile is not speech. A few lags are tried, since lips may lead the sound,
and files are rarely exactly synchronous.
"""

import numpy as np
from numpy.typing import NDArray

from extractors.base import Sound

RATE_HZ = 25.0
"""Lips and sound are compared on a grid of this rate."""
LAGS = range(-1, 6)
"""Grid steps by which the sound may follow the lips: -0.04 to 0.2 s."""
MAX_GAP_S = 0.25
"""Lips are interpolated over gaps of at most this."""
MIN_STEPS = 25
"""Fewer grid steps with lips (one second) are not evaluated."""
DOUBT_STEPS = 50
"""Grid steps (two seconds) at which a correlation counts by half."""
RANGE_DB = 40.0
"""Sound that is softer than the loudest by more than this counts as silence."""
LEVEL_WINDOW_S = 0.06
DETREND_STEPS = 25
"""Grid steps of the moving mean that is removed (one second)."""


def loudness(sound: Sound) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level of a sound on a grid of ``RATE_HZ``: times (N,) seconds, level (N,) 0 to ``RANGE_DB``.

    The level is that of the sound's change from sample to sample, which favours speech over hum.
    """
    change = np.diff(sound.samples, prepend=sound.samples[:1])
    energy = np.concatenate([[0.0], np.cumsum(change**2, dtype=np.float64)])
    count = int(sound.duration_s * RATE_HZ)
    times = (np.arange(count, dtype=np.float64) + 0.5) / RATE_HZ
    low, high = (
        np.clip(np.round((times + side) * sound.sample_rate), 0, len(change)).astype(int)
        for side in (-LEVEL_WINDOW_S / 2, LEVEL_WINDOW_S / 2)
    )
    mean: NDArray[np.float64] = (energy[high] - energy[low]) / np.maximum(high - low, 1)
    top = max(float(mean.max(initial=0.0)), 1e-12)
    level = np.clip(10 * np.log10(np.maximum(mean, 1e-12) / top), -RANGE_DB, 0.0) + RANGE_DB
    return np.asarray(times + sound.start_s, np.float64), level


def agreement(times_s: NDArray[np.float64], lips_cm: NDArray[np.float64], sound: Sound) -> float:
    """Return how well lips agree with a sound, 0 to 1; 0 if there is too little of either.

    Args:
        times_s: (T,) increasing.
        lips_cm: (T,) distance of the lips.
        sound: of the same recording; its times are those of ``times_s``.
    """
    grid, level = loudness(sound)
    if len(times_s) < 2 or len(grid) < MIN_STEPS:
        return 0.0
    opening, visible = _on_grid(times_s, lips_cm, grid)
    opening, level = opening - _moving_mean(opening), level - _moving_mean(level)
    best = 0.0
    for lag in LAGS:
        first, last = max(0, -lag), min(len(grid), len(grid) - lag)
        use = visible[first:last]
        correlation = _correlation(opening[first:last][use], level[first + lag : last + lag][use])
        count = int(use.sum())
        best = max(best, correlation * count / (count + DOUBT_STEPS))
    return best


def _on_grid(
    times_s: NDArray[np.float64], values: NDArray[np.float64], grid: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Interpolate onto the grid; also return where both neighbouring values are close."""
    after = np.clip(np.searchsorted(times_s, grid), 1, len(times_s) - 1)
    inside = (grid >= times_s[0]) & (grid <= times_s[-1])
    close = times_s[after] - times_s[after - 1] <= MAX_GAP_S
    return np.interp(grid, times_s, values), inside & close


def _moving_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over ``DETREND_STEPS`` steps around each, or over fewer at the ends."""
    ones = np.ones(DETREND_STEPS)
    return np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if len(a) < MIN_STEPS:
        return 0.0
    spread = float(a.std() * b.std())
    return float(np.mean((a - a.mean()) * (b - b.mean()))) / spread if spread > 1e-9 else 0.0
