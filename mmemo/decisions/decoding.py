"""From probabilities to one answer, chosen for the score that judges it.

The most probable set is the best answer only for exact match. For any score of one clip,
U(answer, truth), the best answer maximises its expectation under the distribution over sets.
Micro-F1 is not a mean over clips; a threshold on the marginals maximises it (Lipton et al. 2014:
half of the best F1, when they are calibrated). NumPy in, NumPy out; sets are indexed as in
``mmemo.labels``. N clips, K labels.
"""

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Floats, LabelSets, first_wrong
from mmemo.errors import DataError
from mmemo.labels import all_sets
from mmemo.metrics.checks import check_known_probs

UTILITIES: tuple[str, ...] = (
    "exact_match",
    "acc_jaccard_empty0",
    "acc_jaccard_empty1",
    "hamming_loss",
)
"""Metrics of ``mmemo.metrics`` that are means over clips, so that ``utility`` can serve them."""


def utility(metric: str, n_labels: int) -> Floats:
    """Return the score of each answer for each truth, ``(2**K, 2**K)``, answers by truths.

    Args:
        metric: one of ``UTILITIES``. Jaccard scores an empty answer to an empty truth 0 (the
            convention of the CMU-MOSEI literature) or 1, by its name; Hamming loss is negated.
        n_labels: K.

    Raises:
        DataError: another metric.
    """
    sets = all_sets(n_labels).astype(np.float64)
    sizes = sets.sum(axis=1)
    both = sets @ sets.T
    either = sizes[:, None] + sizes[None, :] - both
    if metric == "exact_match":
        return np.eye(len(sets))
    if metric == "hamming_loss":
        return -(either - both) / n_labels
    if metric in ("acc_jaccard_empty0", "acc_jaccard_empty1"):
        empty_pair = float(metric == "acc_jaccard_empty1")
        return np.asarray(np.where(either == 0, empty_pair, both / np.maximum(either, 1)))
    raise DataError(f"expected a metric among {', '.join(UTILITIES)}; got {metric!r}")


def expected_utility_decode(set_probs: ArrayLike, utility: ArrayLike) -> LabelSets:
    """Return for each clip the set of highest expected utility.

    Args:
        set_probs: (N, 2**K), p(set | clip).
        utility: ``(2**K, 2**K)``, the score of an answer (row) for a truth (column).

    Returns:
        (N, K) of 0 and 1; among equals, the set of lowest index.

    Raises:
        DataError: the shapes do not fit, or a probability is not finite.
    """
    probs, table = np.asarray(set_probs, dtype=np.float64), np.asarray(utility, dtype=np.float64)
    if probs.ndim != 2 or table.shape != (probs.shape[1], probs.shape[1]):
        raise DataError(
            f"expected set_probs (N, S) and utility (S, S); got {probs.shape} and {table.shape}"
        )
    n_labels = (len(table) - 1).bit_length()
    if len(table) != 1 << n_labels:
        raise DataError(f"expected 2**K sets; got {len(table)}")
    wrong = first_wrong(probs, np.isfinite(probs))
    if wrong is not None:
        raise DataError(f"expected finite set_probs; got {wrong}")
    return all_sets(n_labels)[(probs @ table.T).argmax(axis=1)]


def decode_map(set_probs: ArrayLike) -> LabelSets:
    """Return the most probable set: (N, 2**K) -> (N, K); best for exact match."""
    return _decode_for("exact_match", set_probs)


def decode_jaccard(set_probs: ArrayLike, *, empty_pair: bool = False) -> LabelSets:
    """Return the set of highest expected Jaccard index: (N, 2**K) -> (N, K).

    Args:
        set_probs: (N, 2**K), p(set | clip).
        empty_pair: whether an empty answer to an empty truth scores 1. In the convention of the
            CMU-MOSEI literature it scores 0, so the answer is never empty.
    """
    return _decode_for(f"acc_jaccard_empty{int(empty_pair)}", set_probs)


def decode_hamming(set_probs: ArrayLike) -> LabelSets:
    """Return the set of lowest expected Hamming loss: (N, 2**K) -> (N, K).

    The loss is a sum over labels, so these are the labels with a marginal above one half.
    """
    return _decode_for("hamming_loss", set_probs)


def decode_threshold(marginals: ArrayLike, thresholds: ArrayLike) -> LabelSets:
    """Return the labels whose marginal (N, K) reaches a threshold: a number, (K,) or (N, K)."""
    return (np.asarray(marginals) >= np.asarray(thresholds)).astype(np.int8)


def _decode_for(metric: str, set_probs: ArrayLike) -> LabelSets:
    n_labels = (np.shape(set_probs)[-1] - 1).bit_length()
    return expected_utility_decode(set_probs, utility(metric, n_labels))


def tune_threshold(probs: ArrayLike, truth: ArrayLike) -> float:
    """Return the single threshold on all marginals with the highest micro-F1.

    Every distinct threshold is tried. The result lies midway between the lowest probability above
    it and the highest below it; without any positive label it is 1.

    Args:
        probs: (N, K) marginals of the validation clips, never of the test clips.
        truth: (N, K) of 0 and 1.

    Raises:
        DataError: see ``check_known_probs``.
    """
    y_true, y_prob = check_known_probs(truth, probs)
    return _best_threshold(y_prob.ravel(), y_true.ravel())


def tune_label_thresholds(probs: ArrayLike, truth: ArrayLike) -> Floats:
    """Return the threshold of highest F1 per label, (K,): together the best macro-F1.

    Rare labels have few positives to tune on: expect lower scores on other clips than on these, and
    lower than those of ``mmemo.decisions.thresholds``.
    Arguments and errors are those of ``tune_threshold``.
    """
    y_true, y_prob = check_known_probs(truth, probs)
    columns = zip(y_prob.T, y_true.T, strict=True)
    return np.array([_best_threshold(*column) for column in columns])


def _best_threshold(probs: Floats, truth: Floats) -> float:
    order = np.argsort(-probs, kind="stable")
    ranked, hits = probs[order], np.cumsum(truth[order])
    if hits[-1] == 0:
        return 1.0
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + hits[-1])
    following = np.append(ranked[1:], 0.0)
    # No threshold can separate equal probabilities.
    f1[:-1][ranked[:-1] == ranked[1:]] = -1.0
    best = int(f1.argmax())
    return float((ranked[best] + following[best]) / 2)
