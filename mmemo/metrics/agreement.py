"""Krippendorff's alpha: how far several people agree, beyond what chance would bring.

K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", University of Pennsylvania, 2011,
nominal data, any number of observers, missing data (section C).
"""

import numpy as np

from mmemo.arrays import Floats


def krippendorff_alpha(ratings: Floats) -> float:
    """Return alpha of nominal ratings: 1 is full agreement, 0 that of chance.

    Args:
        ratings: (R, N) of R raters and N units; NaN where a rater has not rated a unit.

    Returns:
        Alpha; NaN where it is undefined: no unit has two ratings, or all ratings are the same.
    """
    values = np.unique(ratings[~np.isnan(ratings)])
    counts = np.array([(ratings == value).sum(axis=0) for value in values])  # (V, N)
    if not counts.size:
        return float("nan")
    counts = counts[:, counts.sum(axis=0) >= 2].astype(np.float64)
    pairs_per_rating = 1 / np.maximum(counts.sum(axis=0) - 1, 1)
    coincidences = (counts * pairs_per_rating) @ counts.T
    coincidences -= np.diag((counts * pairs_per_rating).sum(axis=1))
    totals = coincidences.sum(axis=1)
    n = totals.sum()
    expected = (n * n - (totals**2).sum()) / max(n - 1, 1)
    observed = n - np.trace(coincidences)
    return float(1 - observed / expected) if expected > 0 else float("nan")
