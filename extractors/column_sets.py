"""Several sets of columns of one modality, measured apart, side by side on one set of rows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmemo.features import Features

ROUNDING_S = 1e-6
"""Rows that follow each other may be this far apart."""


def side_by_side(sets: Sequence[Features]) -> Features:
    """Join the columns of several sets.

    The rows are those of the set with the most. At each of them the other sets have the values of
    the row that lies around its middle. A row is valid where every set has a valid row.

    Args:
        sets: at least one, with distinct column names; a single one is returned as it is.

    Returns:
        All columns in the order of the sets; the source names all of theirs.
    """
    if len(sets) == 1:
        return sets[0]
    finest = max(sets, key=len)
    middles = finest.times.mean(axis=1)
    rows = [_rows_at(features, middles) for features in sets]
    valid = np.all(
        [
            (row >= 0) & features.valid[np.maximum(row, 0)]
            if len(features)
            else np.zeros(len(finest), bool)
            for features, row in zip(sets, rows, strict=True)
        ],
        axis=0,
    )
    values = np.zeros((len(finest), sum(features.values.shape[1] for features in sets)), np.float32)
    column = 0
    for features, row in zip(sets, rows, strict=True):
        width = features.values.shape[1]
        values[valid, column : column + width] = features.values[row[valid]]
        column += width
    return Features(
        values,
        finest.times,
        valid,
        tuple(name for features in sets for name in features.names),
        "+".join(features.source for features in sets),
    )


def _rows_at(features: Features, times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the row around each time, -1 where there is none, (T,)."""
    if not len(features):
        return np.full(len(times), -1)
    rows = np.searchsorted(features.times[:, 0], times, side="right") - 1
    inside = (rows >= 0) & (times < features.times[np.maximum(rows, 0), 1] + ROUNDING_S)
    return np.where(inside, rows, -1)
