"""Scores of data in which every clip carries exactly one label, as in acted corpora."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Floats
from mmemo.errors import DataError
from mmemo.metrics.checks import check_probs
from mmemo.metrics.resampling import Resamples, interval
from mmemo.metrics.tally import ratio


def is_single_label(truth: ArrayLike) -> bool:
    """Return whether each row of truth (N, K) is fully known and has exactly one label."""
    y_true = np.asarray(truth, dtype=np.float64)
    return bool(not np.isnan(y_true).any() and (y_true.sum(axis=1) == 1).all())


def single_label_metrics(
    *,
    truth: ArrayLike,
    probs: ArrayLike,
    labels: Sequence[str],
    resamples: Resamples | None = None,
) -> dict[str, Any]:
    """Return the scores of the most probable label of each clip (the first, among equals).

    Args:
        truth: (N, K), exactly one 1 per row.
        probs: (N, K) p(label | clip), or any scores from 0 to 1 with that ranking.
        labels: K names.
        resamples: for intervals; None omits them.

    Returns:
        ``accuracy``; ``uar``, the unweighted average recall over the labels that occur (Schuller et
        al. 2009); ``weighted_f1``, the labels' F1 weighted by their clips; ``recall`` -> label ->
        recall or None; ``confusion`` (K true, K answered) counts; with ``resamples``,
        ``interval95`` of the first three.

    Raises:
        DataError: a clip has no or several labels; or see ``check_probs``.
    """
    y_true, y_prob = check_probs(truth, probs, labels)
    if not is_single_label(y_true):
        row = int(np.flatnonzero(y_true.sum(axis=1) != 1)[0])
        raise DataError(
            f"expected exactly one label in every row of truth; row {row} is {y_true[row].tolist()}"
        )
    true_index, answer = y_true.argmax(axis=1), y_prob.argmax(axis=1)
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (true_index, answer), 1)
    rows = np.column_stack([y_true * (true_index == answer)[:, None], y_true])
    accuracy, uar = _scores(rows.sum(axis=0))
    answered = np.eye(len(labels))[answer]
    tallies = np.column_stack([rows, answered])
    support = confusion.sum(axis=1)
    metrics: dict[str, Any] = {
        "accuracy": float(accuracy),
        "uar": float(uar),
        "weighted_f1": float(_weighted_f1(tallies.sum(axis=0))),
        "recall": {
            label: float(confusion[k, k] / support[k]) if support[k] else None
            for k, label in enumerate(labels)
        },
        "confusion": confusion.tolist(),
    }
    if resamples is not None:
        resamples.check(len(rows))
        drawn = resamples.sums(tallies)
        accuracies, uars = _scores(drawn[..., : rows.shape[1]])
        metrics["interval95"] = {
            "accuracy": interval(accuracies),
            "uar": interval(uars),
            "weighted_f1": interval(_weighted_f1(drawn)),
        }
    return metrics


def _scores(sums: Floats) -> tuple[Floats, Floats]:
    """Return accuracy and UAR of sums (..., 2 K) of right answers and of clips per label."""
    right, clips = np.split(sums, 2, axis=-1)
    occurring = np.maximum((clips > 0).sum(axis=-1), 1)
    return (
        np.asarray(right.sum(axis=-1) / clips.sum(axis=-1)),
        np.asarray(ratio(right, clips).sum(axis=-1) / occurring),
    )


def _weighted_f1(sums: Floats) -> Floats:
    """Return the weighted F1 of sums (..., 3 K): right answers, clips, answers per label."""
    right, clips, answered = np.split(sums, 3, axis=-1)
    f1 = ratio(2 * right, clips + answered)
    return np.asarray((f1 * clips).sum(axis=-1) / clips.sum(axis=-1))
