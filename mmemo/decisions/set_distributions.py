"""Distributions over label sets in two forms, with one set of questions to both.

- ``ListedSets``: the probability of each of the ``2**K`` sets, for at most ``MOST_LISTED`` labels.
- ``IndependentLabels``: the log-odds of each label. The probability of a set is a product, so the
  sets need not be listed, and K may be any number.

N clips, K labels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from mmemo.arrays import Floats, Ints, LabelSets
from mmemo.decisions.calibration import Calibration, Read, fit_temperature, search_temperature
from mmemo.decisions.decoding import decode_hamming, decode_jaccard, decode_map
from mmemo.decisions.independent import (
    independent_confidences,
    independent_jaccard,
    label_losses,
)
from mmemo.decisions.sure import confidences
from mmemo.labels import all_sets
from mmemo.metrics import set_nll

_EDGE = 1e-12
"""Marginals are kept this far from 0 and 1, where log-odds are infinite."""

_OVER_LISTED: Mapping[str, Callable[[Floats], LabelSets]] = {
    "jaccard": decode_jaccard,
    "jaccard1": partial(decode_jaccard, empty_pair=True),
    "hamming": decode_hamming,
    "map": decode_map,
}
SET_DECODERS: tuple[str, ...] = tuple(_OVER_LISTED)


@dataclass(frozen=True, eq=False)
class ListedSets:
    """The probability of every set.

    Attributes:
        log_probs: (N, 2**K) log p(set | clip); sets are indexed as in ``mmemo.labels``.
    """

    log_probs: Floats

    def of_clips(self, rows: Ints) -> "ListedSets":
        """Return the distributions of some of the clips."""
        return ListedSets(self.log_probs[rows])

    def marginals(self) -> Floats:
        """Return p(label | clip), (N, K)."""
        n_labels = (self.log_probs.shape[1] - 1).bit_length()
        return np.asarray(np.exp(self.log_probs) @ all_sets(n_labels).astype(np.float64))

    def calibrated(
        self, calibration: Calibration, read: Sequence[Read]
    ) -> tuple["ListedSets", Floats]:
        """Return the calibrated distributions, and their marginals (N, K)."""
        log_probs, marginals = calibration(self.log_probs, read)
        return ListedSets(log_probs), marginals

    def decode(self, decoder: str) -> LabelSets:
        """Return the best sets (N, K) for the score of one of ``SET_DECODERS``."""
        return _OVER_LISTED[decoder](np.exp(self.log_probs))

    def confidences(self, answers: LabelSets) -> Floats:
        """Return the confidence (N,) of answers (N, K); see ``mmemo.decisions.sure``."""
        return confidences(self.log_probs, answers)

    def nll(self, truth: ArrayLike) -> float:
        """Return the mean negative log-likelihood of the true sets (N, K), in nats."""
        return set_nll(truth=truth, set_log_probs=self.log_probs)

    def temperature(self, truth: ArrayLike) -> float:
        """Return the temperature with the highest likelihood of the true sets (N, K)."""
        return fit_temperature(self.log_probs, truth)


@dataclass(frozen=True, eq=False)
class IndependentLabels:
    """Labels that are independent, given the clip.

    Attributes:
        log_odds: (N, K) log p(label | clip) / (1 - p(label | clip)).
    """

    log_odds: Floats

    def of_clips(self, rows: Ints) -> "IndependentLabels":
        """Return the distributions of some of the clips."""
        return IndependentLabels(self.log_odds[rows])

    def marginals(self) -> Floats:
        """Return p(label | clip), (N, K)."""
        return np.asarray(expit(self.log_odds))

    def calibrated(
        self, calibration: Calibration, read: Sequence[Read]
    ) -> tuple["IndependentLabels", Floats]:
        """Return the calibrated distributions, and their marginals (N, K).

        The logarithmic pool of two products is the product of the pools of their labels, so
        log-odds are averaged. The calibration's prior has the probability of each label, (K,).
        """
        log_odds = self.log_odds / calibration.temperature
        if calibration.prior is not None:
            shares = calibration.shares(read)[:, None]
            prior = logit(np.clip(calibration.prior, _EDGE, 1 - _EDGE))
            log_odds = (1 - shares) * log_odds + shares * prior
        calibrated = IndependentLabels(log_odds)
        return calibrated, calibrated.marginals()

    def decode(self, decoder: str) -> LabelSets:
        """Return the best sets (N, K) for the score of one of ``SET_DECODERS``."""
        probs = self.marginals()
        if decoder in ("jaccard", "jaccard1"):
            return independent_jaccard(probs, empty_pair=decoder == "jaccard1")
        # The most probable set has the labels that are more probable than not, as for Hamming loss.
        return np.asarray(probs > 0.5, dtype=np.int8)

    def confidences(self, answers: LabelSets) -> Floats:
        """Return the confidence (N,) of answers (N, K); see ``mmemo.decisions.sure``."""
        return independent_confidences(self.log_odds, answers)

    def nll(self, truth: ArrayLike) -> float:
        """Return the mean negative log-likelihood of the true sets (N, K), in nats."""
        return float(label_losses(self.log_odds, truth).mean())

    def temperature(self, truth: ArrayLike) -> float:
        """Return the temperature with the highest likelihood of the true sets (N, K)."""
        return search_temperature(
            lambda inverse: float(label_losses(self.log_odds * inverse, truth).mean())
        )


SetDistribution = ListedSets | IndependentLabels
