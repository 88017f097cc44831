"""Fit the decision for people on validation clips of which the same channels were read.

A label is given where two things are true of those clips: at least ``PRECISION`` of all such labels
were right, and so were at least ``AT_THRESHOLD`` of those about as probable as this one.

``likely`` is an answer if of the validation answers about as confident as this one at least
``LIKELY`` were right: all labels present or, without a label, none; ``possible`` likewise with
``POSSIBLE``.

N clips, K labels.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from mmemo.arrays import Bools, Floats, LabelSets
from mmemo.decisions.set_distributions import SetDistribution
from mmemo.decisions.sure import NEVER, SureDecision

PRECISION, AT_THRESHOLD = 0.6, 0.5
"""Labels of a frequent emotion may be right on average, and mostly wrong where they are least
probable."""
MOST_FALSE = 0.4
"""False labels per clip."""
LIKELY, POSSIBLE = 0.75, 0.4
"""Fitted with a margin: of clips of other people, 7 in 10 likely answers should be right."""
FEWEST, FEWEST_ANSWERS = 30, 100
"""Labels from which a precision, and answers from which a reliability is estimated."""


def right(answers: LabelSets, truth: LabelSets) -> Bools:
    """Return whether all labels of an answer are present and, without a label, none is, (N,)."""
    labels_right = (truth >= answers).all(axis=1)
    return np.where(answers.any(axis=1), labels_right, ~truth.any(axis=1).astype(bool))


def fit_decision(
    sets: SetDistribution, truth: LabelSets, weights: Floats | None = None
) -> SureDecision:
    """Fit the decision on validation clips of which the same channels were read.

    Args:
        sets: p(set | clip) of N clips, calibrated.
        truth: (N, K).
        weights: (N,) of the clips; by default equal.
    """
    weight = np.ones(len(truth)) if weights is None else weights
    marginals = sets.marginals()
    thresholds = _thresholds(marginals, truth, weight)
    answers = (marginals >= thresholds).astype(np.int8)
    hits = weight @ (answers * truth)
    confidence, correct = sets.confidences(answers), right(answers, truth)
    labelled = answers.any(axis=1)

    def limits(share: float) -> tuple[float, ...]:
        """Return the limits of answers with and without labels."""
        return tuple(
            _limit(
                confidence[part],
                correct[part],
                weight[part],
                share,
                at_limit=share,
                fewest=FEWEST_ANSWERS,
            )
            for part in (labelled, ~labelled)
        )

    return SureDecision(
        thresholds=tuple(thresholds.tolist()),
        precision=tuple((hits / np.maximum(weight @ answers, 1e-9)).tolist()),
        recall=tuple((hits / np.maximum(weight @ truth, 1e-9)).tolist()),
        likely=limits(LIKELY),
        possible=limits(POSSIBLE),
    )


def _thresholds(marginals: Floats, truth: LabelSets, weight: Floats) -> Floats:
    """Return the lowest thresholds that keep the precision, and false labels below the limit."""
    for precision in np.arange(PRECISION, 1.0, 0.02):
        thresholds = np.array(
            [
                _limit(column, labels == 1, weight, float(precision), at_limit=AT_THRESHOLD)
                for column, labels in zip(marginals.T, truth.T, strict=True)
            ]
        )
        false = weight @ ((marginals >= thresholds) & (truth == 0)).sum(axis=1) / weight.sum()
        if false <= MOST_FALSE:
            return thresholds
    return np.full(marginals.shape[1], NEVER)


def _limit(
    scores: Floats,
    correct: NDArray[np.bool_],
    weight: Floats,
    share: float,
    *,
    at_limit: float = 0.0,
    fewest: int = FEWEST,
) -> float:
    """Return the lowest score from which at least ``share`` are correct, ``NEVER`` if none is.

    Scores are cut midway between two; fewer than ``fewest`` above a cut prove nothing. Of scores
    about as high as the lowest above the cut, at least ``at_limit`` are correct: that share is
    taken to rise with the score.
    """
    if not len(scores):
        return NEVER
    order = np.argsort(-scores, kind="stable")
    ranked, hits, mass = scores[order], (weight * correct)[order].cumsum(), weight[order].cumsum()
    shares = isotonic_regression(correct[order], weights=weight[order], increasing=False).x
    enough = np.arange(1, len(ranked) + 1) >= fewest
    last = np.r_[ranked[1:] < ranked[:-1], True]  # equal scores stay together
    good = np.flatnonzero((hits >= share * mass) & (shares >= at_limit) & enough & last)
    if not len(good):
        return NEVER
    lowest = good[-1]
    following = ranked[lowest + 1] if lowest + 1 < len(ranked) else 0.0
    return float((ranked[lowest] + following) / 2)
