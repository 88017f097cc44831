"""Checks of truth, predictions and probabilities, shared by all scores and decisions.

N clips, K labels. ``truth`` (N, K) is 0, 1, or NaN where a label is not annotated; ``pred`` (N, K)
is 0 or 1; ``probs`` (N, K) lies in [0, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmemo.arrays import Bools, Floats, first_wrong
from mmemo.errors import DataError


@dataclass(frozen=True, eq=False)
class DecidedSets:
    """Truth and predictions of one shape: (N, K) each; ``known`` is False where truth is NaN."""

    truth: Bools
    pred: Bools
    known: Bools


def check_pred(truth: ArrayLike, pred: ArrayLike, labels: Sequence[str]) -> DecidedSets:
    """Return checked truth and predictions; unknown cells are False in both.

    Raises:
        DataError: shapes differ, there is no clip, K is not the number of labels, an entry is
            neither 0 nor 1 (nor NaN, in truth), or a clip has no known label.
    """
    y_true, y_pred = _same_shape(truth, pred, "pred", labels)
    known = known_cells(y_true)
    _check_entries("truth of 0 and 1", y_true, binary_cells(y_true) | ~known)
    _check_entries("pred of 0 and 1", y_pred, binary_cells(y_pred))
    return DecidedSets((y_true == 1) & known, (y_pred == 1) & known, known)


def check_probs(
    truth: ArrayLike, probs: ArrayLike, labels: Sequence[str] | None = None
) -> tuple[Floats, Floats]:
    """Return truth (N, K) and probabilities (N, K) as float64.

    Args:
        truth: (N, K) of 0, 1 and NaN.
        probs: (N, K).
        labels: K names; without them any K will do.

    Raises:
        DataError: shapes differ, there is no clip, K is not the number of labels, truth is other
            than 0, 1 and NaN, a clip has no known label, or a probability lies outside [0, 1].
    """
    y_true, y_prob = _same_shape(truth, probs, "probs", labels)
    _check_entries("truth of 0 and 1", y_true, binary_cells(y_true) | ~known_cells(y_true))
    _check_entries("probabilities from 0 to 1", y_prob, prob_cells(y_prob))
    return y_true, y_prob


def check_known_probs(truth: ArrayLike, probs: ArrayLike) -> tuple[Floats, Floats]:
    """Return truth and probabilities as ``check_probs`` does; all labels must be known.

    Raises:
        DataError: as ``check_probs``, or truth is NaN somewhere.
    """
    y_true, y_prob = check_probs(truth, probs)
    _check_entries("truth of 0 and 1, every label annotated", y_true, binary_cells(y_true))
    return y_true, y_prob


def check_set_table(truth: ArrayLike, log_probs: ArrayLike) -> tuple[Floats, Floats]:
    """Return truth (N, K) and log-probabilities of all sets (N, 2**K) as float64.

    Raises:
        DataError: the shapes do not fit, or there is no clip.
    """
    y_true, table = np.asarray(truth, dtype=np.float64), np.asarray(log_probs, dtype=np.float64)
    if y_true.ndim != 2 or not y_true.size or table.shape != (len(y_true), 1 << y_true.shape[1]):
        raise DataError(
            "expected truth (N, K) and log-probabilities of sets (N, 2**K); "
            f"got {y_true.shape} and {table.shape}"
        )
    return y_true, table


def known_cells(truth: Floats) -> Bools:
    """Return which cells of truth (N, K) are annotated.

    Raises:
        DataError: a clip has no known label.
    """
    known = ~np.isnan(truth)
    without = np.flatnonzero(~known.any(axis=1))
    if len(without):
        raise DataError(
            "expected truth of 0 and 1 (or NaN for unknown), a known label in every row; row "
            f"{without[0]} has none: leave out such clips"
        )
    return known


def binary_cells(values: NDArray[np.generic]) -> Bools:
    """Return which entries are 0 or 1."""
    return np.isin(values, (0, 1))


def prob_cells(values: Floats) -> Bools:
    """Return which entries lie in [0, 1]; NaN does not."""
    return np.asarray((values >= 0) & (values <= 1))


def is_binary(values: NDArray[np.generic]) -> bool:
    """Return whether all values are 0 or 1."""
    return bool(binary_cells(values).all())


def are_probs(values: Floats) -> bool:
    """Return whether all values lie in [0, 1]; NaN does not."""
    return bool(prob_cells(values).all())


def _check_entries(expected: str, values: Floats, right: Bools) -> None:
    wrong = first_wrong(values, right)
    if wrong is not None:
        raise DataError(f"expected {expected}; got {wrong}")


def _same_shape(
    truth: ArrayLike, other: ArrayLike, name: str, labels: Sequence[str] | None
) -> tuple[Floats, Floats]:
    y_true, values = np.asarray(truth, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if y_true.ndim != 2 or y_true.shape != values.shape or not y_true.size:
        raise DataError(
            f"expected truth and {name} of one shape (N, K); got {y_true.shape} and {values.shape}"
        )
    if labels is not None and y_true.shape[1] != len(labels):
        raise DataError(f"expected {len(labels)} label columns; got {y_true.shape[1]}")
    return y_true, values
