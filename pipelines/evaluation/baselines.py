"""Scores that need no model: constant answers, label frequencies, and the upper bound."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmemo.arrays import Floats, Ints, LabelSets
from mmemo.labels import MOST_LISTED, all_sets, sets_of, to_names, to_set_index
from mmemo.metrics import constant_baselines, multilabel_metrics, set_nll
from mmemo.metrics.calibration import calibration_metrics
from mmemo.metrics.checks import check_pred
from mmemo.metrics.tally import row_sums, scalars
from pipelines.evaluation.sheets.sheet import Gold

_HALF_A_CLIP = 0.5
_LABELS_FOR_ALL_SETS = 8
_BEST_FOR = ("acc_jaccard_empty0", "exact_match", "hamming_loss", "micro_f1", "macro_f1")


def count_sets(gold: Gold) -> dict[int, int]:
    """Return the number of fully annotated clips with each set: set index -> clips."""
    indices, counts = np.unique(to_set_index(gold.truth[gold.fully_known]), return_counts=True)
    return {int(index): int(count) for index, count in zip(indices, counts, strict=True)}


def constants(gold: Gold, set_counts: Mapping[int, int]) -> dict[str, dict[str, Any]]:
    """Return the scores of the constant answers, and of the truth itself.

    Args:
        gold: the clips to score.
        set_counts: set index -> number of training clips with it; the constants are chosen on them.

    Returns:
        ``none``, ``most_frequent_label``, ``most_frequent_set``, ``all_labels`` -> metrics with
        ``answer`` (names); ``perfect``, the truth itself, whose accuracy is below 1 if an empty
        pair counts 0.
    """
    sets = sets_of(list(set_counts), len(gold.labels))
    train_truth = np.repeat(sets, list(set_counts.values()), axis=0)
    scores = {}
    for name, answer in constant_baselines(train_truth=train_truth).items():
        metrics = _score(gold, np.tile(answer, (len(gold.truth), 1)))
        scores[name] = {**metrics, "answer": list(to_names(answer, gold.labels))}
    return {**scores, "perfect": _score(gold, np.nan_to_num(gold.truth))}


def best_constants(gold: Gold, set_counts: Mapping[int, int]) -> dict[str, dict[str, Any]]:
    """Return for each metric the constant answer that is best on the training labels.

    With more than 8 labels only the sets that occur are tried, and the k most frequent labels for
    each k.
    """
    sets, counts = _occurring(set_counts, len(gold.labels))
    candidates = _candidates(sets, counts)
    expected = _sums(candidates, sets, counts)
    best = {}
    for metric in _BEST_FOR:
        values = scalars(expected)[metric]
        answer = candidates[values.argmin() if metric == "hamming_loss" else values.argmax()]
        value = _score(gold, np.tile(answer, (len(gold.truth), 1)))[metric]
        best[metric] = {"answer": list(to_names(answer, gold.labels)), "value": value}
    return best


def prior(gold: Gold, set_counts: Mapping[int, int]) -> dict[str, Any]:
    """Return the scores of the label frequencies: as probabilities, and as answers drawn from them.

    For the probabilities half a clip is added to every set, so that none is impossible (Krichevsky
    and Trofimov 1981). With more than 12 labels it is added to every label instead, and labels
    count as independent.

    Returns:
        ``set_nll``, ``ece``, ``brier``; ``drawn``, metrics of answers drawn at random, from the
        expected sums over clips.
    """
    n_labels = len(gold.labels)
    if n_labels <= MOST_LISTED:
        marginals, nll = _frequencies_of_sets(gold, set_counts)
    else:
        marginals, nll = _frequencies_of_labels(gold, set_counts)
    shape = (len(gold.truth), n_labels)
    calibration = calibration_metrics(
        truth=gold.truth, probs=np.broadcast_to(marginals, shape), labels=gold.labels
    )
    drawn, drawn_counts = _occurring(set_counts, n_labels)
    true_sets, true_counts = _occurring(count_sets(gold), n_labels)
    expected = (drawn_counts / drawn_counts.sum()) @ _sums(drawn, true_sets, true_counts)
    return {
        "set_nll": nll,
        "ece": calibration["ece"],
        "brier": calibration["brier"],
        "drawn": {name: float(value) for name, value in scalars(expected).items()},
    }


def _frequencies_of_sets(gold: Gold, set_counts: Mapping[int, int]) -> tuple[Floats, float]:
    """Return the probability of each label (K,), and the mean surprise of the clips' sets."""
    n_labels = len(gold.labels)
    probs = np.full(1 << n_labels, _HALF_A_CLIP)
    for index, count in set_counts.items():
        probs[index] += count
    probs /= probs.sum()
    log_probs = np.broadcast_to(np.log(probs), (len(gold.truth), len(probs)))
    marginals: Floats = np.clip(probs @ all_sets(n_labels).astype(np.float64), 0, 1)
    return marginals, set_nll(truth=gold.truth, set_log_probs=log_probs)


def _frequencies_of_labels(gold: Gold, set_counts: Mapping[int, int]) -> tuple[Floats, float]:
    """Return the same for labels that count as independent."""
    sets, counts = _occurring(set_counts, len(gold.labels))
    marginals = (counts @ sets + _HALF_A_CLIP) / (counts.sum() + 2 * _HALF_A_CLIP)
    log_probs = np.where(gold.truth == 1, np.log(marginals), np.log1p(-marginals))
    surprise = -np.where(np.isnan(gold.truth), 0.0, log_probs).sum(axis=1)
    return marginals, float(surprise.mean())


def _occurring(set_counts: Mapping[int, int], n_labels: int) -> tuple[LabelSets, Ints]:
    """Return the sets that occur (S, K), and their counts (S,)."""
    indices = sorted(set_counts)
    return sets_of(indices, n_labels), np.array([set_counts[index] for index in indices])


def _candidates(sets: LabelSets, counts: Ints) -> LabelSets:
    """Return the constant answers to try, (A, K)."""
    n_labels = sets.shape[1]
    if n_labels <= _LABELS_FOR_ALL_SETS:
        return all_sets(n_labels)
    by_frequency = np.argsort(-(counts @ sets), kind="stable")
    most_frequent = np.zeros((n_labels + 1, n_labels), dtype=np.int8)
    for size in range(n_labels + 1):
        most_frequent[size, by_frequency[:size]] = 1
    return np.unique(np.concatenate([most_frequent, sets]), axis=0)


def _sums(answers: LabelSets, sets: LabelSets, counts: NDArray[Any]) -> Floats:
    """Return the sums over clips of each constant answer (A, C), from counts per set."""
    labels = [str(k) for k in range(sets.shape[1])]
    return np.stack(
        [
            counts @ row_sums(check_pred(sets, np.tile(answer, (len(sets), 1)), labels))
            for answer in answers
        ]
    )


def _score(gold: Gold, pred: NDArray[Any]) -> dict[str, Any]:
    return multilabel_metrics(truth=gold.truth, pred=pred, labels=gold.labels)
