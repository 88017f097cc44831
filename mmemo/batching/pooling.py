"""Bring modalities of different rates onto common intervals: words, or windows of fixed length.

A frame counts for an interval by how long it overlaps it, and only frames that measured something
count. An interval that no such frame touches is marked invalid; it is never NaN and never a zero
that could be taken for a measurement. (The CMU SDK differs: a frame on a word's border counts fully
for both words, and rows without a face are averaged in as zeros.)
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from mmemo.errors import FeatureError
from mmemo.features import Features

SHORTEST_S = 1e-3
"""Shorter intervals are widened to this, so that a word of no length reads its frame."""


def pool(features: Features, intervals: ArrayLike, *, spread: bool = False) -> Features:
    """Average ``features`` over each interval, weighted by overlap, over valid rows only.

    Args:
        features: T rows at any rate.
        intervals: (N, 2) start and end in seconds; they may touch, overlap or leave gaps.
        spread: after the D means, also return the D standard deviations within the interval.

    Returns:
        N rows with the intervals as their times; valid where any valid row overlaps.

    Raises:
        FeatureError: the intervals are not (N, 2) with start <= end and non-decreasing starts.
    """
    times = np.asarray(intervals, dtype=np.float64).reshape(-1, 2)
    overlap = _overlaps(features, times)
    total_s = np.asarray(overlap.sum(axis=1)).ravel()
    valid = total_s > 0
    sums = np.asarray(overlap @ features.values.astype(np.float64))
    values = np.divide(sums, total_s[:, None], out=np.zeros_like(sums), where=valid[:, None])
    names = features.names
    if spread:
        values = np.hstack([values, _spread(overlap, features.values, values, total_s)])
        names = (*names, *(f"{name} (sd)" for name in names))
    return Features(values.astype(np.float32), times, valid, names, features.source)


def windows(duration_s: float, step_s: float) -> NDArray[np.float64]:
    """Cut ``duration_s`` into windows of ``step_s`` seconds, the last one shorter: (N, 2)."""
    if not step_s > 0:
        raise FeatureError(f"expected a window length above 0 s; got {step_s}")
    starts = np.arange(max(1, int(np.ceil(duration_s / step_s - 1e-9)))) * step_s
    return np.column_stack([starts, np.minimum(starts + step_s, max(duration_s, SHORTEST_S))])


def _spread(
    overlap: sparse.csr_array,
    rows: NDArray[np.float32],
    means: NDArray[np.float64],
    total_s: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the standard deviation within each interval, (N, D).

    Columns may be large and steady, so they are centred before they are squared.
    """
    valid = total_s > 0
    centre = means[valid].mean(axis=0) if valid.any() else np.zeros(means.shape[1])
    squares = np.asarray(overlap @ (rows - centre).astype(np.float64) ** 2)[valid]
    variance = squares / total_s[valid, None] - (means[valid] - centre) ** 2
    spread = np.zeros_like(means)
    spread[valid] = np.sqrt(np.maximum(variance, 0.0))
    return spread


def _overlaps(features: Features, times: NDArray[np.float64]) -> sparse.csr_array:
    """Return the seconds that each interval shares with each valid row, sparse (N, T)."""
    rows = np.flatnonzero(features.valid)
    starts, ends = features.times[rows, 0], features.times[rows, 1]
    widened_end = np.maximum(times[:, 1], times[:, 0] + SHORTEST_S)
    # Starts never decrease, and neither does the running maximum of the ends, so the rows that
    # may touch an interval are one stretch.
    first = np.searchsorted(np.maximum.accumulate(ends), times[:, 0], side="right")
    last = np.searchsorted(starts, widened_end, side="left")
    count = np.maximum(last - first, 0)
    interval = np.repeat(np.arange(len(times)), count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row = np.repeat(first, count) + offset
    shared_s = np.minimum(ends[row], widened_end[interval]) - np.maximum(
        starts[row], times[interval, 0]
    )
    positive = shared_s > 0
    return sparse.csr_array(
        (shared_s[positive], (interval[positive], rows[row[positive]])),
        shape=(len(times), len(features)),
    )
