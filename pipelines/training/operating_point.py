"""The temperature and the thresholds, chosen on the validation clips after training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmemo.batching.batch import ClipArrays
from mmemo.decisions.calibration import Calibration, Read
from mmemo.decisions.decoding import tune_threshold
from mmemo.decisions.sure import SureDecision
from mmemo.decisions.thresholds import expected_f1_thresholds
from mmemo.inference import infer
from mmemo.metrics.calibration import calibration_metrics
from mmemo.model.emotion_model import EmotionModel
from pipelines.training.reliability import fit_reliability


@dataclass(frozen=True)
class OperatingPoint:
    """Temperature, thresholds and reliability; fields as in ``mmemo.checkpoint.Checkpoint``.

    Attributes:
        temperature: of the distribution over sets.
        thresholds: for micro-F1, K.
        label_thresholds: for macro-F1, K.
        sure: modalities -> the decision for people, where enough clips have them.
        figures: calibration on the validation clips, before the temperature (``..._before``) and
            with it; the temperature was fitted on the same clips, so expect a little less.
    """

    temperature: float
    thresholds: tuple[float, ...]
    label_thresholds: tuple[float, ...]
    sure: Mapping[Read, SureDecision]
    figures: Mapping[str, float]


def choose_operating_point(
    model: EmotionModel, clips: Sequence[ClipArrays], truth: NDArray[np.int8]
) -> OperatingPoint:
    """Fit the temperature, then choose the thresholds on the calibrated probabilities.

    Args:
        model: trained.
        clips: validation clips, never test clips.
        truth: (N, K) their labels.
    """
    before = infer(model, clips)
    temperature = before.sets.temperature(truth)
    calibration = Calibration(temperature)
    after = infer(model, clips, calibration=calibration)
    figures = {"set_nll_calibrated": after.sets.nll(truth)}
    for suffix, predictions in (("_before", before), ("", after)):
        scores = calibration_metrics(truth=truth, probs=predictions.marginals, labels=model.labels)
        figures |= {f"{name}{suffix}": float(scores[name]) for name in ("ece", "brier")}
    return OperatingPoint(
        temperature,
        (float(tune_threshold(after.marginals, truth)),) * truth.shape[1],
        tuple(expected_f1_thresholds(after.marginals, truth).tolist()),
        fit_reliability(model, clips, truth, calibration),
        figures,
    )
