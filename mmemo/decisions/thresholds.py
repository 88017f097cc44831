"""Thresholds for F1 by expectation: steadier than those that were best on the validation clips.

The threshold with the highest F1 on a few hundred clips fits their accidents, most of all for rare
labels. Here each label's probability is first brought in line with how often the label is there
(Platt 1999: two numbers a label), and the threshold is then the one with the highest F1 to be
expected of these probabilities: 2 * sum of those let in / (how many are let in + sum of all), the
plug-in rule of Ye et al. (ICML 2012). Which clips happened to carry the label enters only through
the two numbers. It raises macro-F1; one threshold for micro-F1 has no such accidents to fit, and
``mmemo.decisions.decoding.tune_threshold`` finds it. ``python -m benchmarks.thresholds`` measures
both.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit, logit

from mmemo.arrays import Floats
from mmemo.errors import DataError

_LEAST_SLOPE = 0.05
"""Probabilities that order the clips wrongly are flattened, never turned around."""
_EDGE = 1e-6


def expected_f1_thresholds(probs: ArrayLike, truth: ArrayLike) -> Floats:
    """Choose each label's threshold, (K,), on its probability as the model gives it, for macro-F1.

    Args:
        probs: (N, K) marginals of the validation clips, never of the test clips.
        truth: (N, K) of 0 and 1.

    Returns:
        Thresholds; a label that no clip carries has 1.

    Raises:
        DataError: the shapes differ, there is no clip, or a number is out of range.
    """
    given, wanted = np.asarray(probs, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if given.ndim != 2 or given.shape != wanted.shape or not given.size:
        raise DataError(
            f"expected probs and truth of one shape (N, K); got {given.shape} and {wanted.shape}"
        )
    if not ((given >= 0) & (given <= 1)).all() or not np.isin(wanted, (0, 1)).all():
        raise DataError("expected probabilities from 0 to 1 and truth of 0 and 1")
    return np.array([_threshold(p, t) for p, t in zip(given.T, wanted.T, strict=True)])


def _threshold(probs: Floats, truth: Floats) -> float:
    if not truth.any():
        return 1.0
    scores = logit(np.clip(probs, _EDGE, 1 - _EDGE))
    slope, offset = _platt(scores, truth)
    cut = _best_cut(expit(slope * scores + offset))
    return float(expit((logit(np.clip(cut, _EDGE, 1 - _EDGE)) - offset) / slope))


def _best_cut(probs: Floats) -> float:
    """Find the cut with the highest expected F1, midway between two probabilities."""
    ranked = np.sort(probs)[::-1]
    let_in = np.arange(1, len(ranked) + 1)
    best = int((2 * np.cumsum(ranked) / (let_in + ranked.sum())).argmax())
    following = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + following) / 2)


def _platt(scores: Floats, truth: Floats) -> tuple[float, float]:
    """Fit truth ~ sigmoid(slope * score + offset), with Platt's targets just short of 0 and 1."""
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
