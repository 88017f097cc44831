"""Scores for data where every clip carries exactly one label, as in acted corpora."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Floats
from mmemo.errors import DataError
from mmemo.metrics.ranking import check_probs
from mmemo.metrics.resampling import Resamples, interval
from mmemo.metrics.tally import ratio


def is_single_label(truth: ArrayLike) -> bool:
    """Tell whether each row of truth (N, K) is fully known and holds exactly one label."""
    wanted = np.asarray(truth, dtype=np.float64)
    return bool(not np.isnan(wanted).any() and (wanted.sum(axis=1) == 1).all())


def single_label_metrics(
    *,
    truth: ArrayLike,
    probs: ArrayLike,
    labels: Sequence[str],
    resamples: Resamples | None = None,
) -> dict[str, Any]:
    """Score the most probable label of each clip (the first, among equals).

    Args:
        truth: (N, K), exactly one 1 in a row.
        probs: (N, K) p(label | clip), or any scores from 0 to 1 with that order.
        labels: K names.
        resamples: for intervals, which are left out without it.

    Returns:
        ``accuracy``; ``uar``, the unweighted average recall over the labels that occur (Schuller et
        al. 2009); ``recall`` -> label -> recall or None; ``confusion`` (K true, K answered) counts;
        with ``resamples``, ``interval95`` of the first two.

    Raises:
        DataError: a clip has no or several labels, or see ``check_probs``.
    """
    wanted, given = check_probs(truth, probs, labels)
    if not is_single_label(wanted):
        raise DataError("expected exactly one label on each clip")
    true_index, answer = wanted.argmax(axis=1), given.argmax(axis=1)
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (true_index, answer), 1)
    rows = np.column_stack([wanted * (true_index == answer)[:, None], wanted])
    accuracy, uar = _scores(rows.sum(axis=0))
    support = confusion.sum(axis=1)
    found: dict[str, Any] = {
        "accuracy": float(accuracy),
        "uar": float(uar),
        "recall": {
            label: float(confusion[k, k] / support[k]) if support[k] else None
            for k, label in enumerate(labels)
        },
        "confusion": confusion.tolist(),
    }
    if resamples is not None:
        resamples.check(len(rows))
        drawn = _scores(resamples.sums(rows))
        found["interval95"] = {
            name: interval(values) for name, values in zip(("accuracy", "uar"), drawn, strict=True)
        }
    return found


def _scores(sums: Floats) -> tuple[Floats, Floats]:
    """Turn sums (..., 2 K) of right answers and clips per label into accuracy and UAR."""
    right, clips = np.split(sums, 2, axis=-1)
    occurring = np.maximum((clips > 0).sum(axis=-1), 1)
    return (
        np.asarray(right.sum(axis=-1) / clips.sum(axis=-1)),
        np.asarray(ratio(right, clips).sum(axis=-1) / occurring),
    )
