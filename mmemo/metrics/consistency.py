"""Whether published scores can be true together.

Scores of one system on one data set depend on each other: precision, recall and the number of true
labels give the Hamming loss, and the numbers of labels per clip bound the Jaccard index. A system
enters these scores only through the shares of clips with ``s`` true labels, of which ``m`` are
missed, and ``f`` false ones. Each score is a ratio of two linear functions of these shares. So "can
these rounded numbers be true together?" is a linear program, and so is "which values can this
number have, given those?" (Charnes and Cooper 1962). Shares need not be whole clips here, so no
consistent scores are rejected; ``not_whole`` checks separately what only whole clips exclude.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linprog

from mmemo.arrays import Floats
from mmemo.errors import DataError

FIGURES: tuple[str, ...] = (
    "micro_precision",
    "micro_recall",
    "micro_f1",
    "hamming_loss",
    "acc_jaccard_empty0",
    "acc_jaccard_empty1",
    "exact_match",
    "samples_precision",
    "samples_recall",
    "samples_f1",
)
"""The scores whose consistency can be checked."""


@dataclass(frozen=True)
class Printed:
    """A published score; its last digit gives its precision.

    Attributes:
        value: the number, 0 to 1.
        unit: the value of 1 in its last digit.
    """

    value: float
    unit: float

    @classmethod
    def read(cls, text: str) -> "Printed":
        """Return the score of a text such as ``0.480``, ``.48`` or ``48.0 %``.

        Raises:
            DataError: it is not a number from 0 to 1.
        """
        digits, percent, _ = text.strip().partition("%")
        try:
            value = Decimal(digits.strip())
        except InvalidOperation:
            raise DataError(f"expected a score such as 0.480 or 48.0 %; got {text!r}") from None
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int):
            raise DataError(f"expected a score such as 0.480 or 48.0 %; got {text!r}")
        scale = 100 if percent else 1
        if not 0 <= value / scale <= 1:
            raise DataError(f"expected a score from 0 to 1, or one in %; got {text!r}")
        return cls(float(value / scale), float(Decimal(1).scaleb(min(exponent, 0)) / scale))

    @property
    def low(self) -> float:
        """The lowest number that may have been rounded to this."""
        return max(self.value - self.unit / 2, 0.0)

    @property
    def high(self) -> float:
        """The highest number that may have been rounded, or truncated, to this."""
        return min(self.value + self.unit, 1.0)


@dataclass(frozen=True)
class GoldCounts:
    """Known counts of the data set that scores were measured on.

    Attributes:
        n_labels: K.
        clips: N, None if unknown.
        positives: number of labels of all clips together, None if unknown.
        sizes: (K + 1) numbers of clips with 0, 1, ... K labels, None if unknown.
    """

    n_labels: int
    clips: int | None = None
    positives: int | None = None
    sizes: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.n_labels <= 16:
            raise DataError(f"expected 1 to 16 labels; got {self.n_labels}")
        if self.sizes is None:
            return
        total, labels = sum(self.sizes), sum(s * n for s, n in enumerate(self.sizes))
        if len(self.sizes) != self.n_labels + 1 or min(self.sizes) < 0 or total == 0:
            raise DataError(
                f"expected the numbers of clips with 0 to {self.n_labels} labels; got {self.sizes}"
            )
        for name, stated, sum_of_sizes in (
            ("clips", self.clips, total),
            ("labels", self.positives, labels),
        ):
            if stated not in (None, sum_of_sizes):
                raise DataError(
                    f"expected sizes that add up to {stated} {name}; got {sum_of_sizes}"
                )
        object.__setattr__(self, "clips", total)
        object.__setattr__(self, "positives", labels)

    @classmethod
    def of(cls, truth: ArrayLike) -> "GoldCounts":
        """Return the counts of truth (N, K) of 0 and 1."""
        true = np.asarray(truth).astype(np.int64)
        n_labels = true.shape[1]
        sizes = np.bincount(true.sum(axis=1), minlength=n_labels + 1)
        return cls(n_labels, sizes=tuple(int(size) for size in sizes))


@dataclass(frozen=True)
class Contradiction:
    """Scores that cannot be true together, although each smaller group of them can.

    Attributes:
        figures: their names.
        implied: name -> its possible range (low, high), given the others.
    """

    figures: tuple[str, ...]
    implied: Mapping[str, tuple[float, float]]


def contradictions(figures: Mapping[str, Printed], gold: GoldCounts) -> tuple[Contradiction, ...]:
    """Return the smallest groups of scores that exclude each other, or that no system can reach.

    Args:
        figures: name among ``FIGURES`` -> the score as printed.
        gold: known counts of the data set.

    Raises:
        DataError: a score has another name.
    """
    unknown = set(figures) - set(FIGURES)
    if unknown:
        raise DataError(f"expected scores among {', '.join(FIGURES)}; got {min(unknown)!r}")
    program = ScoreProgram(gold)
    if program.possible(figures):
        return ()
    result: list[Contradiction] = []
    for size in range(1, len(figures) + 1):
        for names in combinations(figures, size):
            if any(set(smaller.figures) <= set(names) for smaller in result):
                continue
            group = {name: figures[name] for name in names}
            if not program.possible(group):
                result.append(Contradiction(names, _implied(program, group)))
    return tuple(result)


@dataclass(frozen=True)
class Repair:
    """A score that, changed alone, makes all scores consistent.

    Attributes:
        figure: its name.
        low: the lowest consistent value.
        high: the highest consistent value.
        digits: distance from the printed value, in units of its last digit.
    """

    figure: str
    low: float
    high: float
    digits: float


def repairs(figures: Mapping[str, Printed], gold: GoldCounts) -> tuple[Repair, ...]:
    """Return scores whose change alone makes all consistent, smallest change first."""
    program = ScoreProgram(gold)
    if program.possible(figures):
        return ()
    repairs = []
    for name, figure in figures.items():
        rest = _others(name, figures)
        span = program.span(name, rest) if program.possible(rest) else None
        if span is not None:
            gap = max(figure.low - span[1], span[0] - figure.high, 0.0)
            repairs.append(Repair(name, *span, gap / figure.unit))
    return tuple(sorted(repairs, key=lambda repair: repair.digits))


def explanations(figures: Mapping[str, Printed], gold: GoldCounts) -> tuple[str, ...]:
    """Return common mistakes that explain scores that cannot be true as printed.

    Returns:
        Sentences; none if the scores are consistent, or if no such mistake explains them.
    """
    program = ScoreProgram(gold)
    if program.possible(figures) and not not_whole(figures, gold):
        return ()
    return tuple(
        mistake
        for mistake, corrected in _mistakes(figures)
        if program.possible(corrected) and not not_whole(corrected, gold)
    )


def _mistakes(figures: Mapping[str, Printed]) -> list[tuple[str, dict[str, Printed]]]:
    """Return common mistakes, each with the scores as they would be without it."""
    mistakes = []
    precision, recall = figures.get("micro_precision"), figures.get("micro_recall")
    others = {n: f for n, f in figures.items() if n not in ("micro_precision", "micro_recall")}
    if precision and recall:
        swapped = {**others, "micro_precision": recall, "micro_recall": precision}
        mistakes.append(("precision and recall are swapped", swapped))
    for printed, intended, mistake in (
        ("acc_jaccard_empty0", "acc_jaccard_empty1", "the accuracy counts an empty pair as 1"),
        ("acc_jaccard_empty1", "acc_jaccard_empty0", "the accuracy counts an empty pair as 0"),
        ("acc_jaccard_empty0", "exact_match", "the accuracy is exact match"),
        ("exact_match", "acc_jaccard_empty0", "the exact match is the mean Jaccard index"),
    ):
        if printed in figures and intended not in figures:
            renamed = {intended if n == printed else n: f for n, f in figures.items()}
            mistakes.append((mistake, renamed))
    if "hamming_loss" in figures:
        loss = figures["hamming_loss"]
        complement = {**figures, "hamming_loss": Printed(1 - loss.value, loss.unit)}
        mistakes.append(("the Hamming loss is the share of right labels", complement))
    return mistakes


def not_whole(figures: Mapping[str, Printed], gold: GoldCounts) -> dict[str, int]:
    """Return scores that no whole number of right answers gives: name -> denominator.

    Recall is a multiple of 1 / (true labels), Hamming loss of 1 / (clips * K), exact match of
    1 / clips. Only scores printed with many digits can fail.
    """
    cells = None if gold.clips is None else gold.clips * gold.n_labels
    whole = {"micro_recall": gold.positives, "hamming_loss": cells, "exact_match": gold.clips}
    return {
        name: count
        for name, count in whole.items()
        if count and name in figures and not is_fraction(figures[name], count)
    }


def is_fraction(figure: Printed, denominator: int) -> bool:
    """Return whether a whole number over ``denominator`` would be printed as ``figure``."""
    # Rounding only: with truncation allowed as well, nearly any number would be a fraction.
    nearest = round(figure.value * denominator) / denominator
    return abs(nearest - figure.value) <= figure.unit / 2 * (1 + 1e-9)


def _others(name: str, figures: Mapping[str, Printed]) -> dict[str, Printed]:
    return {other: figure for other, figure in figures.items() if other != name}


def _implied(
    program: "ScoreProgram", group: Mapping[str, Printed]
) -> dict[str, tuple[float, float]]:
    ranges = {}
    for name in group:
        span = program.span(name, _others(name, group))
        if span is not None:
            ranges[name] = span
    return ranges


class ScoreProgram:
    """Linear programs over the shares of clips with (s true, m missed, f false) labels."""

    def __init__(self, gold: GoldCounts) -> None:
        k = gold.n_labels
        cells = [(s, m, f) for s in range(k + 1) for m in range(s + 1) for f in range(k - s + 1)]
        true, missed, false = np.array(cells, dtype=np.float64).T
        self._parts = _ratios(true, missed, false, k)
        self._equalities = [np.append(np.ones(len(cells)), -1.0)]
        if gold.sizes is not None and gold.clips:
            for size, count in enumerate(gold.sizes):
                self._equalities.append(np.append(true == size, -count / gold.clips))
        elif gold.clips and gold.positives is not None:
            self._equalities.append(np.append(true, -gold.positives / gold.clips))

    def possible(self, figures: Mapping[str, Printed]) -> bool:
        """Return whether any shares give all these scores."""
        ratios = ("micro_precision", "micro_recall", "micro_f1")
        if any(figures[name].low > 0 for name in ratios if name in figures):
            # Something was answered rightly: 0 / 0, clips without label or answer, is no solution.
            scale = np.append(self._parts["micro_recall"][0], 0.0)
        else:
            scale = np.append(np.zeros(len(self._equalities[0]) - 1), 1.0)
        return self._solve(np.zeros_like(scale), figures, scale) is not None

    def span(self, name: str, figures: Mapping[str, Printed]) -> tuple[float, float] | None:
        """Return the lowest and highest value of a score, given others; None if they contradict."""
        numerator, denominator = (np.append(part, 0.0) for part in self._parts[name])
        low = self._solve(numerator, figures, denominator)
        high = self._solve(-numerator, figures, denominator)
        return None if low is None or high is None else (low, -high)

    def _solve(self, goal: Floats, figures: Mapping[str, Printed], scale: Floats) -> float | None:
        """Minimise ``goal`` with ``scale`` fixed at 1; the last variable is the sum of all shares.

        All else is homogeneous, so a ratio is minimised by fixing its denominator.
        """
        rows = []
        for name, figure in figures.items():
            numerator, denominator = self._parts[name]
            rows.append(np.append(numerator - figure.high * denominator, 0.0))
            rows.append(np.append(figure.low * denominator - numerator, 0.0))
        solved = linprog(
            goal,
            A_ub=np.array(rows) if rows else None,
            b_ub=np.zeros(len(rows)) if rows else None,
            A_eq=np.array([*self._equalities, scale]),
            b_eq=np.append(np.zeros(len(self._equalities)), 1.0),
            method="highs",
        )
        return float(solved.fun) if solved.status == 0 else None


def _ratios(
    true: Floats, missed: Floats, false: Floats, k: int
) -> dict[str, tuple[Floats, Floats]]:
    """Return each score as numerator and denominator, per kind of clip."""
    hits, clips = true - missed, np.ones_like(true)
    predicted, either = hits + false, true + false
    jaccard = hits / np.maximum(either, 1)
    return {
        "micro_precision": (hits, predicted),
        "micro_recall": (hits, true),
        "micro_f1": (2 * hits, predicted + true),
        "hamming_loss": ((missed + false) / k, clips),
        "acc_jaccard_empty0": (jaccard, clips),
        "acc_jaccard_empty1": (np.where(either == 0, 1.0, jaccard), clips),
        "exact_match": (1.0 * (missed + false == 0), clips),
        "samples_precision": (hits / np.maximum(predicted, 1), clips),
        "samples_recall": (hits / np.maximum(true, 1), clips),
        "samples_f1": (2 * hits / np.maximum(predicted + true, 1), clips),
    }
