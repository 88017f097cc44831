"""Every score of multi-label emotion recognition, under names that say which convention is meant.

Two conventions differ in the literature and are told apart here. ``acc_jaccard_empty0`` is what
papers on CMU-MOSEI call accuracy: the mean over clips of |truth and pred| / |truth or pred|, where
a clip without labels that is rightly given none scores 0; ``acc_jaccard_empty1`` scores it 1.
Precision, recall and F1 are 0 where their denominator is 0. Arguments of one shape are taken by
keyword only: swapping truth and prediction swaps precision and recall, which has happened in print.

N clips, K labels, truth and pred (N, K) of 0 and 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmemo.errors import DataError
from mmemo.labels import EMOTIONS, to_set_index

SCALARS: tuple[str, ...] = (
    "acc_jaccard_empty0",
    "acc_jaccard_empty1",
    "exact_match",
    "hamming_loss",
    *(f"{average}_{score}" for average in ("micro", "macro", "weighted") for score in
      ("precision", "recall", "f1")),
)  # fmt: skip
"""Names of the metrics that are one number."""

Floats = NDArray[np.float64]


def multilabel_metrics(
    *, truth: ArrayLike, pred: ArrayLike, labels: Sequence[str] = EMOTIONS
) -> dict[str, Any]:
    """Compute every metric.

    Returns:
        The names in ``SCALARS`` -> float, and ``per_label`` -> label -> precision, recall, f1
        (float) and support (int).

    Raises:
        DataError: shapes differ, there is no clip, K is not the number of labels, or an entry is
            neither 0 nor 1.
    """
    sums = _row_sums(*_check(truth, pred, labels)).sum(axis=0)
    metrics: dict[str, Any] = {name: float(value) for name, value in _scalars(sums).items()}
    hits, given, wanted = _by_label(sums)
    scores = _precision_recall_f1(hits, given, wanted)
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

    Args:
        truth: (N, K) of 0 and 1.
        set_log_probs: (N, 2**K), log p(set | clip).

    Raises:
        DataError: the shapes do not fit or there is no clip.
    """
    index, table = to_set_index(truth), np.asarray(set_log_probs, dtype=np.float64)
    if index.ndim != 1 or not index.size or table.shape != (len(index), 1 << np.shape(truth)[1]):
        raise DataError(
            "expected truth (N, K) and set_log_probs (N, 2**K); "
            f"got {np.shape(truth)} and {table.shape}"
        )
    return float(-table[np.arange(len(index)), index].mean())


def constant_baselines(*, train_truth: ArrayLike) -> dict[str, NDArray[np.int8]]:
    """Return the answers (K,) that need no clip, chosen on the training labels (N, K).

    none; most_frequent_label alone; most_frequent_set; all_labels. Among equals, the first.

    Raises:
        DataError: no clip, or not two dimensions.
    """
    truth = np.asarray(train_truth)
    if truth.ndim != 2 or not truth.size:
        raise DataError(f"expected training labels of shape (N, K); got {truth.shape}")
    n_labels = truth.shape[1]
    most_frequent = np.zeros(n_labels, dtype=np.int8)
    most_frequent[truth.sum(axis=0).argmax()] = 1
    sets, counts = np.unique(truth, axis=0, return_counts=True)
    return {
        "none": np.zeros(n_labels, dtype=np.int8),
        "most_frequent_label": most_frequent,
        "most_frequent_set": sets[counts.argmax()].astype(np.int8),
        "all_labels": np.ones(n_labels, dtype=np.int8),
    }


def bootstrap_intervals(
    *,
    truth: ArrayLike,
    pred: ArrayLike,
    groups: Sequence[str],
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    labels: Sequence[str] = EMOTIONS,
) -> dict[str, tuple[float, float]]:
    """Return the percentile interval of every scalar metric, drawing whole groups.

    Clips of one video are alike, so drawing clips one by one would promise too much; whole videos
    are drawn with replacement (Efron and Tibshirani 1993, chapters 8 and 13).

    Args:
        truth: (N, K) of 0 and 1.
        pred: (N, K) of 0 and 1.
        groups: N names; clips of one name are drawn together.
        resamples: how many times to draw.
        confidence: share of the resamples inside the interval.
        seed: of the draws.
        labels: K names.

    Raises:
        DataError: as ``multilabel_metrics``, or not one group per clip.
    """
    rows = _row_sums(*_check(truth, pred, labels))
    if len(groups) != len(rows):
        raise DataError(f"expected a group for each of {len(rows)} clips; got {len(groups)}")
    _, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    n_groups = int(member.max()) + 1
    per_group = np.zeros((n_groups, rows.shape[1]))
    np.add.at(per_group, member, rows)
    # Every metric is a function of sums over clips, so a resample is a weighted sum of groups.
    draws = np.random.default_rng(seed).multinomial(
        n_groups, np.full(n_groups, 1 / n_groups), size=resamples
    )
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    intervals = {}
    for name, values in _scalars(draws @ per_group).items():
        low, high = np.quantile(values, tails)
        intervals[name] = (float(low), float(high))
    return intervals


def _check(
    truth: ArrayLike, pred: ArrayLike, labels: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    wanted, given = np.asarray(truth), np.asarray(pred)
    if wanted.ndim != 2 or wanted.shape != given.shape or not wanted.size:
        raise DataError(
            f"expected truth and pred of one shape (N, K); got {wanted.shape} and {given.shape}"
        )
    if wanted.shape[1] != len(labels):
        raise DataError(f"expected {len(labels)} label columns; got {wanted.shape[1]}")
    for name, array in (("truth", wanted), ("pred", given)):
        if not np.isin(array, (0, 1)).all():
            raise DataError(f"expected {name} of 0 and 1; got other values")
    return wanted.astype(bool), given.astype(bool)


def _row_sums(truth: NDArray[np.bool_], pred: NDArray[np.bool_]) -> Floats:
    """Return per clip what the metrics are made of, (N, 5 + 3 K).

    Columns: 1, both Jaccards, exact match, share of wrong labels; then per label hit, predicted,
    true.
    """
    both, either = (truth & pred).sum(axis=1), (truth | pred).sum(axis=1)
    jaccard = both / np.maximum(either, 1)
    scores = [
        np.ones(len(truth)),
        jaccard,
        np.where(either == 0, 1.0, jaccard),
        both == either,
        (either - both) / truth.shape[1],
    ]
    return np.column_stack([*scores, truth & pred, pred, truth]).astype(np.float64)


def _scalars(sums: Floats) -> dict[str, Floats]:
    """Turn sums over clips (..., 5 + 3 K) into metrics (...)."""
    count = sums[..., 0]
    metrics = {name: sums[..., i + 1] / count for i, name in enumerate(SCALARS[:4])}
    hits, given, wanted = _by_label(sums)
    micro = _precision_recall_f1(hits.sum(axis=-1), given.sum(axis=-1), wanted.sum(axis=-1))
    by_label = _precision_recall_f1(hits, given, wanted)
    share = _ratio(wanted, wanted.sum(axis=-1, keepdims=True))
    metrics |= {f"micro_{name}": score for name, score in micro.items()}
    metrics |= {f"macro_{name}": score.mean(axis=-1) for name, score in by_label.items()}
    metrics |= {
        f"weighted_{name}": (score * share).sum(axis=-1) for name, score in by_label.items()
    }
    return metrics


def _by_label(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Return hits, predicted and true counts, (..., K) each."""
    hits, given, wanted = np.split(sums[..., 5:], 3, axis=-1)
    return hits, given, wanted


def _precision_recall_f1(hits: Floats, given: Floats, wanted: Floats) -> dict[str, Floats]:
    return {
        "precision": _ratio(hits, given),
        "recall": _ratio(hits, wanted),
        "f1": _ratio(2 * hits, given + wanted),
    }


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(part / np.where(whole == 0, 1.0, whole))
