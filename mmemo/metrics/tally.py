"""What every score of decided label sets is made of: sums over clips.

A score is a function of sums over clips, so a resampled data set is a weighted sum of rows, and
bootstrap and permutation cost one matrix product. N clips, K labels. ``truth`` (N, K) holds 0, 1,
or NaN where nobody annotated a label; an unknown label counts in no score.

Two conventions differ in the literature and are told apart here. ``acc_jaccard_empty0`` is what
papers on CMU-MOSEI call accuracy: the mean over clips of |truth and pred| / |truth or pred|, where
a clip without labels that is rightly given none scores 0; ``acc_jaccard_empty1`` scores it 1.
Precision, recall and F1 are 0 where their denominator is 0 (scikit-learn's ``zero_division=0``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmemo.arrays import Bools, Floats
from mmemo.errors import DataError

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


@dataclass(frozen=True)
class Checked:
    """Truth and answers that fit each other: (N, K) bool each; ``known`` is False for NaN."""

    truth: Bools
    pred: Bools
    known: Bools


def check(truth: ArrayLike, pred: ArrayLike, labels: Sequence[str]) -> Checked:
    """Bring truth and answers into one form; unknown cells become False in both.

    Raises:
        DataError: shapes differ, there is no clip, K is not the number of labels, an entry is
            neither 0 nor 1 (nor NaN, in truth), or a clip has no known label.
    """
    wanted, given = np.asarray(truth), np.asarray(pred)
    if wanted.ndim != 2 or wanted.shape != given.shape or not wanted.size:
        raise DataError(
            f"expected truth and pred of one shape (N, K); got {wanted.shape} and {given.shape}"
        )
    if wanted.shape[1] != len(labels):
        raise DataError(f"expected {len(labels)} label columns; got {wanted.shape[1]}")
    known = known_cells(wanted)
    for name, array, cells in (("truth", wanted, known), ("pred", given, np.ones_like(known))):
        if not np.isin(array[cells], (0, 1)).all():
            raise DataError(f"expected {name} of 0 and 1; got other values")
    return Checked((wanted == 1) & known, (given == 1) & known, known)


def known_cells(truth: NDArray[np.generic]) -> Bools:
    """Tell which cells of truth (N, K) are annotated.

    Raises:
        DataError: a clip has none.
    """
    known = np.asarray(~np.isnan(truth.astype(np.float64)))
    if not known.any(axis=1).all():
        raise DataError("expected truth of 0 and 1 (or NaN for unknown); a clip has no known label")
    return known


def row_sums(cells: Checked) -> Floats:
    """Return per clip what the metrics are made of, (N, 8 + 4 K).

    Columns: 1, the scores of the clip alone; then per label hit, predicted, true, known.
    """
    truth, pred = cells.truth, cells.pred
    both, either = (truth & pred).sum(axis=1), (truth | pred).sum(axis=1)
    given, wanted = pred.sum(axis=1), truth.sum(axis=1)
    jaccard = both / np.maximum(either, 1)
    scores = [
        np.ones(len(truth)),
        jaccard,
        np.where(either == 0, 1.0, jaccard),
        both == either,
        (either - both) / cells.known.sum(axis=1),
        both / np.maximum(given, 1),
        both / np.maximum(wanted, 1),
        2 * both / np.maximum(given + wanted, 1),
    ]
    return np.column_stack([*scores, truth & pred, pred, truth, cells.known]).astype(np.float64)


def scalars(sums: Floats) -> dict[str, Floats]:
    """Turn sums over clips (..., 8 + 4 K) into the metrics of ``SCALARS`` (...)."""
    count = sums[..., 0]
    metrics = {name: sums[..., i + 1] / count for i, name in enumerate(_PER_CLIP)}
    hits, given, wanted, _ = by_label(sums)
    micro = precision_recall_f1(hits.sum(axis=-1), given.sum(axis=-1), wanted.sum(axis=-1))
    scores = precision_recall_f1(hits, given, wanted)
    share = ratio(wanted, wanted.sum(axis=-1, keepdims=True))
    metrics |= {f"micro_{name}": score for name, score in micro.items()}
    metrics |= {f"macro_{name}": score.mean(axis=-1) for name, score in scores.items()}
    metrics |= {f"weighted_{name}": (score * share).sum(axis=-1) for name, score in scores.items()}
    older = older_protocol(sums)
    metrics |= {name: score.mean(axis=-1) for name, score in older.items()}
    return metrics


def older_protocol(sums: Floats) -> dict[str, Floats]:
    """Return the scores of each label as a task of its own, (..., K), as papers before 2020 did.

    ``weighted_accuracy`` is (TP * N / P + TN) / 2N of Tong et al. (2017), with P positives and N
    negatives: the mean of the recalls of presence and absence (only of that which occurs).
    ``binary_weighted_f1`` is the F1 of presence and of absence, weighted by how often each occurs;
    saying nothing at all already earns .70 on CMU-MOSEI.
    """
    hits, given, wanted, known = by_label(sums)
    absent = known - wanted
    rejected = known - given - wanted + hits
    occurring = np.maximum((wanted > 0).astype(float) + (absent > 0), 1)
    recalls = ratio(hits, wanted) + ratio(rejected, absent)
    present_f1 = ratio(2 * hits, given + wanted)
    absent_f1 = ratio(2 * rejected, known - given + absent)
    return {
        "weighted_accuracy": recalls / occurring,
        "binary_weighted_f1": ratio(present_f1 * wanted + absent_f1 * absent, known),
    }


def by_label(sums: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return hits, predicted, true and known counts, (..., K) each."""
    hits, given, wanted, known = np.split(sums[..., 1 + len(_PER_CLIP) :], 4, axis=-1)
    return hits, given, wanted, known


def precision_recall_f1(hits: Floats, given: Floats, wanted: Floats) -> dict[str, Floats]:
    """Return the three scores of counts of any one shape."""
    return {
        "precision": ratio(hits, given),
        "recall": ratio(hits, wanted),
        "f1": ratio(2 * hits, given + wanted),
    }


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide; 0 where the denominator is 0."""
    return np.asarray(part / np.where(whole == 0, 1.0, whole))
