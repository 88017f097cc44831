"""Uncertainty of scores: bootstrap intervals, and tests of the difference of two systems.

Clips of one video are alike, so drawing single clips gives intervals that are too narrow; whole
videos are drawn with replacement (Efron and Tibshirani 1993, chapters 8 and 13). Two systems are
compared on the same clips: an interval of the difference from the same draws, and a test by
approximate randomisation, which swaps their answers video by video (Noreen 1989; Yeh 2000).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mmemo.arrays import Floats, Ints
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS
from mmemo.metrics.checks import check_pred
from mmemo.metrics.tally import row_sums, scalars

RESAMPLES = 1000
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Resamples:
    """Data sets of the same size, drawn group by group with replacement.

    Attributes:
        member: (N,) the group of each clip.
        draws: (R, G) count of each group in each draw, float64 for fast products.
    """

    member: Ints
    draws: Floats

    @classmethod
    def draw(cls, groups: Sequence[str], resamples: int = RESAMPLES, seed: int = 0) -> "Resamples":
        """Return draws of whole groups; ``groups`` names the group of each of N clips."""
        _, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
        n_groups = int(member.max()) + 1
        draws = np.random.default_rng(seed).multinomial(
            n_groups, np.full(n_groups, 1 / n_groups), size=resamples
        )
        return cls(member.astype(np.int64), draws.astype(np.float64))

    def group_sums(self, rows: Floats) -> Floats:
        """Return the sums of the rows (N, C) of each group: (G, C)."""
        per_group = np.zeros((self.draws.shape[1], rows.shape[1]))
        np.add.at(per_group, self.member, rows)
        return per_group

    def sums(self, rows: Floats) -> Floats:
        """Return the sums of the rows (N, C) of each resampled data set: (R, C)."""
        return np.asarray(self.draws @ self.group_sums(rows))

    def check(self, clips: int) -> None:
        """Check the number of clips.

        Raises:
            DataError: it is not the number of clips in ``member``.
        """
        if len(self.member) != clips:
            raise DataError(f"expected a group for each of {clips} clips; got {len(self.member)}")


def interval(values: Floats, confidence: float = 0.95) -> Interval:
    """Return the percentile interval of resampled values (R,), ignoring NaN."""
    defined = values[~np.isnan(values)]
    if not defined.size:
        return (float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return (float(low), float(high))


def bootstrap_intervals(
    *,
    truth: ArrayLike,
    pred: ArrayLike,
    groups: Sequence[str] | Resamples,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
    labels: Sequence[str] = EMOTIONS,
) -> dict[str, Interval]:
    """Return the percentile interval of every scalar metric, drawing whole groups.

    Args:
        truth: (N, K) of 0 and 1, NaN where unknown.
        pred: (N, K) of 0 and 1.
        groups: N names, clips of one name are drawn together; or existing draws, which replace
            ``resamples`` and ``seed``.
        resamples: number of draws.
        confidence: share of the resamples inside the interval.
        seed: seed of the draws.
        labels: K names.

    Raises:
        DataError: see ``check_pred``; or not one group per clip.
    """
    rows = row_sums(check_pred(truth, pred, labels))
    drawn = _draws_of(groups, resamples, seed, len(rows))
    return {
        name: interval(values, confidence) for name, values in scalars(drawn.sums(rows)).items()
    }


@dataclass(frozen=True)
class Difference:
    """The difference of the scores of two systems.

    Attributes:
        value: the score minus the other's.
        interval95: bootstrap interval of the value.
        p_value: probability of a difference at least as large if the systems' answers are swapped
            at random.
    """

    value: float
    interval95: Interval
    p_value: float


def paired_differences(
    *,
    truth: ArrayLike,
    pred: ArrayLike,
    other: ArrayLike,
    groups: Sequence[str] | Resamples,
    resamples: int = RESAMPLES,
    seed: int = 0,
    labels: Sequence[str] = EMOTIONS,
) -> dict[str, Difference]:
    """Return the difference of two systems on the same clips, for every scalar metric.

    Args:
        truth: (N, K) of 0 and 1, NaN where unknown.
        pred: (N, K) the system's answers.
        other: (N, K) the answers of the other system.
        groups: as for ``bootstrap_intervals``.
        resamples: draws of the bootstrap, and swaps of the test.
        seed: seed of both.
        labels: K names.

    Raises:
        DataError: as ``bootstrap_intervals``.
    """
    rows = row_sums(check_pred(truth, pred, labels))
    other_rows = row_sums(check_pred(truth, other, labels))
    drawn = _draws_of(groups, resamples, seed, len(rows))
    ours, theirs = drawn.group_sums(rows), drawn.group_sums(other_rows)
    observed = _difference(ours.sum(axis=0), theirs.sum(axis=0))
    resampled = _difference(drawn.draws @ ours, drawn.draws @ theirs)
    swap = np.random.default_rng([seed, 1]).random(drawn.draws.shape) < 0.5
    total, moved = ours.sum(axis=0), swap @ (theirs - ours)
    swapped = _difference(total + moved, theirs.sum(axis=0) - moved)
    differences = {}
    for name, value in observed.items():
        # A small tolerance: equal sums in another order differ in the last digit.
        extreme = np.count_nonzero(np.abs(swapped[name]) >= abs(float(value)) - 1e-12)
        differences[name] = Difference(
            float(value), interval(resampled[name]), (1 + extreme) / (1 + len(swap))
        )
    return differences


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for multiple tests, in their order (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def _difference(ours: Floats, theirs: Floats) -> dict[str, Floats]:
    first, second = scalars(ours), scalars(theirs)
    return {name: first[name] - second[name] for name in first}


def _draws_of(
    groups: Sequence[str] | Resamples, resamples: int, seed: int, clips: int
) -> Resamples:
    if not isinstance(groups, Resamples):
        if len(groups) != clips:
            raise DataError(f"expected a group for each of {clips} clips; got {len(groups)}")
        groups = Resamples.draw(groups, resamples, seed)
    groups.check(clips)
    return groups
