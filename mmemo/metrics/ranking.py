"""Scores of the ranking of clips: area under the ROC curve, average precision, PR curves.

Ties are one step, as in scikit-learn: the curves have one point per distinct probability. The area
under the ROC curve needs a positive and a negative, average precision a positive. Without them the
score is undefined (None) and no mean counts it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Floats
from mmemo.labels import EMOTIONS
from mmemo.metrics.checks import check_probs
from mmemo.metrics.resampling import Interval, Resamples, interval
from mmemo.metrics.tally import ratio

_RESAMPLES_AT_ONCE = 50


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """A curve from the highest threshold to the lowest, one point per distinct probability.

    Attributes:
        precision, recall, thresholds: (P,) each; a clip is answered at ``prob >= threshold``.
    """

    precision: Floats
    recall: Floats
    thresholds: Floats


def ranking_metrics(
    *, truth: ArrayLike, probs: ArrayLike, labels: Sequence[str] = EMOTIONS
) -> dict[str, Any]:
    """Return the scores that need no threshold.

    Args:
        truth: (N, K) of 0 and 1, NaN where unknown.
        probs: (N, K) p(label | clip).
        labels: K names.

    Returns:
        ``macro_`` (mean over labels) and ``micro_`` (all cells pooled) ``auc`` and
        ``average_precision``; ``per_label`` -> label -> both. None where undefined.

    Raises:
        DataError: see ``check_probs``.
    """
    y_true, y_prob = check_probs(truth, probs, labels)
    columns = [_Ranked(*_known(y_true[:, k], y_prob[:, k])) for k in range(len(labels))]
    scores = [column.scores(None) for column in columns]
    macro_auc, macro_ap = (
        _means(np.array([score[0] for score in scores])),
        _means(np.array([score[1] for score in scores])),
    )
    micro_auc, micro_ap = _Ranked(*_known(y_true.ravel(), y_prob.ravel())).scores(None)
    return {
        "macro_auc": _defined(macro_auc),
        "micro_auc": _defined(micro_auc),
        "macro_average_precision": _defined(macro_ap),
        "micro_average_precision": _defined(micro_ap),
        "per_label": {
            label: {"auc": _defined(auc), "average_precision": _defined(ap)}
            for label, (auc, ap) in zip(labels, scores, strict=True)
        },
    }


def ranking_intervals(
    *,
    truth: ArrayLike,
    probs: ArrayLike,
    resamples: Resamples,
    labels: Sequence[str] = EMOTIONS,
) -> dict[str, Interval]:
    """Return bootstrap intervals of ``macro_auc`` and ``macro_average_precision``.

    Raises:
        DataError: see ``check_probs``, or not one group per clip.
    """
    y_true, y_prob = check_probs(truth, probs, labels)
    resamples.check(len(y_true))
    columns = [
        (np.flatnonzero(~np.isnan(y_true[:, k])), _Ranked(*_known(y_true[:, k], y_prob[:, k])))
        for k in range(len(labels))
    ]
    aucs, precisions = [], []
    for first in range(0, len(resamples.draws), _RESAMPLES_AT_ONCE):
        weights = resamples.draws[first : first + _RESAMPLES_AT_ONCE][:, resamples.member]
        scores = [column.scores(weights[:, rows]) for rows, column in columns]
        aucs.append(_means(np.array([auc for auc, _ in scores])))
        precisions.append(_means(np.array([ap for _, ap in scores])))
    return {
        "macro_auc": interval(np.concatenate(aucs)),
        "macro_average_precision": interval(np.concatenate(precisions)),
    }


def precision_recall_curve(*, truth: ArrayLike, probs: ArrayLike) -> PrecisionRecall:
    """Return precision against recall of one label, (N,) each; empty without a positive.

    Raises:
        DataError: see ``check_probs``.
    """
    y_true, y_prob = check_probs(
        np.reshape(truth, (-1, 1)), np.reshape(np.asarray(probs), (-1, 1)), ("label",)
    )
    ranked = _Ranked(*_known(y_true[:, 0], y_prob[:, 0]))
    hits, alarms = ranked.counts(None)
    if not hits.size or hits[-1] == 0:
        empty = np.zeros(0)
        return PrecisionRecall(empty, empty, empty)
    return PrecisionRecall(hits / (hits + alarms), hits / hits[-1], ranked.thresholds)


class _Ranked:
    """One label's clips, sorted once, so that many weightings of them are scored quickly."""

    def __init__(self, truth: Floats, probs: Floats) -> None:
        self._order = np.argsort(-probs, kind="stable")
        ranked = probs[self._order]
        self._truth = truth[self._order]
        # The curve has points only where the probability changes.
        self._ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))[: len(ranked)]
        self.thresholds = ranked[self._ends]

    def counts(self, weights: Floats | None) -> tuple[Floats, Floats]:
        """Return hits and false alarms at each threshold, (..., P), for weights (..., N)."""
        sorted_weights = np.ones_like(self._truth) if weights is None else weights[..., self._order]
        hits = np.cumsum(sorted_weights * self._truth, axis=-1)[..., self._ends]
        return hits, np.cumsum(sorted_weights, axis=-1)[..., self._ends] - hits

    def scores(self, weights: Floats | None) -> tuple[Floats, Floats]:
        """Return AUC and average precision (...), NaN where undefined."""
        hits, alarms = self.counts(weights)
        shape = hits.shape[:-1]
        if not self.thresholds.size:
            return np.full(shape, np.nan), np.full(shape, np.nan)
        positives, negatives = hits[..., -1], alarms[..., -1]
        new_hits = np.diff(hits, axis=-1, prepend=0.0)
        new_alarms = np.diff(alarms, axis=-1, prepend=0.0)
        # Trapezoids: a tie of a positive and a negative counts one half (Mann and Whitney 1947).
        area = (new_alarms * (hits - new_hits / 2)).sum(axis=-1)
        steps = (new_hits * ratio(hits, hits + alarms)).sum(axis=-1)
        return (
            np.where(positives * negatives > 0, ratio(area, positives * negatives), np.nan),
            np.where(positives > 0, ratio(steps, positives), np.nan),
        )


def _known(truth: Floats, probs: Floats) -> tuple[Floats, Floats]:
    known = ~np.isnan(truth)
    return truth[known], probs[known]


def _means(values: Floats) -> Floats:
    """Return means over the first axis without NaN; NaN where all are."""
    defined = ~np.isnan(values)
    total, count = np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _defined(value: Floats) -> float | None:
    return None if np.isnan(value) else float(value)
