"""Evaluations as text: tables, headed by the clips that they were measured on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipelines.evaluation.sheets.sheet import NOT_MEASURED

COLUMNS: tuple[tuple[str, str], ...] = (
    ("acc_jaccard_empty0", "Jaccard0"),
    ("acc_jaccard_empty1", "Jaccard1"),
    ("exact_match", "Exact"),
    ("hamming_loss", "Hamming"),
    ("micro_precision", "micro-P"),
    ("micro_recall", "micro-R"),
    ("micro_f1", "micro-F1"),
    ("macro_f1", "macro-F1"),
)
METRIC_NAMES: Mapping[str, str] = {
    "acc_jaccard_empty0": "accuracy (Jaccard, empty pair = 0)",
    "acc_jaccard_empty1": "accuracy (Jaccard, empty pair = 1)",
    "exact_match": "exact match",
    "hamming_loss": "Hamming loss",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "weighted_f1": "weighted F1",
    "samples_f1": "sample-averaged F1",
    "weighted_accuracy": "weighted accuracy (older protocol)",
    "macro_auc": "area under the ROC curve (mean)",
    "macro_average_precision": "average precision (mean)",
    "ece": "expected calibration error",
    "brier": "Brier score",
    "ece_before": "calibration error before calibration",
    "brier_before": "Brier score before calibration",
    "set_nll": "set negative log-likelihood",
    "accuracy": "accuracy of the most probable label",
    "uar": "unweighted average recall",
}
LOWER_IS_BETTER = frozenset(
    {"hamming_loss", "ece", "brier", "ece_before", "brier_before", "set_nll"}
)
DEMONSTRATION = (
    "DEMONSTRATION CORPUS: synthetic clips made by this program. These figures show that all parts "
    "work together;\nthey say nothing about real people."
)
_LEGEND = (
    "Jaccard0/Jaccard1: mean |truth & answer| / |truth | answer|, an empty pair counting 0 (the "
    "literature's 'Acc') or 1.\nHamming: lower is better. Our models report each score with the "
    "decoder that maximises it:\njaccard and jaccard1 (its two conventions), hamming, map (exact "
    "match), threshold (micro-F1) and macro\n(macro-F1); thresholds were chosen on validation "
    "clips. Intervals: 95 % bootstrap, drawing whole videos,\nor single clips."
)
_BREAKDOWNS = {"n_labels": "labels", "modalities": "modalities", "length_s": "length"}


_SUREST_FIRST = ("likely", "possible", "cannot tell", NOT_MEASURED)


def results_table(evaluation: Mapping[str, Any], *, title: str, demonstration: bool) -> str:
    """Return an evaluation of ``pipelines.evaluation.build`` as text."""
    protocol = evaluation["protocol"]
    split = f" ({protocol['split']})" if protocol["split"] else ""
    counts = f"{evaluation['n']} clips of {protocol['videos']} videos, {protocol['labels']} labels"
    parts = [f"{title}{split}: {counts}, {protocol['clips_with_n_labels'][0]} clips without any"]
    parts += [f"Note: {note}." for note in [*evaluation["notes"], *protocol["warnings"]]]
    if demonstration:
        parts.append(DEMONSTRATION)
    parts += [_main_table(evaluation), headline_table(evaluation), per_label_table(evaluation)]
    parts += [
        breakdown_table(name, evaluation["breakdowns"][kind])
        for kind, name in _BREAKDOWNS.items()
        if kind in evaluation["breakdowns"]
    ]
    if "reliabilities" in evaluation:
        parts.append(_reliability_table(evaluation["reliabilities"]))
    if "gaps" in evaluation:
        parts.append(gaps_table(evaluation["gaps"]))
    if "annotator_ceiling" in evaluation:
        parts.append(ceiling_table(evaluation))
    if "comparison" in evaluation:
        parts.append(comparison_table(evaluation["comparison"]))
    return "\n\n".join([*parts, _LEGEND])


def headline_table(evaluation: Mapping[str, Any]) -> str:
    """Return the table of metrics, each with its decoder and its intervals."""
    rows = [["metric", "value", "95 % by video", "by clip", "decoder", "best constant"]]
    n_labels = len(evaluation["protocol"]["clips_with_label"])
    for metric, scores in evaluation["headline"].items():
        best = evaluation["best_constants"].get(metric)
        rows.append(
            [
                METRIC_NAMES[metric],
                number(scores["value"]),
                span(scores["interval95"]),
                span(scores["interval95_by_clip"]),
                scores["decoder"],
                f"{best['value']:.4f} {set_name(best['answer'], n_labels)}" if best else "",
            ]
        )
    for metric, value, interval in probability_rows(evaluation):
        prior = evaluation["prior"].get(metric)
        baseline = "" if prior is None else f"{prior:.4f} frequencies"
        rows.append([METRIC_NAMES[metric], number(value), span(interval), "", "", baseline])
    return grid(rows, left=(0, 4, 5))


def probability_rows(
    evaluation: Mapping[str, Any],
) -> list[tuple[str, float | None, Sequence[float] | None]]:
    """Return the scores of probabilities in an evaluation: metric, value, interval."""
    rows: list[tuple[str, float | None, Sequence[float] | None]] = []
    for part, metrics in (
        ("ranking", ("macro_auc", "macro_average_precision")),
        ("calibration", ("ece", "brier")),
        ("single_label", ("accuracy", "uar", "weighted_f1")),
    ):
        scores = evaluation.get(part)
        rows += [(m, scores[m], scores["interval95"][m]) for m in metrics] if scores else []
    before = evaluation.get("calibration", {}).get("before", {})
    rows += [(f"{m}_before", before[m], None) for m in ("ece", "brier") if before]
    if "set_nll" in evaluation:
        rows.append(("set_nll", evaluation["set_nll"], None))
    return rows


def per_label_table(evaluation: Mapping[str, Any]) -> str:
    """Return the table of scores per label, with the decoder for macro-F1."""
    decoder = evaluation["headline"]["macro_f1"]["decoder"]
    header = [f"label ({decoder})", "precision", "recall", "F1", "WA"]
    ranking = evaluation.get("ranking", {}).get("per_label", {})
    header += ["AUC", "AP", "ECE"] if ranking else []
    rows = [[*header, "clips"]]
    for name, scores in evaluation["decoders"][decoder]["per_label"].items():
        keys = ("precision", "recall", "f1", "weighted_accuracy")
        figures: list[float | None] = [scores[key] for key in keys]
        if ranking:
            figures += [ranking[name]["auc"], ranking[name]["average_precision"]]
            figures += [evaluation["calibration"]["per_label"][name]["ece"]]
        rows.append([name, *(number(f, 3) for f in figures), str(int(scores["support"]))])
    return grid(rows)


def _reliability_table(reliabilities: Mapping[str, Mapping[str, float]]) -> str:
    """Return the table of how many answers for people were right, the surest first."""
    rows = [["reliability (sure)", "right", "clips"]]
    for name in sorted(reliabilities, key=_SUREST_FIRST.index):
        own = reliabilities[name]
        rows.append([name, number(own["right"], 3), f"{own['n']:.0f}"])
    return grid(rows)


def breakdown_table(kind: str, groups: Iterable[Mapping[str, Any]]) -> str:
    """Return the table of scores per kind of clip."""
    names = {"acc_jaccard_empty0": "Jaccard0", "exact_match": "Exact", "hamming_loss": "Hamming",
             "micro_f1": "micro-F1"}  # fmt: skip
    rows = [[kind, *names.values(), "clips"]]
    rows += [[g["name"], *(number(g[key], 3) for key in names), str(g["n"])] for g in groups]
    return grid(rows)


def gaps_table(gaps: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Return the table of scores with a share of each clip's words, voice or face missing."""
    metrics = [name for name in next(iter(gaps.values()))[0] if name != "share"]
    rows = [["missing, in one stretch", *(METRIC_NAMES[metric] for metric in metrics)]]
    for place, (name, scores) in enumerate(gaps.items()):
        for row in scores:
            if row["share"] or not place:
                missing = f"{row['share']:.0%} of {name}" if row["share"] else "nothing"
                rows.append([missing, *(number(row[metric]) for metric in metrics)])
    return grid(rows)


CEILING = (
    "What limits a score: labels come from three annotators, and another three would have marked "
    "other clips. Second\npanel: their estimated agreement with these labels. Oracle: a reader who "
    "knows how likely each clip is to be\nmarked. Ranges: how many annotators marked a clip is not "
    "recorded (docs/metrics.md)."
)


def ceiling_rows(evaluation: Mapping[str, Any]) -> list[list[str]]:
    """Return the rows of metrics with the model's score, a second panel's and an oracle's."""
    panel, oracle = (evaluation["annotator_ceiling"][who] for who in ("second_panel", "oracle"))
    headline = evaluation["headline"]
    return [
        [METRIC_NAMES[m], number(headline[m]["value"]), _range(panel[m]), _range(oracle[m])]
        for m in oracle
    ]


def ceiling_table(evaluation: Mapping[str, Any]) -> str:
    """Return the table of what annotators and a perfect reader would score."""
    head = ["metric", "this model", "second panel", "oracle"]
    return f"{grid([head, *ceiling_rows(evaluation)])}\n{CEILING}"


def _range(scores: Sequence[float]) -> str:
    lower, higher = scores
    return f"{lower:.2f} to {higher:.2f}"


def comparison_table(comparison: Mapping[str, Any]) -> str:
    """Return the table of differences between two systems, with intervals and p-values."""
    rows = [["metric", "value", "other", "difference", "95 %", "p", "p (Holm)"]]
    for metric, scores in comparison["metrics"].items():
        values = [number(scores[key]) for key in ("value", "other")]
        rows.append(
            [
                METRIC_NAMES[metric],
                *values,
                f"{scores['difference']:+.4f}",
                span(scores["interval95"], sign="+"),
                f"{scores['p_value']:.4f}",
                f"{scores['p_holm']:.4f}",
            ]
        )
    notes = "".join(f"\nNote: {note}." for note in comparison["notes"])
    return (
        f"Against {comparison['against']}, on the same clips; intervals and p-values (approximate "
        f"randomisation) by video:{notes}\n\n{grid(rows)}"
    )


def grid(rows: Sequence[Sequence[str]], left: Iterable[int] = (0,)) -> str:
    """Return rows as aligned text, columns of ``left`` to the left, with a rule under the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    to_left = frozenset(left)
    lines = [
        "  ".join(
            cell.ljust(width) if column in to_left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def number(value: float | None, digits: int = 4) -> str:
    """Return a score as text, a dash if it is undefined."""
    return "-" if value is None else f"{value:.{digits}f}"


def span(interval: Sequence[float | None] | None, *, sign: str = "") -> str:
    """Return an interval as text, empty if it is undefined."""
    if interval is None or None in interval:
        return ""
    low, high = interval
    return f"[{low:{sign}.3f} {high:{sign}.3f}]"


def set_name(names: Sequence[str], n_labels: int | None = None) -> str:
    """Return the name of a set of labels; ``n_labels`` is the number of all labels."""
    if not names:
        return "none"
    return "all labels" if len(names) == n_labels else "{" + ", ".join(names) + "}"


def baseline_name(name: str, scores: Mapping[str, Any], n_labels: int) -> str:
    """Return the name of a baseline, by its answer."""
    return f"always {set_name(scores['answer'], n_labels)}" if "answer" in scores else name


def _main_table(evaluation: Mapping[str, Any]) -> str:
    header = ["", *(name for _, name in COLUMNS)]
    n_labels = len(evaluation["protocol"]["clips_with_label"])
    baselines = evaluation["baselines"].items()
    shown = {baseline_name(name, scores, n_labels): scores for name, scores in baselines}
    shown |= {"drawn from label frequencies": evaluation["prior"]["drawn"]} | evaluation["decoders"]
    rows = [[name, *(f"{scores[key]:.4f}" for key, _ in COLUMNS)] for name, scores in shown.items()]
    return f"{grid([header, *rows])}\nBaselines are chosen on {evaluation['baselines_chosen_on']}."
