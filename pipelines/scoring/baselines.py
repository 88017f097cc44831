"""What is reached without looking at a clip, by constants and frequencies; and the ceiling."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmemo.calibration import calibration_metrics
from mmemo.labels import all_sets, to_names, to_set_index
from mmemo.metrics import constant_baselines, multilabel_metrics, set_nll
from mmemo.metrics.tally import check, row_sums, scalars
from pipelines.scoring.sheet import Floats, Gold

_HALF_A_CLIP = 0.5
_BEST_FOR = ("acc_jaccard_empty0", "exact_match", "hamming_loss", "micro_f1", "macro_f1")


def count_sets(gold: Gold) -> dict[int, int]:
    """Count how many fully annotated clips carry each set: set index -> clips."""
    known = ~np.isnan(gold.truth).any(axis=1)
    indices, counts = np.unique(to_set_index(gold.truth[known]), return_counts=True)
    return {int(index): int(count) for index, count in zip(indices, counts, strict=True)}


def constants(gold: Gold, set_counts: Mapping[int, int]) -> dict[str, dict[str, Any]]:
    """Score the constant answers, and what nobody can beat.

    Args:
        gold: the clips to score.
        set_counts: set index -> how many training clips carry it; the constants are chosen on them.

    Returns:
        ``none``, ``most_frequent_label``, ``most_frequent_set``, ``all_labels`` -> metrics with
        ``answer`` (names); ``perfect``, the truth itself, whose accuracy is below 1 where an empty
        pair counts 0.
    """
    sets = all_sets(len(gold.labels))
    train_truth = np.repeat(sets[list(set_counts)], list(set_counts.values()), axis=0)
    found = {}
    for name, answer in constant_baselines(train_truth=train_truth).items():
        scores = _score(gold, np.tile(answer, (len(gold.truth), 1)))
        found[name] = {**scores, "answer": list(to_names(answer, gold.labels))}
    return {**found, "perfect": _score(gold, np.nan_to_num(gold.truth))}


def best_constants(gold: Gold, set_counts: Mapping[int, int]) -> dict[str, dict[str, Any]]:
    """Find for each metric the one answer that is best on the training labels, and score it."""
    sets = all_sets(len(gold.labels))
    expected = _sums(sets, sets, np.array([set_counts.get(s, 0) for s in range(len(sets))]))
    found = {}
    for metric in _BEST_FOR:
        values = scalars(expected)[metric]
        answer = sets[values.argmin() if metric == "hamming_loss" else values.argmax()]
        value = _score(gold, np.tile(answer, (len(gold.truth), 1)))[metric]
        found[metric] = {"answer": list(to_names(answer, gold.labels)), "value": value}
    return found


def prior(gold: Gold, set_counts: Mapping[int, int]) -> dict[str, Any]:
    """Score the training labels' frequencies: as probabilities, and as answers drawn from them.

    Half a clip is added to every set, so that none is impossible (Krichevsky and Trofimov 1981).

    Returns:
        ``set_nll``, ``ece``, ``brier``; ``drawn``, metrics of answers drawn at random, with every
        sum over clips at its expectation.
    """
    sets = all_sets(len(gold.labels))
    probs = np.full(len(sets), _HALF_A_CLIP)
    for index, count in set_counts.items():
        probs[index] += count
    probs /= probs.sum()
    marginals = np.tile(np.clip(probs @ sets, 0, 1), (len(gold.truth), 1))
    calibration = calibration_metrics(truth=gold.truth, probs=marginals, labels=gold.labels)
    known = np.isin(gold.truth, (0, 1)).all(axis=1)
    frequency = np.bincount(to_set_index(gold.truth[known]), minlength=len(sets))
    return {
        "set_nll": set_nll(
            truth=gold.truth, set_log_probs=np.tile(np.log(probs), (len(gold.truth), 1))
        ),
        "ece": calibration["ece"],
        "brier": calibration["brier"],
        "drawn": {
            name: float(value)
            for name, value in scalars(probs @ _sums(sets, sets, frequency)).items()
        },
    }


def _sums(answers: NDArray[np.int8], sets: NDArray[np.int8], counts: NDArray[Any]) -> Floats:
    """Return the sums over clips of each constant answer (A, C), for clips counted by set."""
    labels = [str(k) for k in range(sets.shape[1])]
    return np.stack(
        [
            counts @ row_sums(check(sets, np.tile(answer, (len(sets), 1)), labels))
            for answer in answers
        ]
    )


def _score(gold: Gold, pred: NDArray[Any]) -> dict[str, Any]:
    return multilabel_metrics(truth=gold.truth, pred=pred, labels=gold.labels)
