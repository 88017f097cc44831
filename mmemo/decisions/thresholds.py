"""Thresholds of highest expected F1: more stable than those that were best on validation clips.

The threshold with the highest F1 on a few hundred clips overfits to them, most of all for rare
labels. Here each label's probabilities are first calibrated (Platt 1999: two numbers per label).
The threshold is then the one of highest expected F1: 2 * sum of the probabilities above it /
(number above it + sum of all), the plug-in rule of Ye et al. (ICML 2012). The labels of single
clips enter only through the two numbers. It raises macro-F1. The single threshold for micro-F1
does not overfit; see ``mmemo.decisions.decoding.tune_threshold``.
``python -m benchmarks.thresholds`` measures both.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit, logit

from mmemo.arrays import Floats
from mmemo.metrics.checks import check_known_probs

_LEAST_SLOPE = 0.05
"""Probabilities that rank the clips wrongly are flattened, never inverted."""
_EDGE = 1e-6


def expected_f1_thresholds(probs: ArrayLike, truth: ArrayLike) -> Floats:
    """Return each label's threshold, (K,), on the model's probabilities, for macro-F1.

    Args:
        probs: (N, K) marginals of the validation clips, never of the test clips.
        truth: (N, K) of 0 and 1.

    Returns:
        Thresholds; 1 for a label that no clip carries.

    Raises:
        DataError: see ``check_known_probs``.
    """
    y_true, y_prob = check_known_probs(truth, probs)
    return np.array([_threshold(*column) for column in zip(y_prob.T, y_true.T, strict=True)])


def _threshold(probs: Floats, truth: Floats) -> float:
    if not truth.any():
        return 1.0
    scores = logit(np.clip(probs, _EDGE, 1 - _EDGE))
    slope, offset = _platt(scores, truth)
    cut = _best_cut(expit(slope * scores + offset))
    return float(expit((logit(np.clip(cut, _EDGE, 1 - _EDGE)) - offset) / slope))


def _best_cut(probs: Floats) -> float:
    """Return the cut of highest expected F1, midway between two probabilities."""
    ranked = np.sort(probs)[::-1]
    n_above = np.arange(1, len(ranked) + 1)
    best = int((2 * np.cumsum(ranked) / (n_above + ranked.sum())).argmax())
    following = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + following) / 2)


def _platt(scores: Floats, truth: Floats) -> tuple[float, float]:
    """Fit truth ~ sigmoid(slope * score + offset), with Platt's targets just inside 0 and 1."""
    positives = truth.sum()
    high, low = (positives + 1) / (positives + 2), 1 / (len(truth) - positives + 2)
    target = np.where(truth == 1, high, low)

    def loss(line: Floats) -> tuple[float, Floats]:
        z = line[0] * scores + line[1]
        residual = expit(z) - target
        value = (np.logaddexp(0, z) - target * z).mean()
        return float(value), np.array([(residual * scores).mean(), residual.mean()])

    fitted = minimize(
        loss, np.array([1.0, 0.0]), jac=True, bounds=[(_LEAST_SLOPE, 20.0), (-30.0, 30.0)]
    )
    return float(fitted.x[0]), float(fitted.x[1])
