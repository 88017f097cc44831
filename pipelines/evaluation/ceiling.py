"""What a perfect reader and a second panel of annotators would score, to read a score against.

CMU-MOSEI's intensities are means over three annotators, who marked each emotion from 0 to 3. A
label says that one of the three saw something, and another three would not have seen the same.
Each segment has its own propensity to be marked, which follows a beta distribution, so the number
of annotators who marked a label is beta-binomial (Skellam, J. R. Stat. Soc. B 10(2), 1948).

- An *oracle* knows every propensity, and answers with the decision that each metric rewards.
- A *second panel* is three new annotators with the same propensities.

A sum of 2 is two weak marks or one of strength 2, and only sums are known. There are two readings:
*strengths*, a mark's strength is drawn from the label's own distribution, fitted along with the
beta distribution to the sums; and *weak*, as many annotators marked as the sum allows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax
from scipy.stats import betabinom

from mmemo.arrays import Bools, Floats, LabelSets
from mmemo.decisions.decoding import decode_threshold, tune_threshold
from mmemo.decisions.independent import independent_jaccard
from mmemo.decisions.thresholds import expected_f1_thresholds
from mmemo.metrics import multilabel_metrics

ANNOTATORS = 3
STRONGEST = 3
METRICS = ("acc_jaccard_empty0", "hamming_loss", "micro_f1", "macro_f1", "exact_match")
DRAWS = 5
"""Draws of propensities and panels."""

_NEAR = 0.02
"""Some copies of the labels round a third to two places."""
_MOST_BY_THREE = 0.9
"""Some segments of CMU-MOSEI were marked by six; they are left out."""
_LARGEST_LOG = 8.0
_PATIENCE = {"maxiter": 2000, "maxfev": 2000}

Counts = NDArray[np.int64]
Ceiling = dict[str, dict[str, list[float]]]


@dataclass(frozen=True)
class Marks:
    """How the annotators mark one label.

    Attributes:
        a, b: parameters of the beta distribution of a segment's propensity to be marked.
        strengths: (STRONGEST,), probabilities of a mark's strength; all weak: (1, 0, 0).
    """

    a: float
    b: float
    strengths: Floats

    def joint(self) -> Floats:
        """Return p(number of annotators who marked, sum of their marks), (4, 10)."""
        numbers = np.arange(ANNOTATORS + 1)
        return betabinom.pmf(numbers, ANNOTATORS, self.a, self.b)[:, None] * _sums(self.strengths)


def annotator_ceiling(intensities: Floats | None) -> Ceiling | None:
    """Return the scores of an oracle and of a second panel.

    Args:
        intensities: (N, K), means over three annotators' marks of 0 to 3; None if unknown.

    Returns:
        ``oracle`` and ``second_panel`` -> metric of ``METRICS`` -> [lower, higher] of the two
        readings; None if the intensities are not means over three annotators.
    """
    if intensities is None:
        return None
    by_three = are_panel_means(intensities)
    if by_three.mean() < _MOST_BY_THREE or _all_whole(intensities):
        return None
    sums = np.rint(intensities[by_three] * ANNOTATORS).astype(np.int64)
    strong = _scores(sums, [fit_marks(column) for column in sums.T])
    most = np.minimum(sums, ANNOTATORS)
    weak = _scores(most, [fit_marks(column, all_weak=True) for column in most.T])
    return {
        who: {metric: sorted((strong[who][metric], weak[who][metric])) for metric in METRICS}
        for who in strong
    }


def are_panel_means(intensities: Floats) -> Bools:
    """Return which segments have means over three marks of 0 to 3: (N, K) -> (N,)."""
    thirds = np.where(np.isfinite(intensities), intensities, -1) * ANNOTATORS
    near = np.abs(thirds - np.rint(thirds)) <= _NEAR * ANNOTATORS
    within = (thirds >= 0) & (thirds <= STRONGEST * ANNOTATORS)
    return np.asarray((near & within).all(axis=1))


def _all_whole(intensities: Floats) -> bool:
    """Whether these are no means at all, but labels or grades."""
    return bool((np.abs(intensities - np.rint(intensities)) <= _NEAR).all())


def fit_marks(sums: Counts, *, all_weak: bool = False) -> Marks:
    """Fit how annotators mark a label, by maximum likelihood.

    Args:
        sums: (N,), sum of the three marks of each segment.
        all_weak: every mark has strength 1.
    """
    clips = np.bincount(sums, minlength=ANNOTATORS * STRONGEST + 1)

    def marks_of(point: Floats) -> Marks:
        a, b = np.exp(np.clip(point[:2], -_LARGEST_LOG, _LARGEST_LOG))
        scores = np.array([0.0, -np.inf, -np.inf] if all_weak else [0.0, *point[2:]])
        return Marks(float(a), float(b), softmax(scores))

    def loss(point: Floats) -> float:
        probs = marks_of(point).joint().sum(axis=0)
        return float(-(clips * np.log(np.maximum(probs, 1e-300))).sum() / len(sums))

    starts = [[-1.0, 1.0], [0.0, 2.0]]
    if not all_weak:
        # Strong marks and agreement look alike, so there are several local optima.
        weak = fit_marks(sums, all_weak=True)
        starts = [[*beta, -1.0, -2.0] for beta in starts]
        starts.append([np.log(weak.a), np.log(weak.b), -4.0, -5.0])
    fits = [minimize(loss, start, method="Nelder-Mead", options=_PATIENCE) for start in starts]
    return marks_of(min(fits, key=lambda fit: fit.fun).x)


def _sums(strengths: Floats) -> Floats:
    """Return p(sum of marks | number of annotators who marked), (4, 10)."""
    one = np.concatenate([[0.0], strengths])
    table = np.zeros((ANNOTATORS + 1, ANNOTATORS * STRONGEST + 1))
    of_sum = np.array([1.0])
    for number in range(ANNOTATORS + 1):
        table[number, : len(of_sum)] = of_sum
        of_sum = np.convolve(of_sum, one)
    return table


def _scores(sums: Counts, marks: list[Marks]) -> Mapping[str, Mapping[str, float]]:
    """Return mean scores over draws of propensities, given each segment's sums (N, K)."""
    truth = (sums > 0).astype(np.int8)
    rng = np.random.default_rng(0)
    scores: dict[str, list[list[float]]] = {"oracle": [], "second_panel": []}
    for _ in range(DRAWS):
        propensities = np.stack(
            [draw_propensities(column, of, rng) for column, of in zip(sums.T, marks, strict=True)],
            axis=1,
        )
        probs = 1 - (1 - propensities) ** ANNOTATORS  # that at least one of three marks it
        scores["oracle"].append(_oracle_scores(probs, truth))
        panel = (rng.random(probs.shape) < probs).astype(np.int8)
        scores["second_panel"].append([_score(truth, panel, metric) for metric in METRICS])
    return {
        who: dict(zip(METRICS, np.mean(draws, axis=0).tolist(), strict=True))
        for who, draws in scores.items()
    }


def draw_propensities(sums: Counts, marks: Marks, rng: np.random.Generator) -> Floats:
    """Draw each segment's propensity to be marked, given the sum of its marks: (N,) -> (N,)."""
    joint = marks.joint() + 1e-300  # a sum that the fit excludes is still some number of marks
    cumulated = (joint / joint.sum(axis=0)).cumsum(axis=0)
    numbers = (rng.random(len(sums)) > cumulated[:, sums]).sum(axis=0)
    return np.asarray(rng.beta(marks.a + numbers, marks.b + ANNOTATORS - numbers))


def _oracle_scores(probs: Floats, truth: LabelSets) -> list[float]:
    """Score each metric with the decision that it rewards."""
    likelier = decode_threshold(probs, 0.5)
    decisions = {
        "acc_jaccard_empty0": independent_jaccard(probs, empty_pair=False),
        "hamming_loss": likelier,
        "micro_f1": decode_threshold(probs, tune_threshold(probs, truth)),
        "macro_f1": decode_threshold(probs, expected_f1_thresholds(probs, truth)),
        "exact_match": likelier,  # the most probable set of independent labels
    }
    return [_score(truth, decisions[metric], metric) for metric in METRICS]


def _score(truth: LabelSets, answers: LabelSets, metric: str) -> float:
    names = [f"label {k}" for k in range(truth.shape[1])]
    return float(multilabel_metrics(truth=truth, pred=answers, labels=names)[metric])
