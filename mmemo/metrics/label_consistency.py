"""Whether published scores of single labels, and their means, can be true together.

F1 of a label is 2PR / (P + R) of its precision and recall; macro and weighted scores are means over
labels, and the weighted recall is the micro recall. Each printed score is an interval (see
``mmemo.metrics.consistency``); two that do not overlap contradict each other.
"""

from collections.abc import Mapping

from mmemo.metrics.consistency import Printed

_SLACK = 1e-9
_SCORES = ("precision", "recall", "f1")

PerLabel = Mapping[str, Mapping[str, Printed]]
"""``precision``, ``recall`` or ``f1`` -> label -> the score as printed."""


def label_contradictions(
    per_label: PerLabel,
    means: Mapping[str, Printed],
    counts: Mapping[str, int] | None,
) -> tuple[str, ...]:
    """Return messages on scores of single labels that contradict each other or their means.

    Args:
        per_label: scores of each label.
        means: ``macro_...``, ``weighted_...`` and ``micro_recall``; other names are ignored.
        counts: label -> number of clips that carry it, None if unknown.
    """
    messages = [
        f"{label}: precision {p.value:g} and recall {r.value:g} make F1 {low:.4f} to {high:.4f}, "
        f"not {f1.value:g}"
        for label, p, r, f1 in _triples(per_label)
        for low, high in [(_f1(p.low, r.low), _f1(p.high, r.high))]
        if not _overlap(low, high, f1)
    ]
    for score in _SCORES:
        scores = per_label.get(score, {})
        if not scores or (counts is not None and set(scores) != set(counts)):
            continue
        messages += _wrong_mean(f"macro_{score}", scores, means, {label: 1 for label in scores})
        if counts is not None:
            messages += _wrong_mean(f"weighted_{score}", scores, means, counts)
    if counts is not None and set(per_label.get("recall", {})) == set(counts):
        messages += _wrong_mean("micro_recall", per_label["recall"], means, counts)
    weighted, micro = means.get("weighted_recall"), means.get("micro_recall")
    if weighted and micro and not _overlap(weighted.low, weighted.high, micro):
        messages.append(
            f"weighted recall {weighted.value:g} and micro recall {micro.value:g} are the same "
            "number by definition"
        )
    return tuple(messages)


def _triples(per_label: PerLabel) -> list[tuple[str, Printed, Printed, Printed]]:
    precision, recall, f1 = (per_label.get(score, {}) for score in _SCORES)
    return [
        (label, precision[label], recall[label], f1[label])
        for label in f1
        if label in precision and label in recall
    ]


def _wrong_mean(
    name: str,
    scores: Mapping[str, Printed],
    means: Mapping[str, Printed],
    weights: Mapping[str, int],
) -> list[str]:
    if name not in means or not sum(weights.values()):
        return []
    total = sum(weights.values())
    low = sum(scores[label].low * weight for label, weight in weights.items()) / total
    high = sum(scores[label].high * weight for label, weight in weights.items()) / total
    if _overlap(low, high, means[name]):
        return []
    return [f"the labels' scores make {name} {low:.4f} to {high:.4f}, not {means[name].value:g}"]


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _overlap(low: float, high: float, figure: Printed) -> bool:
    return low <= figure.high + _SLACK and figure.low <= high + _SLACK
