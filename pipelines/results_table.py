"""Results as text: a table a person reads, with what it is measured on stated above it."""

from collections.abc import Mapping, Sequence
from typing import Any

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
DEMONSTRATION = (
    "DEMONSTRATION CORPUS: synthetic clips made by this program. These figures show that the whole "
    "path works;\nthey say nothing about real people."
)
_LEGEND = (
    "Jaccard0/Jaccard1: mean |truth & answer| / |truth | answer|, an empty pair counting 0 (the "
    "field's 'Acc') or 1.\nHamming: lower is better. Each decoder answers for the score it "
    "maximises: jaccard, hamming, map (exact match),\nthreshold (micro-F1; chosen on validation "
    "clips). In brackets: 95 % bootstrap over videos."
)


def results_table(report: Mapping[str, Any], *, title: str, demonstration: bool) -> str:
    """Set out a report of ``pipelines.evaluate`` as text."""
    header = ["", *(name for _, name in COLUMNS)]
    rows = [_row(f"always {_spaced(name)}", scores) for name, scores in report["baselines"].items()]
    rows += [_row(name, scores) for name, scores in report["decoders"].items()]
    rows += [_interval_row(report["decoders"]["threshold"]["interval95"])]
    parts = [f"{title}: {report['n']} clips"]
    if demonstration:
        parts.append(DEMONSTRATION)
    parts += [
        grid([header, *rows]),
        f"Set NLL (mean -log p of the true set): {report['set_nll']:.3f} nats",
        _LEGEND,
        per_label_table(report["decoders"]["threshold"]["per_label"]),
    ]
    return "\n\n".join(parts)


def per_label_table(per_label: Mapping[str, Mapping[str, float]]) -> str:
    """Set out precision, recall, F1 and support of each label."""
    rows = [["label (threshold)", "precision", "recall", "F1", "clips"]]
    for name, scores in per_label.items():
        figures = [f"{scores[key]:.3f}" for key in ("precision", "recall", "f1")]
        rows.append([name, *figures, str(int(scores["support"]))])
    return grid(rows)


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Align cells: the first column to the left, the others to the right, a rule under the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def _row(name: str, scores: Mapping[str, Any]) -> list[str]:
    return [name, *(f"{scores[key]:.3f}" for key, _ in COLUMNS)]


def _interval_row(intervals: Mapping[str, Sequence[float]]) -> list[str]:
    def span(key: str) -> str:
        low, high = intervals[key]
        return f"[{low:.2f} {high:.2f}]"

    return ["  threshold 95 %", *(span(key) for key, _ in COLUMNS)]


def _spaced(name: str) -> str:
    return name.replace("_", " ")
