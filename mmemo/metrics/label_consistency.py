"""Whether the scores of single labels, and their means, can be true together.

Precision, recall and F1 of one label are tied by F1 = 2PR / (P + R); macro and weighted scores are
means of them, and the weighted recall is the micro recall. Each printed score stands for an
interval (see ``mmemo.metrics.consistency``); two that do not meet contradict each other.
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
    """Say which scores of single labels contradict each other or their means.

    Args:
        per_label: scores of each label.
        means: ``macro_...``, ``weighted_...`` and ``micro_recall``; other names are passed over.
        counts: label -> how many clips carry it, None if unknown.
    """
    found = [
        f"{label}: precision {p.value:g} and recall {r.value:g} make F1 {low:.4f} to {high:.4f}, "
        f"not {f1.value:g}"
        for label, p, r, f1 in _triples(per_label)
        for low, high in [(_f1(p.low, r.low), _f1(p.high, r.high))]
        if not _meet(low, high, f1)
    ]
    for score in _SCORES:
        held = per_label.get(score, {})
        if not held or (counts is not None and set(held) != set(counts)):
            continue
        found += _wrong_mean(f"macro_{score}", held, means, {label: 1 for label in held})
        if counts is not None:
            found += _wrong_mean(f"weighted_{score}", held, means, counts)
    if counts is not None and set(per_label.get("recall", {})) == set(counts):
        found += _wrong_mean("micro_recall", per_label["recall"], means, counts)
    weighted, micro = means.get("weighted_recall"), means.get("micro_recall")
    if weighted and micro and not _meet(weighted.low, weighted.high, micro):
        found.append(
            f"weighted recall {weighted.value:g} and micro recall {micro.value:g} are the same "
            "number by definition"
        )
    return tuple(found)


def _triples(per_label: PerLabel) -> list[tuple[str, Printed, Printed, Printed]]:
    precision, recall, f1 = (per_label.get(score, {}) for score in _SCORES)
    return [
        (label, precision[label], recall[label], f1[label])
        for label in f1
        if label in precision and label in recall
    ]


def _wrong_mean(
    name: str,
    held: Mapping[str, Printed],
    means: Mapping[str, Printed],
    weights: Mapping[str, int],
) -> list[str]:
    if name not in means or not sum(weights.values()):
        return []
    total = sum(weights.values())
    low = sum(held[label].low * weight for label, weight in weights.items()) / total
    high = sum(held[label].high * weight for label, weight in weights.items()) / total
    if _meet(low, high, means[name]):
        return []
    return [f"the labels' scores make {name} {low:.4f} to {high:.4f}, not {means[name].value:g}"]


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _meet(low: float, high: float, figure: Printed) -> bool:
    return low <= figure.high + _SLACK and figure.low <= high + _SLACK
