"""From probabilities to one answer, chosen for what the answer will be judged by.

The set with the highest probability is the best answer only if nothing but an exact match counts.
For any score of one clip, U(answer, truth), the best answer maximises its expectation under the
distribution over sets; micro-F1 is no mean over clips, and is maximised by a threshold on the
marginals (Lipton et al. 2014: half of the best F1, when they are calibrated). NumPy in, NumPy out;
sets are indexed as in ``mmemo.labels``. N clips, K labels.
"""

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Bools, Floats, LabelSets
from mmemo.errors import DataError
from mmemo.labels import all_sets

UTILITIES: tuple[str, ...] = (
    "exact_match",
    "acc_jaccard_empty0",
    "acc_jaccard_empty1",
    "hamming_loss",
)
"""Metrics of ``mmemo.metrics`` that are means over clips, so that ``utility`` can serve them."""


def utility(metric: str, n_labels: int) -> Floats:
    """Tabulate what each answer earns for each truth, shape ``(2**K, 2**K)``, answers by truths.

    Args:
        metric: one of ``UTILITIES``. Jaccard scores an empty answer to an empty truth 0 (the
            convention of the CMU-MOSEI literature) or 1, as its name says; Hamming loss is negated.
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
    """Answer each clip with the set of highest expected utility.

    Args:
        set_probs: (N, 2**K), p(set | clip).
        utility: ``(2**K, 2**K)``, what an answer (row) earns for a truth (column).

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
    if not np.isfinite(probs).all():
        raise DataError("expected finite set_probs; got NaN or infinity")
    return all_sets(n_labels)[(probs @ table.T).argmax(axis=1)]


def decode_map(set_probs: ArrayLike) -> LabelSets:
    """Answer with the most probable set: (N, 2**K) -> (N, K); best for exact match."""
    return _decode_for("exact_match", set_probs)


def decode_jaccard(set_probs: ArrayLike, *, empty_pair: bool = False) -> LabelSets:
    """Answer for the highest expected Jaccard index: (N, 2**K) -> (N, K).

    Args:
        set_probs: (N, 2**K), p(set | clip).
        empty_pair: whether an empty answer to an empty truth scores 1. In the convention of the
            CMU-MOSEI literature it scores 0, so the answer is never empty.
    """
    return _decode_for(f"acc_jaccard_empty{int(empty_pair)}", set_probs)


def decode_hamming(set_probs: ArrayLike) -> LabelSets:
    """Answer for the lowest expected Hamming loss: (N, 2**K) -> (N, K).

    The loss is a sum over labels, so this is every label with a marginal of more than one half.
    """
    return _decode_for("hamming_loss", set_probs)


def decode_threshold(marginals: ArrayLike, thresholds: ArrayLike) -> LabelSets:
    """Answer with every label whose marginal (N, K) reaches a threshold: one, (K,) or (N, K)."""
    return (np.asarray(marginals) >= np.asarray(thresholds)).astype(np.int8)


def _decode_for(metric: str, set_probs: ArrayLike) -> LabelSets:
    n_labels = (np.shape(set_probs)[-1] - 1).bit_length()
    return expected_utility_decode(set_probs, utility(metric, n_labels))


def tune_threshold(probs: ArrayLike, truth: ArrayLike) -> float:
    """Find the one threshold on all marginals with the highest micro-F1.

    Every distinct threshold is tried. The one returned lies midway between the last probability
    that is let in and the first that is not; without a positive label anywhere it is 1.

    Args:
        probs: (N, K) marginals of the validation clips, never of the test clips.
        truth: (N, K) of 0 and 1.

    Raises:
        DataError: the shapes differ, there is no clip, or a probability is not finite.
    """
    checked_probs, checked_truth = _check(probs, truth)
    return _best_threshold(checked_probs.ravel(), checked_truth.ravel())


def tune_label_thresholds(probs: ArrayLike, truth: ArrayLike) -> Floats:
    """Find each label's own threshold, (K,), with the highest F1: together the best macro-F1.

    Rare labels have few positives to tune on: expect less on other clips than on these, and less
    than ``mmemo.decisions.thresholds`` gives there.
    Arguments and errors are those of ``tune_threshold``.
    """
    checked_probs, checked_truth = _check(probs, truth)
    columns = zip(checked_probs.T, checked_truth.T, strict=True)
    return np.array([_best_threshold(column, wanted) for column, wanted in columns])


def _check(probs: ArrayLike, truth: ArrayLike) -> tuple[Floats, Bools]:
    checked = np.asarray(probs, dtype=np.float64)
    wanted = np.asarray(truth)
    if checked.ndim != 2 or checked.shape != wanted.shape or not checked.size:
        raise DataError(
            f"expected probs and truth of one shape (N, K); got {checked.shape} and {wanted.shape}"
        )
    if not np.isfinite(checked).all():
        raise DataError("expected finite probs; got NaN or infinity")
    return checked, wanted.astype(bool)


def _best_threshold(probs: Floats, truth: Bools) -> float:
    order = np.argsort(-probs, kind="stable")
    ranked, hits = probs[order], np.cumsum(truth[order])
    if hits[-1] == 0:
        return 1.0
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + hits[-1])
    following = np.append(ranked[1:], 0.0)
    # Between equal probabilities no threshold can stand.
    f1[:-1][ranked[:-1] == ranked[1:]] = -1.0
    best = int(f1.argmax())
    return float((ranked[best] + following[best]) / 2)
