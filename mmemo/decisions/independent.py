"""Likelihoods and answers where labels are independent, given the clip: no set is listed.

The expected Jaccard index of an answer A is the sum of its labels' probabilities times
``E[1 / (|A| + X)]``, where X counts the true labels outside A and is independent of those inside.
A label swapped for a more probable one raises both factors, so the best answer of each size has the
most probable labels, and K + 1 answers are compared. X has a Poisson-binomial distribution, which a
recursion over the labels gives exactly: O(K^2) per clip. The F-measure has algorithms of the same
kind (Ye et al., ICML 2012; Waegeman et al., JMLR 2014).

N clips, K labels.
"""

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Floats, LabelSets
from mmemo.metrics.checks import known_cells


def independent_jaccard(probs: Floats, *, empty_pair: bool) -> LabelSets:
    """Return the set of highest expected Jaccard index: (N, K) -> (N, K).

    Args:
        probs: (N, K) p(label | clip).
        empty_pair: whether an empty answer to an empty truth scores 1; otherwise it scores 0.
    """
    clips, n_labels = probs.shape
    order = np.argsort(-probs, axis=1, kind="stable")
    ranked = np.take_along_axis(probs, order, axis=1)
    expected = np.zeros((clips, n_labels + 1))
    outside = np.zeros((clips, n_labels + 1))  # p(X = x)
    outside[:, 0] = 1.0
    gained = ranked.cumsum(axis=1)
    others = np.arange(n_labels + 1)
    for size in range(n_labels, 0, -1):
        expected[:, size] = gained[:, size - 1] * (outside / (size + others)).sum(axis=1)
        left_out = ranked[:, size - 1, None]
        outside[:, 1:] = outside[:, 1:] * (1 - left_out) + outside[:, :-1] * left_out
        outside[:, 0] *= 1 - left_out[:, 0]
    expected[:, 0] = outside[:, 0] * empty_pair
    answers = np.zeros((clips, n_labels), dtype=np.int8)
    chosen = np.arange(n_labels) < expected.argmax(axis=1)[:, None]
    np.put_along_axis(answers, order, chosen.astype(np.int8), axis=1)
    return answers


def independent_confidences(log_odds: Floats, answers: LabelSets) -> Floats:
    """Return the probability that all labels of an answer are present; without one, that none is.

    Args:
        log_odds: (N, K) of the labels.
        answers: (N, K) multi-hot.

    Returns:
        (N,).
    """
    all_present = (-np.logaddexp(0, -log_odds) * answers).sum(axis=1)
    none_present = -np.logaddexp(0, log_odds).sum(axis=1)
    return np.exp(np.where(answers.any(axis=1), all_present, none_present))


def label_losses(log_odds: Floats, truth: ArrayLike) -> Floats:
    """Return the negative log-likelihood of each clip's set, (N,), in nats.

    Args:
        log_odds: (N, K) of the labels.
        truth: (N, K) of 0 and 1; NaN where unknown, which counts nothing.

    Raises:
        DataError: a clip has no known label.
    """
    y_true = np.asarray(truth, dtype=np.float64)
    known = known_cells(y_true)
    losses = np.logaddexp(0, np.where(y_true == 1, -log_odds, log_odds))
    return np.asarray((losses * known).sum(axis=1))
