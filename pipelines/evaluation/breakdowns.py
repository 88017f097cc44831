"""Scores by kind of clip, and the confusion of label sets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from mmemo.arrays import Bools, Floats, LabelSets
from mmemo.labels import sets_of, to_names, to_set_index
from mmemo.metrics import multilabel_metrics
from pipelines.evaluation.sheets.sheet import Gold

METRICS = ("acc_jaccard_empty0", "exact_match", "hamming_loss", "micro_f1")
_LENGTHS_S = (0.0, 2.0, 5.0, 10.0, 20.0, np.inf)
_SETS_SHOWN = 9


def breakdowns(gold: Gold, answer_for: Mapping[str, LabelSets]) -> dict[str, list[dict[str, Any]]]:
    """Return scores of clips by number of labels, by modalities, and by length.

    Args:
        gold: the truth; kinds that it does not state are left out.
        answer_for: metric of ``METRICS`` -> the decisions (N, K) to score by it.

    Returns:
        ``n_labels``, and if known ``modalities`` and ``length_s`` -> list of ``name``, ``n`` and
        the metrics. Without labels, an accuracy that counts an empty pair 0 is always 0.
    """
    sizes = np.nansum(gold.truth, axis=1).astype(int)
    kinds = {"n_labels": [(str(size), sizes == size) for size in np.unique(sizes)]}
    if gold.modalities is not None:
        names_of_clips = [" + ".join(names) or "nothing" for names in gold.modalities]
        common = [name for name, _ in Counter(names_of_clips).most_common()]
        kinds["modalities"] = [(name, np.array(names_of_clips) == name) for name in common]
    if gold.lengths_s is not None:
        kinds["length_s"] = _by_length(gold.lengths_s)
    return {
        kind: [
            {"name": name, "n": int(rows.sum()), **_scores(gold, answer_for, rows)}
            for name, rows in groups
            if rows.any()
        ]
        for kind, groups in kinds.items()
    }


def set_confusion(gold: Gold, answer: LabelSets) -> dict[str, Any]:
    """Return how often each label set is answered for each, rare sets together.

    Returns:
        ``sets``, lists of names; ``counts`` (S + 1 true, S + 1 answered), the last for all others.
        Clips with an unknown label are left out.
    """
    known = gold.fully_known
    true_sets, answered = to_set_index(gold.truth[known]), to_set_index(answer[known])
    totals = Counter(true_sets.tolist()) + Counter(answered.tolist())
    shown = [index for index, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))]
    shown = shown[:_SETS_SHOWN]
    place = {index: row for row, index in enumerate(shown)}
    counts = np.zeros((len(shown) + 1, len(shown) + 1), dtype=int)
    for true_set, answered_set in zip(true_sets.tolist(), answered.tolist(), strict=True):
        counts[place.get(true_set, -1), place.get(answered_set, -1)] += 1
    n_labels = len(gold.labels)
    return {
        "sets": [list(to_names(row, gold.labels)) for row in sets_of(shown, n_labels)],
        "counts": counts.tolist(),
    }


def _by_length(lengths_s: Floats) -> list[tuple[str, Bools]]:
    groups = []
    for low, high in pairwise(_LENGTHS_S):
        name = f"{low:g} to {high:g} s" if np.isfinite(high) else f"{low:g} s and longer"
        groups.append((name, (lengths_s >= low) & (lengths_s < high)))
    return [*groups, ("unknown", np.isnan(lengths_s))]


def _scores(gold: Gold, answer_for: Mapping[str, LabelSets], rows: Bools) -> dict[str, float]:
    return {
        metric: multilabel_metrics(truth=gold.truth[rows], pred=answer[rows], labels=gold.labels)[
            metric
        ]
        for metric, answer in answer_for.items()
    }


def serving(metric: str, decoders: Sequence[str], served_by: Mapping[str, Sequence[str]]) -> str:
    """Return the decoder for a metric: the first of the preferred ones, else the first."""
    return next((name for name in served_by.get(metric, ()) if name in decoders), decoders[0])
