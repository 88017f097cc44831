"""``mmemo score``: anyone's answers under the report that our own are given."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmemo.labels import EMOTIONS
from mmemo.metrics.resampling import RESAMPLES
from pipelines.evaluation.baselines import count_sets
from pipelines.evaluation.report import build_report
from pipelines.evaluation.sheets.files import read_sheet
from pipelines.evaluation.sheets.sheet import Gold, answers_of, gold_of


def read_gold(path: Path, labels: Sequence[str] = EMOTIONS) -> Gold:
    """Read the truth from a file of labels, or of predictions that hold it.

    Raises:
        DataError: it cannot be read, or holds no truth.
    """
    return gold_of(read_sheet(path, labels))


def score(
    predictions: Path,
    gold: Gold,
    *,
    thresholds: Sequence[float] = (0.5,),
    train: Path | None = None,
    against: Path | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Score a file of predictions.

    Args:
        predictions: the file; see ``pipelines.evaluation`` for what it may be.
        gold: the truth.
        thresholds: one, or one per label: where probabilities are cut if it holds no decisions.
        train: labels of the training clips, to choose the baselines on.
        against: another file of predictions, to be compared with.
        resamples: of every interval and test.

    Returns:
        See ``pipelines.evaluation.report.build_report``.

    Raises:
        DataError: a file cannot be read, or does not fit the truth.
    """
    answers = answers_of(read_sheet(predictions, gold.labels), gold, thresholds)
    other = None
    if against is not None:
        other = answers_of(read_sheet(against, gold.labels), gold, thresholds)
    return build_report(
        gold,
        answers,
        set_counts=None if train is None else count_sets(read_gold(train, gold.labels)),
        against=other,
        resamples=resamples,
    )
