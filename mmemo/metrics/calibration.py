"""Calibration: whether probabilities agree with frequencies.

Of the clips that a calibrated model gives .3 for a label, 30 % carry it. Measured by the expected
calibration error (Naeini et al. 2015; here of each label's probability against the label's
frequency, all labels pooled), by the Brier score (1950), and shown as a reliability curve.
``mmemo.decisions.calibration`` corrects them. N clips, K labels; truth may be NaN where a label is
not annotated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Floats
from mmemo.labels import EMOTIONS
from mmemo.metrics.checks import check_probs
from mmemo.metrics.resampling import Resamples, interval
from mmemo.metrics.tally import ratio

BINS = 15
"""Equally wide bins of probability, as in Guo et al. (2017)."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Cells (clip and label) whose probability lies in (low, high]; the first bin also holds 0.

    Attributes:
        low: lower bound of the probabilities.
        high: upper bound of the probabilities.
        count: number of cells.
        mean_prob: their mean probability, None without cells.
        frequency: the share of cells whose clip carries the label, None without cells.
    """

    low: float
    high: float
    count: int
    mean_prob: float | None
    frequency: float | None


def calibration_metrics(
    *,
    truth: ArrayLike,
    probs: ArrayLike,
    labels: Sequence[str] = EMOTIONS,
    bins: int = BINS,
    resamples: Resamples | None = None,
) -> dict[str, Any]:
    """Return the calibration error and the Brier score of probabilities.

    Args:
        truth: (N, K) of 0 and 1, NaN where unknown.
        probs: (N, K) p(label | clip).
        labels: K names.
        bins: equally wide bins from 0 to 1.
        resamples: for intervals; None omits them.

    Returns:
        ``ece`` (all labels in the same bins) and ``brier`` (mean squared difference over cells);
        ``per_label`` -> label -> both; with ``resamples``, ``interval95`` of the first two.

    Raises:
        DataError: see ``check_probs``.
    """
    y_true, y_prob = check_probs(truth, probs, labels)
    rows = _row_sums(y_true, y_prob, bins)
    ece, brier = _pooled(rows.sum(axis=0), bins, len(labels))
    each_ece, each_brier = _per_label(rows.sum(axis=0), bins, len(labels))
    metrics: dict[str, Any] = {
        "ece": float(ece),
        "brier": float(brier),
        "per_label": {
            label: {"ece": float(each_ece[k]), "brier": float(each_brier[k])}
            for k, label in enumerate(labels)
        },
    }
    if resamples is not None:
        resamples.check(len(rows))
        drawn = _pooled(resamples.sums(rows), bins, len(labels))
        metrics["interval95"] = {
            name: interval(values) for name, values in zip(("ece", "brier"), drawn, strict=True)
        }
    return metrics


def reliability(
    *, truth: ArrayLike, probs: ArrayLike, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Return the ``bins`` points of the reliability curve, all labels pooled.

    Raises:
        DataError: see ``check_probs``.
    """
    labels = [str(k) for k in range(np.shape(probs)[-1])]
    y_true, y_prob = check_probs(truth, probs, labels)
    sums = _row_sums(y_true, y_prob, bins).sum(axis=0).reshape(len(labels), bins + 1, 3)
    count, total, positive = sums[:, :bins].sum(axis=0).T
    return tuple(
        ReliabilityBin(
            low=number / bins,
            high=(number + 1) / bins,
            count=int(count[number]),
            mean_prob=float(total[number] / count[number]) if count[number] else None,
            frequency=float(positive[number] / count[number]) if count[number] else None,
        )
        for number in range(bins)
    )


def _row_sums(truth: Floats, probs: Floats, bins: int) -> Floats:
    """Return per clip, label and bin: cells, sum of their probabilities, positives.

    Flattened, (N, K * (bins + 1) * 3). The element after the last bin has the squared error and
    the number of known cells.
    """
    clips, n_labels = truth.shape
    known = ~np.isnan(truth)
    known_truth = np.where(known, truth, 0.0)
    bin_index = np.clip(np.ceil(probs * bins).astype(np.int64) - 1, 0, bins - 1)
    rows = np.zeros((clips, n_labels, bins + 1, 3))
    clip, label = np.nonzero(known)
    bin_of = bin_index[clip, label]
    rows[clip, label, bin_of, 0] = 1.0
    rows[clip, label, bin_of, 1] = probs[clip, label]
    rows[clip, label, bin_of, 2] = known_truth[clip, label]
    rows[:, :, bins, 0] = known * (probs - known_truth) ** 2
    rows[:, :, bins, 1] = known
    return rows.reshape(clips, -1)


def _pooled(sums: Floats, bins: int, n_labels: int) -> tuple[Floats, Floats]:
    """Return ECE and Brier score (...) of sums over clips (..., K * (bins + 1) * 3)."""
    pooled = sums.reshape(*sums.shape[:-1], n_labels, bins + 1, 3).sum(axis=-3)
    return _calibration_error(pooled, bins), ratio(pooled[..., bins, 0], pooled[..., bins, 1])


def _per_label(sums: Floats, bins: int, n_labels: int) -> tuple[Floats, Floats]:
    """Return ECE and Brier score of each label (..., K) of sums over clips."""
    each = sums.reshape(*sums.shape[:-1], n_labels, bins + 1, 3)
    return _calibration_error(each, bins), ratio(each[..., bins, 0], each[..., bins, 1])


def _calibration_error(sums: Floats, bins: int) -> Floats:
    count, total, positive = (sums[..., :bins, column] for column in range(3))
    return ratio(np.abs(total - positive).sum(axis=-1), count.sum(axis=-1))
