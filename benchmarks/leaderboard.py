"""Make docs/leaderboard.md from docs/leaderboard.toml: ``python -m benchmarks.leaderboard``.

``--check`` only checks whether the page is up to date (exit code 1 if not).
"""

import argparse
import sys
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.evaluation.published import Finding, check_published, read_published, repair_text

DOCS = Path(__file__).resolve().parents[1] / "docs"
DATA, PAGE = DOCS / "leaderboard.toml", DOCS / "leaderboard.md"

GROUPS = {
    "constant": "Without looking",
    "classical": "Word vectors, COVAREP, Facet",
    "pretrained": "Pretrained encoders",
    "other": "Other protocols, not comparable",
}
COLUMNS = {
    "acc_jaccard_empty0": "Acc",
    "hamming_loss": "HL",
    "micro_precision": "P",
    "micro_recall": "R",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "exact_match": "exact",
}
SWAPPED = "precision and recall are swapped"
SLIGHT = 5.0
"""Contradictions resolved by this many units of one last digit may be rounding errors."""

INTRODUCTION = """# Leaderboard: multi-label emotions on CMU-MOSEI

Made by `python -m benchmarks.leaderboard` of [leaderboard.toml](leaderboard.toml): change the data,
not the page.

Protocol, unless a row says otherwise: the standard folds (16,326 / 1,871 / 4,659 clips), an emotion
is present at an intensity above 0, clips without any emotion are kept. **Acc** is the mean Jaccard
index in which an empty answer to an empty truth counts 0, so the truth itself has only .8493.
**HL** is Hamming loss (lower is better); P and R are micro-averaged, and shown the right way round
also where the source swaps them. Sampling noise alone is about ±.013 of Acc and ±.010 of micro-F1
(95 %, clip by clip; more by video), which is more than what lies between most neighbours here.

*arithmetic* says whether a row's scores can be true together, given the counts of clips and labels
([how](metrics.md#published-scores)): **ok**; **off**, by a few units of a last digit; **swapped**,
P and R; **impossible**; or nothing, where too few scores are printed to tell. A row without scores
is one whose figures nobody here has seen.
"""
OURS = """Measured on the validation clips, on which epoch and threshold were chosen as well; the
test clips have not been looked at. Not comparable with the rows below before they are.
"""


def render() -> str:
    """Return the page."""
    board = tomllib.loads(DATA.read_text(encoding="utf-8"), parse_float=Decimal)
    findings = check_published(read_published(DATA))
    rows = list(zip(board["system"], findings, strict=True))
    sources: dict[str, str] = board["sources"]
    ours = _table([(row, None) for row in board["ours"]])
    parts = [INTRODUCTION, "## Ours\n", ours, OURS]
    for group, title in GROUPS.items():
        of_group = [(row, finding) for row, finding in rows if row["group"] == group]
        if group != "constant":
            of_group.sort(key=lambda pair: -pair[0].get("micro_f1", Decimal(-1)))
        parts += [f"## {title}\n", _table(of_group), _remarks(of_group, sources)]
    return "\n".join(parts).rstrip() + "\n"


def _table(rows: list[tuple[dict[str, Any], Finding | None]]) -> str:
    head = ["system", "setting", *COLUMNS.values(), "arithmetic"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row, finding in rows:
        shown = _right_way_round(row)
        cells = [row["name"], row["setting"], *(_score(shown.get(key)) for key in COLUMNS)]
        lines.append(
            "| " + " | ".join([*cells, "" if finding is None else _verdict(finding)]) + " |"
        )
    return "\n".join(lines) + "\n"


def _remarks(rows: list[tuple[dict[str, Any], Finding]], sources: dict[str, str]) -> str:
    """Group remarks that several rows share, then list the arithmetic of single rows."""
    about: dict[str, list[str]] = {}
    arithmetic = []
    for row, finding in rows:
        remark = f"Source: {sources[row['source']]}. Chosen on: {row['selection']}."
        remark += f" Flaws: {row['flaws']}." if "flaws" in row else ""
        name = row["name"] + (f" ({row['venue']})" if "venue" in row else "")
        about.setdefault(remark, []).append(name)
        if finding.complaints:
            arithmetic.append(f"- {finding.system}: {_plain(_explain(finding))}.")
    lines = [
        f"- **{'; '.join(dict.fromkeys(names))}.** {remark}" for remark, names in about.items()
    ]
    if arithmetic:
        lines += ["", "Arithmetic:", "", *arithmetic]
    return "\n".join(lines) + "\n"


def _explain(finding: Finding) -> str:
    if finding.repairs:
        return f"the other scores ask for {repair_text(finding.repairs[0])}"
    complaints = "; ".join(finding.complaints)
    if not finding.explanations:
        return complaints
    return f"{complaints}; true if {', or if '.join(finding.explanations)}"


def _verdict(finding: Finding) -> str:
    if not finding.complaints:
        return "ok" if finding.checked > 2 else ""
    if not finding.repairs and SWAPPED in finding.explanations:
        return "swapped"
    if finding.repairs and finding.repairs[0].digits <= SLIGHT:
        return "off"
    return "**impossible**"


def _right_way_round(row: dict[str, Any]) -> dict[str, Any]:
    if not row.get("printed_swapped"):
        return row
    swapped = {"micro_precision": row["micro_recall"], "micro_recall": row["micro_precision"]}
    return {**row, **swapped}


def _score(value: Decimal | None) -> str:
    return "" if value is None else str(value).removeprefix("0") if value < 1 else str(value)


def _plain(text: str) -> str:
    for key, name in COLUMNS.items():
        text = text.replace(key, name)
    return text


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    page = render()
    if not parser.parse_args().check:
        PAGE.write_text(page, encoding="utf-8")
        print(f"{PAGE}: {page.count(chr(10))} lines")
        return 0
    return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page else 1


if __name__ == "__main__":
    sys.exit(main())
