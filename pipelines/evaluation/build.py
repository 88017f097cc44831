"""The evaluation of a system's answers: all scores, as one object for JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from mmemo.arrays import Bools, Floats
from mmemo.decisions.independent import label_losses
from mmemo.metrics import (
    Resamples,
    bootstrap_intervals,
    holm,
    multilabel_metrics,
    paired_differences,
    precision_recall_curve,
    ranking_intervals,
    ranking_metrics,
    set_nll,
    single_label_metrics,
)
from mmemo.metrics.calibration import calibration_metrics, reliability
from mmemo.metrics.resampling import RESAMPLES
from mmemo.metrics.single_label import is_single_label
from pipelines.evaluation import baselines
from pipelines.evaluation.breakdowns import METRICS as BREAKDOWN_METRICS
from pipelines.evaluation.breakdowns import breakdowns, serving, set_confusion
from pipelines.evaluation.ceiling import annotator_ceiling
from pipelines.evaluation.protocol import describe
from pipelines.evaluation.sheets.sheet import Answers, Gold

SERVED_BY: Mapping[str, tuple[str, ...]] = {
    "acc_jaccard_empty0": ("jaccard",),
    "acc_jaccard_empty1": ("jaccard1", "jaccard"),
    "exact_match": ("map",),
    "hamming_loss": ("hamming",),
    "micro_f1": ("threshold",),
    "macro_f1": ("macro", "threshold"),
    "weighted_f1": ("macro", "threshold"),
    "samples_f1": ("jaccard",),
    "weighted_accuracy": ("macro", "threshold"),
}
"""Metric -> its decoders, best first; all scores come from one model."""

_CURVE_POINTS = 150


def build_evaluation(
    gold: Gold,
    answers: Answers,
    *,
    set_counts: Mapping[int, int] | None = None,
    against: Answers | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Return all scores of a system's answers.

    Args:
        gold: the truth.
        answers: the answers, in its order.
        set_counts: set index -> number of training clips with that set, to choose the baselines
            on. Without them they are chosen on the scored clips, which favours the baselines.
        against: another system's answers in the same order, to compare with.
        resamples: number of resamples of every interval and test.

    Returns:
        Plain dicts, lists and numbers; undefined numbers are None. See docs/metrics.md for the
        names.
    """
    by_video = Resamples.draw(gold.videos, resamples)
    by_clip = Resamples.draw([f"{row:09d}" for row in range(len(gold.ids))], resamples)
    decoders = {
        name: _decision_scores(gold, answer, by_video, by_clip)
        for name, answer in answers.answers.items()
    }
    counts = set_counts or baselines.count_sets(gold)
    evaluation: dict[str, Any] = {
        "n": len(gold.ids),
        "protocol": describe(gold),
        "notes": list(answers.notes),
        "headline": _headline(decoders),
        "decoders": decoders,
        "baselines": baselines.constants(gold, counts),
        "best_constants": baselines.best_constants(gold, counts),
        "prior": baselines.prior(gold, counts),
        "baselines_chosen_on": "training clips" if set_counts else "the clips scored",
        "breakdowns": breakdowns(
            gold,
            {m: answers.answers[serving(m, list(decoders), SERVED_BY)] for m in BREAKDOWN_METRICS},
        ),
        "set_confusion": set_confusion(
            gold, answers.answers[serving("exact_match", list(decoders), SERVED_BY)]
        ),
    }
    if ceiling := annotator_ceiling(gold.intensities):
        evaluation["annotator_ceiling"] = ceiling
    if answers.set_log_probs is not None:
        evaluation["set_nll"] = set_nll(truth=gold.truth, set_log_probs=answers.set_log_probs)
    elif answers.log_odds is not None:
        evaluation["set_nll"] = float(label_losses(answers.log_odds, gold.truth).mean())
    if answers.probs is not None:
        evaluation |= _probability_scores(gold, answers.probs, by_video)
    if answers.uncalibrated is not None and answers.probs is not None:
        evaluation["calibration"]["before"] = _calibration(gold, answers.uncalibrated)
    if answers.reliabilities is not None:
        evaluation["reliabilities"] = _shares_right(*answers.reliabilities)
    if against is not None:
        evaluation["comparison"] = compare(gold, answers, against, by_video)
    plain: dict[str, Any] = _plain(evaluation)
    return plain


def _shares_right(names: Sequence[str], correct: Bools) -> dict[str, dict[str, float]]:
    """Return reliability -> ``n`` answers, and the share ``right`` of them."""
    right_of = {name: correct[[own == name for own in names]] for name in dict.fromkeys(names)}
    return {name: {"n": len(own), "right": float(own.mean())} for name, own in right_of.items()}


def compare(gold: Gold, answers: Answers, against: Answers, groups: Resamples) -> dict[str, Any]:
    """Return the comparison of two systems, each metric with its decoder in either.

    Returns:
        ``against``, the source of the other's answers; ``metrics`` -> metric -> both ``decoder``
        names, ``value``, ``other``, ``difference``, ``interval95``, ``p_value``, and ``p_holm``
        adjusted for the number of metrics.
    """
    metrics: dict[str, dict[str, Any]] = {}
    for metric in SERVED_BY:
        ours = serving(metric, list(answers.answers), SERVED_BY)
        theirs = serving(metric, list(against.answers), SERVED_BY)
        pred, other = answers.answers[ours], against.answers[theirs]
        difference = paired_differences(
            truth=gold.truth, pred=pred, other=other, groups=groups, labels=gold.labels,
            resamples=len(groups.draws),
        )[metric]  # fmt: skip
        value = multilabel_metrics(truth=gold.truth, pred=pred, labels=gold.labels)[metric]
        metrics[metric] = {
            "decoder": ours,
            "other_decoder": theirs,
            "value": value,
            "other": value - difference.value,
            "difference": difference.value,
            "interval95": difference.interval95,
            "p_value": difference.p_value,
        }
    adjusted = holm([scores["p_value"] for scores in metrics.values()])
    for scores, p_holm in zip(metrics.values(), adjusted, strict=True):
        scores["p_holm"] = p_holm
    return {"against": against.where, "notes": list(against.notes), "metrics": metrics}


def _decision_scores(
    gold: Gold, answer: Any, by_video: Resamples, by_clip: Resamples
) -> dict[str, Any]:
    arguments = {"truth": gold.truth, "pred": answer, "labels": gold.labels}
    return {
        **multilabel_metrics(**arguments),
        "interval95": bootstrap_intervals(**arguments, groups=by_video),
        "interval95_by_clip": bootstrap_intervals(**arguments, groups=by_clip),
    }


def _headline(decoders: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    rows = {}
    for metric in SERVED_BY:
        name = serving(metric, list(decoders), SERVED_BY)
        rows[metric] = {
            "decoder": name,
            "value": decoders[name][metric],
            "interval95": decoders[name]["interval95"][metric],
            "interval95_by_clip": decoders[name]["interval95_by_clip"][metric],
        }
    return rows


def _probability_scores(gold: Gold, probs: Floats, by_video: Resamples) -> dict[str, Any]:
    arguments: dict[str, Any] = {"truth": gold.truth, "probs": probs, "labels": gold.labels}
    scores: dict[str, Any] = {
        "ranking": {
            **ranking_metrics(**arguments),
            "interval95": ranking_intervals(**arguments, resamples=by_video),
        },
        "calibration": _calibration(gold, probs, by_video),
        "pr_curves": _curves(gold, probs),
    }
    if is_single_label(gold.truth):
        scores["single_label"] = single_label_metrics(**arguments, resamples=by_video)
    return scores


def _calibration(gold: Gold, probs: Floats, resamples: Resamples | None = None) -> dict[str, Any]:
    arguments: dict[str, Any] = {"truth": gold.truth, "probs": probs}
    return {
        **calibration_metrics(**arguments, labels=gold.labels, resamples=resamples),
        "reliability": reliability(**arguments),
    }


def _curves(gold: Gold, probs: Floats) -> dict[str, Any]:
    curves = {}
    for k, label in enumerate(gold.labels):
        known = ~np.isnan(gold.truth[:, k])
        curve = precision_recall_curve(truth=gold.truth[known, k], probs=probs[known, k])
        points = _thinned(len(curve.recall))
        curves[label] = {
            "recall": curve.recall[points].tolist(),
            "precision": curve.precision[points].tolist(),
            "frequency": float(gold.truth[known, k].mean()) if known.any() else None,
        }
    return curves


def _thinned(count: int) -> Sequence[int]:
    """Return evenly spaced indices, including the first and the last."""
    if count <= _CURVE_POINTS:
        return range(count)
    return np.unique(np.linspace(0, count - 1, _CURVE_POINTS).round().astype(int)).tolist()


def _plain(value: Any) -> Any:
    """Return a value as plain JSON types; numbers that are not finite become None."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
