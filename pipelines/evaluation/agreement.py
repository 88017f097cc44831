"""``mmemo agreement``: how far people agree with each other, or with the model."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmemo.arrays import Floats
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS
from mmemo.metrics.agreement import krippendorff_alpha
from pipelines.evaluation.sheets.files import read_sheet
from pipelines.evaluation.sheets.sheet import Gold, gold_of

MODEL = "model"
"""Name of the model's answers in labels that are saved from the page."""


@dataclass(frozen=True)
class Agreement:
    """Agreement of two raters about the same utterances.

    Attributes:
        raters: their names.
        utterances: number of utterances that both have labelled.
        alphas: label -> Krippendorff's alpha; NaN where both always gave the same answer.
        equal: label -> share of utterances with the same answer.
    """

    raters: tuple[str, str]
    utterances: int
    alphas: dict[str, float]
    equal: dict[str, float]

    @property
    def mean_alpha(self) -> float:
        """The mean over the labels with an alpha; NaN without any."""
        known = [alpha for alpha in self.alphas.values() if not math.isnan(alpha)]
        return sum(known) / len(known) if known else math.nan

    def to_json(self) -> dict[str, Any]:
        """Return plain values; an undefined alpha is None."""
        return {
            "raters": list(self.raters),
            "utterances": self.utterances,
            "alpha": {name: _number(alpha) for name, alpha in self.alphas.items()},
            "equal": {name: round(share, 4) for name, share in self.equal.items()},
            "mean_alpha": _number(self.mean_alpha),
        }


def agreements(files: list[Path]) -> list[Agreement]:
    """Return the agreement of each person with the model, and of each two people.

    Args:
        files: labels of one or more people about one set of utterances, such as those saved from
            the page about a video.

    Raises:
        DataError: a file cannot be read, has other labels, shares no utterance with another, or
            there is only one rater.
    """
    people: list[Gold] = []
    results: list[Agreement] = []
    for file in files:
        sheet = read_sheet(file, people[0].labels if people else EMOTIONS)
        person = gold_of(sheet)
        if MODEL in sheet.answers:
            answers = sheet.answers[MODEL].astype(np.float64)
            results.append(_compare((str(file), MODEL), person.labels, person.truth, answers))
        results += [_of_two(other, person) for other in people]
        people.append(person)
    if not results:
        raise DataError(
            f"{files[0]}: expected labels of a second person, or the model's beside them (saved "
            "from the page about a video); give two files"
        )
    return results


def _of_two(one: Gold, other: Gold) -> Agreement:
    if set(one.labels) != set(other.labels):
        raise DataError(
            f"{other.where}: expected the labels of {one.where} ({', '.join(one.labels)}); got "
            f"{', '.join(other.labels)}"
        )
    place = {name: row for row, name in enumerate(other.ids)}
    shared = [(row, place[name]) for row, name in enumerate(one.ids) if name in place]
    if not shared:
        raise DataError(
            f"{other.where}: expected utterances of {one.where}, such as {one.ids[0]!r}; got "
            f"others, such as {other.ids[0]!r}"
        )
    rows, other_rows = zip(*shared, strict=True)
    columns = [other.labels.index(label) for label in one.labels]
    return _compare(
        (one.where, other.where),
        one.labels,
        one.truth[list(rows)],
        other.truth[list(other_rows)][:, columns],
    )


def _compare(
    raters: tuple[str, str], labels: tuple[str, ...], one: Floats, other: Floats
) -> Agreement:
    """Compare two (N, K) of 0 and 1."""
    return Agreement(
        raters,
        len(one),
        {
            label: krippendorff_alpha(np.stack([one[:, k], other[:, k]]))
            for k, label in enumerate(labels)
        },
        {label: float(np.mean(one[:, k] == other[:, k])) for k, label in enumerate(labels)},
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
