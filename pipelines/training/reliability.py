"""How far a trained model's answers can be relied on, fitted on its validation clips."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from mmemo.arrays import LabelSets
from mmemo.batching.batch import ClipArrays
from mmemo.decisions.calibration import Calibration, Read
from mmemo.decisions.sure import SureDecision
from mmemo.decisions.sure_fitting import FEWEST_ANSWERS, fit_decision
from mmemo.inference import infer
from mmemo.model.emotion_model import EmotionModel

FEWEST_CLIPS = 2 * FEWEST_ANSWERS
"""Answers with labels and answers without any are each measured on ``FEWEST_ANSWERS``."""


def fit_reliability(
    model: EmotionModel, clips: Sequence[ClipArrays], truth: LabelSets, calibration: Calibration
) -> dict[Read, SureDecision]:
    """Return the decision for people for each subset of the modalities that has enough clips.

    Modalities are hidden from clips that have more of them. The clips also chose the epoch and the
    temperature, so other clips are right a little less often; ``LIKELY`` leaves a margin, and
    ``mmemo evaluate`` counts.

    Args:
        model: trained.
        clips: N validation clips, never test clips.
        truth: (N, K) their labels.
        calibration: with the model's temperature.
    """
    decisions = {}
    for read in _subsets(model.modalities):
        hidden = [modality for modality in model.modalities if modality not in read]
        predictions = infer(model, clips, without=hidden, calibration=calibration)
        rows = np.flatnonzero([own == read for own in predictions.read])
        if len(rows) >= FEWEST_CLIPS:
            decisions[read] = fit_decision(predictions.sets.of_clips(rows), truth[rows])
    return decisions


def _subsets(modalities: Sequence[str]) -> Iterator[Read]:
    for size in range(1, len(modalities) + 1):
        yield from map(frozenset, combinations(modalities, size))
