"""The scores of decided label sets, and the likelihood of the true sets.

Arguments of equal shape are keyword-only: swapping truth and prediction swaps precision and recall,
which has happened in published results.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Bools
from mmemo.labels import EMOTIONS, all_sets
from mmemo.metrics.checks import check_pred, check_set_table, known_cells
from mmemo.metrics.tally import (
    by_label,
    older_protocol,
    precision_recall_f1,
    row_sums,
    scalars,
)


def multilabel_metrics(
    *, truth: ArrayLike, pred: ArrayLike, labels: Sequence[str] = EMOTIONS
) -> dict[str, Any]:
    """Return every metric of decided label sets.

    Args:
        truth: (N, K) of 0 and 1, NaN where a label is not annotated (no score counts it).
        pred: (N, K) of 0 and 1.
        labels: K names.

    Returns:
        The names in ``SCALARS`` -> float, and ``per_label`` -> label -> precision, recall, f1,
        weighted_accuracy, binary_weighted_f1 (float) and support (int).

    Raises:
        DataError: see ``check_pred``.
    """
    sums = row_sums(check_pred(truth, pred, labels)).sum(axis=0)
    metrics: dict[str, Any] = {name: float(value) for name, value in scalars(sums).items()}
    hits, predicted, true, _ = by_label(sums)
    scores = precision_recall_f1(hits, predicted, true) | older_protocol(sums)
    metrics["per_label"] = {
        label: {
            **{name: float(score[k]) for name, score in scores.items()},
            "support": int(true[k]),
        }
        for k, label in enumerate(labels)
    }
    return metrics


def set_nll(*, truth: ArrayLike, set_log_probs: ArrayLike) -> float:
    """Return the mean negative log-likelihood of the true sets, in nats.

    Where labels are unknown, the likelihood is that of all sets agreeing with the known ones.

    Args:
        truth: (N, K) of 0 and 1, NaN where unknown.
        set_log_probs: (N, 2**K), log p(set | clip).

    Raises:
        DataError: the shapes do not fit or there is no clip.
    """
    y_true, table = check_set_table(truth, set_log_probs)
    agreeing = np.where(agreeing_sets(y_true), table, -np.inf)
    highest = agreeing.max(axis=1)
    finite = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        log_likelihood = np.log(np.exp(agreeing - finite[:, None]).sum(axis=1)) + finite
    return float(-log_likelihood.mean())


def agreeing_sets(truth: ArrayLike) -> Bools:
    """Return which sets (N, 2**K) agree with the known labels of each clip (N, K).

    Raises:
        DataError: a clip has no known label.
    """
    y_true = np.asarray(truth, dtype=np.float64)
    agrees = np.ones((len(y_true), 1 << y_true.shape[1]), dtype=bool)
    unknown = ~known_cells(y_true)
    for k, column in enumerate(all_sets(y_true.shape[1]).T):
        agrees &= (column[None] == y_true[:, k, None]) | unknown[:, k, None]
    return agrees
