"""Decisions for people: labels that are mostly right, and how far an answer can be relied on.

The thresholds of the field's metrics give every clip about as many labels as annotators would, and
half of them may be wrong. The thresholds here are those of ``fit_decision``: a label is given where
such labels were mostly right. A clip may get none.

An answer's ``confidence`` is the probability that all its labels are present or, without a label,
that none is.

N clips, K labels, S = 2**K sets.
"""

from dataclasses import dataclass

import numpy as np

from mmemo.arrays import Floats, LabelSets
from mmemo.labels import all_sets
from mmemo.prediction import Reliability

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
