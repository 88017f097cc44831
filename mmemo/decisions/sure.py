"""Decisions for people: labels that are mostly right, and how far an answer can be relied on.

The thresholds of the field's metrics give every clip about as many labels as annotators would, and
half of them may be wrong. Here a label is given where, on validation clips of which the same
channels were read, at least ``PRECISION`` of such labels were right. A clip may get none.

An answer's ``confidence`` is the probability that all its labels are present or, without a label,
that none is. ``likely`` is an answer of a confidence at which at least ``LIKELY`` of the validation
answers were right, in this sense; ``possible`` likewise with ``POSSIBLE``.

N clips, K labels, S = 2**K sets.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmemo.arrays import Bools, Floats, LabelSets
from mmemo.labels import all_sets
from mmemo.prediction import Reliability

PRECISION = 0.6
MOST_FALSE = 0.4
"""False labels per clip."""
LIKELY, POSSIBLE = 0.8, 0.4
"""Fitted with a margin: of clips of other people, 7 in 10 likely answers should be right."""
FEWEST, FEWEST_ANSWERS = 30, 200
"""Labels from which a precision, and answers from which a reliability is estimated."""
NEVER = 2.0
"""A threshold that no probability reaches."""


@dataclass(frozen=True)
class SureDecision:
    """The decision for clips of which certain channels were read.

    Attributes:
        thresholds: K thresholds on the marginals, ``NEVER`` where no label was sure enough.
        precision: K shares of the given labels that were right on the validation clips; 0: none.
        recall: K shares of the present labels that were given.
        likely: confidence from which an answer with labels, and one without, is likely.
        possible: the same for possible.
    """

    thresholds: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    likely: tuple[float, ...]
    possible: tuple[float, ...]

    def reliability(self, confidence: float, *, labelled: bool) -> Reliability:
        """Name how far an answer can be relied on.

        Args:
            confidence: of the answer.
            labelled: whether it has a label.
        """
        which = 0 if labelled else 1
        if confidence >= self.likely[which]:
            return "likely"
        return "possible" if confidence >= self.possible[which] else "cannot tell"


def confidences(set_log_probs: Floats, answers: LabelSets) -> Floats:
    """Return the confidence of each answer, (N,).

    Args:
        set_log_probs: (N, S).
        answers: (N, K) multi-hot.
    """
    sets = all_sets(answers.shape[1])
    probs = np.exp(set_log_probs)
    contains = (sets[None] >= answers[:, None]).all(axis=2)
    with_labels = (probs * contains).sum(axis=1)
    return np.where(answers.any(axis=1), with_labels, probs[:, 0])


def right(answers: LabelSets, truth: LabelSets) -> Bools:
    """Return whether all labels of an answer are present and, without a label, none is, (N,)."""
    labels_right = (truth >= answers).all(axis=1)
    return np.where(answers.any(axis=1), labels_right, ~truth.any(axis=1).astype(bool))


def fit_decision(
    set_log_probs: Floats, truth: LabelSets, weights: Floats | None = None
) -> SureDecision:
    """Fit the decision on validation clips of which the same channels were read.

    Args:
        set_log_probs: (N, S) calibrated log p(set | clip).
        truth: (N, K).
        weights: (N,) of the clips; by default equal.
    """
    weight = np.ones(len(truth)) if weights is None else weights
    marginals = np.exp(set_log_probs) @ all_sets(truth.shape[1]).astype(np.float64)
    thresholds = _thresholds(marginals, truth, weight)
    answers = (marginals >= thresholds).astype(np.int8)
    hits = weight @ (answers * truth)
    confidence, correct = confidences(set_log_probs, answers), right(answers, truth)
    labelled = answers.any(axis=1)

    def limits(share: float) -> tuple[float, ...]:
        """Return the limits of answers with and without labels."""
        return tuple(
            _limit(confidence[part], correct[part], weight[part], share, FEWEST_ANSWERS)
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
                _limit(column, labels == 1, weight, float(precision))
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
    fewest: int = FEWEST,
) -> float:
    """Return the lowest score from which at least ``share`` are correct, ``NEVER`` if none is.

    Scores are cut midway between two; fewer than ``fewest`` above a cut prove nothing.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, hits, mass = scores[order], (weight * correct)[order].cumsum(), weight[order].cumsum()
    enough = np.arange(1, len(ranked) + 1) >= fewest
    last = np.r_[ranked[1:] < ranked[:-1], True]  # equal scores stay together
    good = np.flatnonzero((hits >= share * mass) & enough & last)
    if not len(good):
        return NEVER
    lowest = good[-1]
    following = ranked[lowest + 1] if lowest + 1 < len(ranked) else 0.0
    return float((ranked[lowest] + following) / 2)
