"""``mmemo evaluate``: a trained model on labelled clips, beside scores that need no model.

Each score is reported with the decoder that maximises it, all from one model. The thresholds were
chosen on validation clips in training; nothing is chosen here.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mmemo.arrays import Bools, LabelSets
from mmemo.checkpoint import Checkpoint
from mmemo.checkpoint.reliability import reliabilities_of
from mmemo.datasets.dataset import Dataset
from mmemo.decisions.set_distributions import IndependentLabels, ListedSets
from mmemo.decisions.sure_fitting import right
from mmemo.errors import DataError
from mmemo.features import MODALITIES, ClipFeatures
from mmemo.inference import METRIC_DECODERS, SetDistributions, infer
from mmemo.metrics.resampling import RESAMPLES
from pipelines.evaluation.build import build_evaluation
from pipelines.evaluation.sheets.sheet import NOT_MEASURED, Answers, Gold
from pipelines.training.train import labelled, labels_of

logger = logging.getLogger(__name__)

NO_SPLIT = "no split"


def choose_split(dataset: Dataset, split: str | None) -> tuple[str, tuple[ClipFeatures, ...]]:
    """Choose the clips to score: those of ``split``, else test, else valid, else without a split.

    Training clips are scored only if they are asked for: scores on them say nothing about others.

    Returns:
        The name of the split, "all", or "no split"; and its labelled clips.

    Raises:
        DataError: the split has no labelled clip, or there are training clips only.
    """
    split = split or _unasked_split(dataset)
    if split == NO_SPLIT:
        clips = tuple(clip for clip in dataset.clips if clip.clip.split is None)
    else:
        clips = dataset.clips if split == "all" else dataset.split(split)
    labelled_clips = tuple(clip for clip in clips if clip.clip.fully_labelled)
    if not labelled_clips:
        raise DataError(f"{dataset.name}: expected labelled clips ({split}); none carries labels")
    return split, labelled_clips


def _unasked_split(dataset: Dataset) -> str:
    splits = {clip.clip.split for clip in dataset.clips}
    if "test" in splits:
        return "test"
    if "valid" in splits:
        logger.warning(
            "%s: there are no test clips; the validation clips are scored, on which thresholds "
            "may have been chosen",
            dataset.name,
        )
        return "valid"
    if None in splits:
        return "all" if splits == {None} else NO_SPLIT
    raise DataError(
        f"{dataset.name}: expected test or valid clips; all are training clips. Their scores say "
        "nothing about other clips; --split train shows them"
    )


def check_readable(
    checkpoint: Checkpoint,
    clips: Sequence[ClipFeatures],
    *,
    without: Iterable[str] = (),
    where: str = "the model",
) -> None:
    """Check that the clips have a modality that the model reads; else all answers are its prior.

    Raises:
        DataError: they have none.
    """
    read = set(checkpoint.model.modalities) - set(without)
    present = {modality for clip in clips for modality in clip.features}
    if not read & present:
        raise DataError(
            f"{where}: expected clips with {' or '.join(sorted(read))}, which the model reads; "
            f"these have {' and '.join(sorted(present)) or 'no features'}"
        )


def answer(
    checkpoint: Checkpoint,
    clips: Sequence[ClipFeatures],
    *,
    without: Iterable[str] = (),
    batch_size: int = 64,
    where: str = "the model",
) -> tuple[Gold, Answers]:
    """Return a model's answers about labelled clips, with every decoder.

    Args:
        checkpoint: the model.
        clips: labelled clips.
        without: modalities to hide from it.
        batch_size: clips per batch; it affects speed, not the result.
        where: name of the model for messages.

    Returns:
        The truth about the clips, and the answers, in their order.

    Raises:
        CheckpointError: the clips' features are not those the model was trained on.
        DataError: no clip is labelled.
    """
    clips = [clip for clip in clips if clip.clip.fully_labelled]
    for clip in clips:
        checkpoint.check(clip)
    hidden = frozenset(without)
    read = [m for m in MODALITIES if m in checkpoint.model.modalities and m not in hidden]
    arrays = labelled(clips, checkpoint.config, complete=True)
    distributions = infer(
        checkpoint.model,
        arrays,
        batch_size=batch_size,
        without=hidden,
        calibration=checkpoint.calibration,
    )
    gold = Gold(
        where="the clips",
        labels=tuple(checkpoint.labels),
        ids=_distinct_ids(clips),
        videos=tuple(clip.clip.video_id for clip in clips),
        truth=labels_of(arrays).astype(np.float64),
        lengths_s=np.array([clip.seconds for clip in clips], dtype=np.float64),
        modalities=tuple(tuple(m for m in read if m in array.values) for array in arrays),
        intensities=np.array([clip.clip.intensities for clip in clips], dtype=np.float64),
    )
    decisions = {
        name: distributions.decode(name, checkpoint.thresholds_of(name, distributions.read))
        for name in METRIC_DECODERS
    }
    sets = distributions.sets
    return gold, Answers(
        where,
        decisions,
        distributions.marginals,
        sets.log_probs if isinstance(sets, ListedSets) else None,
        distributions.uncalibrated,
        sets.log_odds if isinstance(sets, IndependentLabels) else None,
        _reliabilities(checkpoint, distributions, gold.truth.astype(np.int8)),
    )


def _reliabilities(
    checkpoint: Checkpoint, distributions: SetDistributions, truth: LabelSets
) -> tuple[Sequence[str], Bools] | None:
    """Return the reliability of each answer for people, and whether it is right."""
    pred = distributions.decode("sure", checkpoint.thresholds_of("sure", distributions.read))
    names = reliabilities_of(checkpoint, distributions, pred)
    if not any(names):
        return None
    return [name or NOT_MEASURED for name in names], right(pred, truth)


def evaluate(
    checkpoint: Checkpoint,
    clips: Sequence[ClipFeatures],
    *,
    without: Iterable[str] = (),
    batch_size: int = 64,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Return the evaluation of a model.

    Args:
        checkpoint: the model.
        clips: labelled clips.
        without: modalities to hide from it.
        batch_size: clips per batch; it affects speed, not the result.
        resamples: number of resamples of every interval.

    Returns:
        See ``pipelines.evaluation.build.build_evaluation``.

    Raises:
        CheckpointError: the clips' features are not those the model was trained on.
        DataError: no clip is labelled.
    """
    gold, answers = answer(checkpoint, clips, without=without, batch_size=batch_size)
    return build_evaluation(
        gold, answers, set_counts=checkpoint.trained_on.set_counts, resamples=resamples
    )


def _distinct_ids(clips: Sequence[ClipFeatures]) -> tuple[str, ...]:
    """Return the ids of the clips, with the data set as a prefix if ids clash."""
    ids = tuple(clip.clip.id for clip in clips)
    if len(set(ids)) == len(ids):
        return ids
    return tuple(f"{clip.clip.dataset}/{clip.clip.id}" for clip in clips)
