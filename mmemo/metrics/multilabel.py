"""The scores of decided label sets, and the likelihood of the true ones.

Arguments of one shape are taken by keyword only: swapping truth and prediction swaps precision and
recall, which has happened in print.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Bools
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS, all_sets
from mmemo.metrics.tally import (
    by_label,
    check,
    known_cells,
    older_protocol,
    precision_recall_f1,
    row_sums,
    scalars,
)


def multilabel_metrics(
    *, truth: ArrayLike, pred: ArrayLike, labels: Sequence[str] = EMOTIONS
) -> dict[str, Any]:
    """Compute every metric of label sets that have been decided.

    Args:
        truth: (N, K) of 0 and 1, NaN where a label is not annotated (it then counts nowhere).
        pred: (N, K) of 0 and 1.
        labels: K names.

    Returns:
        The names in ``SCALARS`` -> float, and ``per_label`` -> label -> precision, recall, f1,
        weighted_accuracy, binary_weighted_f1 (float) and support (int).

    Raises:
        DataError: shapes differ, there is no clip, K is not the number of labels, or an entry is
            neither 0 nor 1.
    """
    sums = row_sums(check(truth, pred, labels)).sum(axis=0)
    metrics: dict[str, Any] = {name: float(value) for name, value in scalars(sums).items()}
    hits, given, wanted, _ = by_label(sums)
    scores = precision_recall_f1(hits, given, wanted) | older_protocol(sums)
    metrics["per_label"] = {
        label: {
            **{name: float(score[k]) for name, score in scores.items()},
            "support": int(wanted[k]),
        }
        for k, label in enumerate(labels)
    }
    return metrics


def set_nll(*, truth: ArrayLike, set_log_probs: ArrayLike) -> float:
    """Return the mean negative log-likelihood of the true sets, in nats.

    Where labels are unknown, the likelihood is that of all sets that agree with the known ones.

    Args:
        truth: (N, K) of 0 and 1, NaN where unknown.
        set_log_probs: (N, 2**K), log p(set | clip).

    Raises:
        DataError: the shapes do not fit or there is no clip.
    """
    wanted, table = np.asarray(truth), np.asarray(set_log_probs, dtype=np.float64)
    if wanted.ndim != 2 or not wanted.size or table.shape != (len(wanted), 1 << wanted.shape[1]):
        raise DataError(
            "expected truth (N, K) and set_log_probs (N, 2**K); "
            f"got {np.shape(truth)} and {table.shape}"
        )
    held = np.where(agreeing_sets(wanted), table, -np.inf)
    highest = held.max(axis=1)
    finite = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        log_likelihood = np.log(np.exp(held - finite[:, None]).sum(axis=1)) + finite
    return float(-log_likelihood.mean())


def agreeing_sets(truth: ArrayLike) -> Bools:
    """Tell which sets (N, 2**K) agree with all that is known of each clip's labels (N, K).

    Raises:
        DataError: a clip has no known label.
    """
    wanted = np.asarray(truth, dtype=np.float64)
    agrees = np.ones((len(wanted), 1 << wanted.shape[1]), dtype=bool)
    unknown = ~known_cells(wanted)
    for k, column in enumerate(all_sets(wanted.shape[1]).T):
        agrees &= (column[None] == wanted[:, k, None]) | unknown[:, k, None]
    return agrees
