"""``mmemo score``: the evaluation of predictions in a file, from any system."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmemo.datasets.csv_rows import is_table
from mmemo.labels import EMOTIONS
from mmemo.metrics.resampling import RESAMPLES
from pipelines.evaluation.baselines import count_sets
from pipelines.evaluation.build import build_evaluation
from pipelines.evaluation.sheets.files import read_sheet
from pipelines.evaluation.sheets.sheet import Gold, answers_of, gold_of
from pipelines.evaluation.sheets.text_files import labels_in_table


def read_gold(path: Path, labels: Sequence[str] | None = None) -> Gold:
    """Return the truth in a file of labels, or of predictions with the truth.

    Args:
        path: the file.
        labels: K names; None takes those of the file, else the six emotions.

    Raises:
        DataError: it cannot be read, or has no truth.
    """
    if labels is None:
        with_table = is_table(path) and path.is_file()
        labels = labels_in_table(path, EMOTIONS) if with_table else EMOTIONS
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
    """Return the evaluation of a file of predictions.

    Args:
        predictions: the file; see ``pipelines.evaluation.sheets`` for the formats.
        gold: the truth.
        thresholds: one, or one per label, for the probabilities of a file without decisions.
        train: labels of the training clips, to choose the baselines on.
        against: another file of predictions, to compare with.
        resamples: number of resamples of every interval and test.

    Returns:
        See ``pipelines.evaluation.build.build_evaluation``.

    Raises:
        DataError: a file cannot be read, or does not fit the truth.
    """
    answers = answers_of(read_sheet(predictions, gold.labels), gold, thresholds)
    other = None
    if against is not None:
        other = answers_of(read_sheet(against, gold.labels), gold, thresholds)
    return build_evaluation(
        gold,
        answers,
        set_counts=None if train is None else count_sets(read_gold(train, gold.labels)),
        against=other,
        resamples=resamples,
    )
