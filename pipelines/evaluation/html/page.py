"""An evaluation as one page: scores, labels, probabilities, label sets, kinds of clips."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmemo import __version__
from pipelines.evaluation.html.charts import (
    difference_strip,
    gap_chart,
    interval_strip,
    precision_recall_chart,
    reliability_chart,
    set_heatmap,
)
from pipelines.evaluation.html.style import CSS
from pipelines.evaluation.html.svg import tag, text
from pipelines.evaluation.text_table import (
    CEILING,
    COLUMNS,
    DEMONSTRATION,
    LOWER_IS_BETTER,
    METRIC_NAMES,
    baseline_name,
    ceiling_rows,
    number,
    probability_rows,
    set_name,
    span,
)

_BREAKDOWNS = {
    "n_labels": ("By number of true labels", "labels"),
    "modalities": ("By modalities present", "modalities"),
    "length_s": ("By length", "length"),
}
_DEFINITIONS = """Accuracy is the mean over clips of |truth and answer| / |truth or answer|. Where a
clip carries no label and none is answered, the literature on CMU-MOSEI counts 0; the other
convention counts 1. Weighted accuracy is the mean of the recalls of presence and absence. Intervals
are 95 % percentile bootstraps; clips of one video are alike, so the first interval draws whole
videos and is the one to trust. Decoders of our models: jaccard, jaccard1 (an empty pair counts 1),
hamming and map maximise the expected accuracy, minus the Hamming loss, and exact match; threshold
and macro cut each label's probability for micro-F1 and for macro-F1, chosen on validation clips."""


def evaluation_page(evaluation: Mapping[str, Any], *, title: str, demonstration: bool) -> str:
    """Return an evaluation of ``pipelines.evaluation.build`` as HTML without external files."""
    sections = [
        _head(evaluation, title, demonstration),
        _scores(evaluation),
        _ceiling(evaluation),
        _gaps(evaluation),
        _comparison(evaluation),
        _labels(evaluation),
        _calibration(evaluation),
        _single_label(evaluation),
        _sets(evaluation),
        _kinds(evaluation),
        _all_decoders(evaluation),
        tag("h2", "Definitions") + tag("p", text(_DEFINITIONS)),
        tag("p", text(f"Made by mmemo {__version__}."), class_="soft"),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{CSS}</style></head>"
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )


def _head(evaluation: Mapping[str, Any], title: str, demonstration: bool) -> str:
    protocol = evaluation["protocol"]
    facts = [
        protocol["split"] or "",
        f"{evaluation['n']} clips",
        f"{protocol['videos']} videos",
        f"{protocol['labels']} labels",
        f"{protocol['clips_with_n_labels'][0]} clips without any",
        f"a label is present at {protocol['present_when']}",
    ]
    items = "".join(tag("li", text(fact)) for fact in facts if fact)
    notices = list(protocol["warnings"])
    if demonstration:
        notices.insert(0, DEMONSTRATION.replace("\n", " "))
    boxes = "".join(tag("p", text(notice), class_="notice") for notice in notices)
    boxes += "".join(
        tag("p", text(f"Note: {note}."), class_="soft") for note in evaluation["notes"]
    )
    return tag("h1", text(title)) + tag("ul", items, class_="facts") + boxes


def _scores(evaluation: Mapping[str, Any]) -> str:
    rows, n_labels = [], len(evaluation["protocol"]["clips_with_label"])
    for metric, scores in evaluation["headline"].items():
        best = evaluation["best_constants"].get(metric)
        rows.append(
            [
                _metric(metric),
                number(scores["value"]),
                interval_strip(
                    METRIC_NAMES[metric], scores["value"], scores["interval95"],
                    best["value"] if best else None,
                ),
                span(scores["interval95"]),
                span(scores["interval95_by_clip"]),
                scores["decoder"],
                f"{best['value']:.3f} {text(set_name(best['answer'], n_labels))}" if best else "",
            ]
        )  # fmt: skip
    for metric, value, interval in probability_rows(evaluation):
        prior = evaluation["prior"].get(metric)
        unit = metric != "set_nll"
        strip = interval_strip(METRIC_NAMES[metric], value, interval, prior) if unit else ""
        baseline = "" if prior is None else f"{prior:.3f} label frequencies"
        rows.append([_metric(metric), number(value), strip, span(interval), "", "", baseline])
    head = ["", "score", "0 to 1", "95 % by video", "by clip", "decoder", "best baseline"]
    caption = (
        "Blue: the score and its interval. Upright bar: the best constant answer, or the label "
        f"frequencies (chosen on {evaluation['baselines_chosen_on']}). ↓: lower is "
        "better."
    )
    return tag("h2", "Scores") + _table(head, rows, caption, left=(5, 6))


def _ceiling(evaluation: Mapping[str, Any]) -> str:
    if "annotator_ceiling" not in evaluation:
        return ""
    head = ["", "this model", "second panel", "oracle"]
    rows = [[text(cell) for cell in row] for row in ceiling_rows(evaluation)]
    return tag("h2", "What limits a score") + _table(head, rows, CEILING.split(": ", 1)[1])


def _gaps(evaluation: Mapping[str, Any]) -> str:
    if "gaps" not in evaluation:
        return ""
    charts = "".join(gap_chart(name, rows) for name, rows in evaluation["gaps"].items())
    caption = (
        "Solid: accuracy (Jaccard, empty pair = 0). Dotted: micro-F1. One continuous stretch of "
        "each clip is hidden, at a place of its own; “all” hides the same stretch of everything."
    )
    return tag("h2", "With parts missing") + _figure(tag("div", charts, class_="many"), caption)


def _comparison(evaluation: Mapping[str, Any]) -> str:
    if "comparison" not in evaluation:
        return ""
    comparison = evaluation["comparison"]
    metrics = comparison["metrics"]
    ends = [abs(end) for scores in metrics.values() for end in scores["interval95"]]
    reach = max([1e-3, *ends])
    rows = [
        [
            _metric(metric),
            number(scores["value"]),
            number(scores["other"]),
            f"{scores['difference']:+.4f}",
            difference_strip(METRIC_NAMES[metric], scores, reach),
            span(scores["interval95"], sign="+"),
            f"{scores['p_value']:.4f}",
            f"{scores['p_holm']:.4f}",
        ]
        for metric, scores in metrics.items()
    ]
    head = ["", "this", "other", "difference", f"-{reach:.2f} to +{reach:.2f}", "95 %", "p",
            "p (Holm)"]  # fmt: skip
    caption = (
        "Difference on the same clips, intervals and p-values by video. The p-value is the chance "
        "of a difference as large if the two systems' answers were swapped at random."
    )
    notes = "".join(tag("p", text(f"Note: {note}."), class_="soft") for note in comparison["notes"])
    title = tag("h2", text(f"Against {comparison['against']}"))
    return title + notes + _table(head, rows, caption)


def _labels(evaluation: Mapping[str, Any]) -> str:
    decoder = evaluation["headline"]["macro_f1"]["decoder"]
    scores = evaluation["decoders"][decoder]["per_label"]
    ranking = evaluation.get("ranking", {}).get("per_label", {})
    calibration = evaluation.get("calibration", {}).get("per_label", {})
    head = ["", "clips", "precision", "recall", "F1", "weighted accuracy"]
    head += ["AUC", "average precision", "ECE"] if ranking else []
    rows = []
    for label, label_scores in scores.items():
        row = [text(label), str(label_scores["support"])]
        row += [
            number(label_scores[key], 3)
            for key in ("precision", "recall", "f1", "weighted_accuracy")
        ]
        if ranking:
            row += [number(ranking[label]["auc"], 3)]
            row += [number(ranking[label]["average_precision"], 3)]
            row += [number(calibration[label]["ece"], 3)]
        rows.append(row)
    parts = [tag("h2", "Labels"), _table(head, rows, f"Decisions of the decoder “{decoder}”.")]
    if "pr_curves" in evaluation:
        charts = "".join(
            precision_recall_chart(label, curve, scores[label])
            for label, curve in evaluation["pr_curves"].items()
        )
        caption = (
            "Precision against recall as the threshold falls. Dot: the decisions above. Dashed: "
            "the frequency of the label, which guessing reaches. Thin lines: equal F1."
        )
        parts.append(_figure(tag("div", charts, class_="many"), caption))
    return "".join(parts)


def _calibration(evaluation: Mapping[str, Any]) -> str:
    if "calibration" not in evaluation:
        return ""
    calibration = evaluation["calibration"]
    caption = (
        f"All labels together. Expected calibration error {calibration['ece']:.3f}, Brier score "
        f"{calibration['brier']:.3f} ({evaluation['prior']['brier']:.3f} for the label "
        "frequencies). On the dashed line, the frequency equals the predicted probability. Hollow: "
        "fewer than 30 cells."
    )
    before = calibration.get("before")
    if before:
        caption += (
            f" Dotted: before calibration, with an error of {before['ece']:.3f} and a Brier "
            f"score of {before['brier']:.3f}."
        )
    chart = reliability_chart(calibration["reliability"], before["reliability"] if before else ())
    return tag("h2", "Calibration of the probabilities") + _figure(chart, caption)


def _single_label(evaluation: Mapping[str, Any]) -> str:
    if "single_label" not in evaluation:
        return ""
    scores = evaluation["single_label"]
    labels = list(scores["recall"])
    rows = [
        [text(label), number(scores["recall"][label], 3), *(str(count) for count in counts)]
        for label, counts in zip(labels, scores["confusion"], strict=True)
    ]
    caption = (
        f"Every clip carries exactly one label. Accuracy of the most probable one "
        f"{scores['accuracy']:.3f}, unweighted average recall {scores['uar']:.3f}, weighted F1 "
        f"{scores['weighted_f1']:.3f}. Rows: true; columns: answered."
    )
    return tag("h2", "One label per clip") + _table(["", "recall", *labels], rows, caption)


def _sets(evaluation: Mapping[str, Any]) -> str:
    decoder = evaluation["headline"]["exact_match"]["decoder"]
    caption = (
        "Clips by true set (row) and answered set (column), decoder "
        f"“{decoder}”. Shade: share of the row. Framed: the right answer."
    )
    chart = tag("div", set_heatmap(evaluation["set_confusion"]), class_="scroll")
    return tag("h2", "Label sets") + _figure(chart, caption)


def _kinds(evaluation: Mapping[str, Any]) -> str:
    names = {"acc_jaccard_empty0": "accuracy", "exact_match": "exact match",
             "hamming_loss": "Hamming loss", "micro_f1": "micro-F1"}  # fmt: skip
    tables = []
    for kind, (title, first) in _BREAKDOWNS.items():
        groups = evaluation["breakdowns"].get(kind)
        if groups is None:
            continue
        rows = [
            [text(group["name"]), str(group["n"]), *(number(group[key], 3) for key in names)]
            for group in groups
        ]
        tables.append(tag("div", tag("h3", title), _table([first, "clips", *names.values()], rows)))
    return tag("h2", "Kinds of clips") + tag("div", *tables, class_="side")


def _all_decoders(evaluation: Mapping[str, Any]) -> str:
    rows = [
        [text(name), *(number(scores[key]) for key, _ in COLUMNS)]
        for name, scores in evaluation["decoders"].items()
    ]
    n_labels = len(evaluation["protocol"]["clips_with_label"])
    shown = {baseline_name(n, s, n_labels): s for n, s in evaluation["baselines"].items()}
    shown["drawn from label frequencies"] = evaluation["prior"]["drawn"]
    rows += [
        [text(name), *(number(scores[key]) for key, _ in COLUMNS)] for name, scores in shown.items()
    ]
    caption = "Perfect: the truth itself; where an empty pair counts 0, it stays below 1."
    return tag("h2", "All answers, and constants") + _table(
        ["", *(name for _, name in COLUMNS)], rows, caption
    )


def _metric(metric: str) -> str:
    better = " ↓" if metric in LOWER_IS_BETTER else ""
    return text(METRIC_NAMES[metric] + better)


def _table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    caption: str = "",
    left: Sequence[int] = (),
) -> str:
    """Return cells of markup as a table that scrolls if it is too wide."""
    lines = [list(head), *rows]
    pictures = {c for row in lines[1:] for c, cell in enumerate(row) if cell.startswith("<svg")}
    kinds = [
        "picture" if column in pictures else "left" if column in left else None
        for column in range(len(head))
    ]
    titles = [
        tag("th", text(name), scope="col", class_=kind)
        for name, kind in zip(head, kinds, strict=True)
    ]
    body = [
        tag("tr", *(tag("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True)))
        for row in lines[1:]
    ]
    introduction = tag("p", text(caption), class_="soft") if caption else ""
    return introduction + tag("div", tag("table", tag("tr", *titles), *body), class_="scroll")


def _figure(inner: str, caption: str) -> str:
    return tag("figure", inner, tag("figcaption", text(caption)))
