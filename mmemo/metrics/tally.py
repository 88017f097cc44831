"""The sums over clips from which every score of decided label sets is computed.

A score is a function of sums over clips, so a resampled data set is a weighted sum of rows, and
bootstrap and permutation cost one matrix product. N clips, K labels. ``truth`` (N, K) is 0, 1, or
NaN where a label is not annotated; no score counts an unknown label.

The literature has two conventions of accuracy. ``acc_jaccard_empty0`` is the accuracy of papers on
CMU-MOSEI: the mean over clips of |truth and pred| / |truth or pred|, where an empty answer to a
clip without labels scores 0; ``acc_jaccard_empty1`` scores it 1. Precision, recall and F1 are 0
where their denominator is 0 (scikit-learn's ``zero_division=0``).
"""

import numpy as np

from mmemo.arrays import Floats
from mmemo.metrics.checks import DecidedSets

_PER_CLIP = (
    "acc_jaccard_empty0",
    "acc_jaccard_empty1",
    "exact_match",
    "hamming_loss",
    "samples_precision",
    "samples_recall",
    "samples_f1",
)
SCALARS: tuple[str, ...] = (
    *_PER_CLIP,
    *(f"{average}_{score}" for average in ("micro", "macro", "weighted") for score in
      ("precision", "recall", "f1")),
    "weighted_accuracy",
    "binary_weighted_f1",
)  # fmt: skip
"""Names of the metrics that are one number; all but ``hamming_loss`` are better when higher."""


def row_sums(cells: DecidedSets) -> Floats:
    """Return per clip the terms whose sums give the metrics, (N, 8 + 4 K).

    Columns: 1, the scores of the single clip; then per label hit, predicted, true, known.
    """
    truth, pred = cells.truth, cells.pred
    both, either = (truth & pred).sum(axis=1), (truth | pred).sum(axis=1)
    predicted, true = pred.sum(axis=1), truth.sum(axis=1)
    jaccard = both / np.maximum(either, 1)
    scores = [
        np.ones(len(truth)),
        jaccard,
        np.where(either == 0, 1.0, jaccard),
        both == either,
        (either - both) / cells.known.sum(axis=1),
        both / np.maximum(predicted, 1),
        both / np.maximum(true, 1),
        2 * both / np.maximum(predicted + true, 1),
    ]
    return np.column_stack([*scores, truth & pred, pred, truth, cells.known]).astype(np.float64)


def scalars(sums: Floats) -> dict[str, Floats]:
    """Return the metrics of ``SCALARS`` (...) of sums over clips (..., 8 + 4 K)."""
    count = sums[..., 0]
    metrics = {name: sums[..., i + 1] / count for i, name in enumerate(_PER_CLIP)}
    hits, predicted, true, _ = by_label(sums)
    micro = precision_recall_f1(hits.sum(axis=-1), predicted.sum(axis=-1), true.sum(axis=-1))
    scores = precision_recall_f1(hits, predicted, true)
    share = ratio(true, true.sum(axis=-1, keepdims=True))
    metrics |= {f"micro_{name}": score for name, score in micro.items()}
    metrics |= {f"macro_{name}": score.mean(axis=-1) for name, score in scores.items()}
    metrics |= {f"weighted_{name}": (score * share).sum(axis=-1) for name, score in scores.items()}
    older = older_protocol(sums)
    metrics |= {name: score.mean(axis=-1) for name, score in older.items()}
    return metrics


def older_protocol(sums: Floats) -> dict[str, Floats]:
    """Return the scores of each label as a separate task, (..., K), as papers before 2020 did.

    ``weighted_accuracy`` is (TP * N / P + TN) / 2N of Tong et al. (2017), with P positives and N
    negatives: the mean of the recalls of presence and absence, of those that occur.
    ``binary_weighted_f1`` is the F1 of presence and of absence, weighted by their frequency; an
    empty answer already scores .70 on CMU-MOSEI.
    """
    hits, predicted, true, known = by_label(sums)
    absent = known - true
    rejected = known - predicted - true + hits
    occurring = np.maximum((true > 0).astype(float) + (absent > 0), 1)
    recalls = ratio(hits, true) + ratio(rejected, absent)
    present_f1 = ratio(2 * hits, predicted + true)
    absent_f1 = ratio(2 * rejected, known - predicted + absent)
    return {
        "weighted_accuracy": recalls / occurring,
        "binary_weighted_f1": ratio(present_f1 * true + absent_f1 * absent, known),
    }


def by_label(sums: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return hits, predicted, true and known counts, (..., K) each."""
    hits, predicted, true, known = np.split(sums[..., 1 + len(_PER_CLIP) :], 4, axis=-1)
    return hits, predicted, true, known


def precision_recall_f1(hits: Floats, predicted: Floats, true: Floats) -> dict[str, Floats]:
    """Return the three scores of counts of equal shape."""
    return {
        "precision": ratio(hits, predicted),
        "recall": ratio(hits, true),
        "f1": ratio(2 * hits, predicted + true),
    }


def ratio(part: Floats, whole: Floats) -> Floats:
    """Return the quotient; 0 where the denominator is 0."""
    return np.asarray(part / np.where(whole == 0, 1.0, whole))
