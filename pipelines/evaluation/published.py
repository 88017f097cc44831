"""Published scores, and whether they can be true.

A TOML file: the known counts of the clips, and a table per system with its scores, digit by digit.

    [gold]
    labels = ["happiness", "sadness"]    # names, or how many
    clips = 100
    counts = [60, 30]                    # clips with each label
    sizes = [30, 50, 20]                 # clips with 0, 1, 2 labels

    [[system]]
    name = "Somebody 2024"
    micro_precision = 0.525
    f1 = { happiness = 0.61, sadness = 0.40 }

All of ``[gold]`` but ``labels`` may be left out; fewer counts exclude fewer scores. Texts under
other keys are remarks and are ignored; numbers under unknown keys are errors.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from mmemo.config.toml import read_toml
from mmemo.errors import DataError
from mmemo.metrics.consistency import (
    FIGURES,
    Contradiction,
    GoldCounts,
    Printed,
    Repair,
    contradictions,
    explanations,
    not_whole,
    repairs,
)
from mmemo.metrics.label_consistency import label_contradictions

_PER_LABEL = ("precision", "recall", "f1")
_MEANS = tuple(f"{mean}_{score}" for mean in ("macro", "weighted") for score in _PER_LABEL)


@dataclass(frozen=True)
class System:
    """One system's published scores: names as in ``mmemo.metrics``, and per label."""

    name: str
    figures: Mapping[str, Printed]
    per_label: Mapping[str, Mapping[str, Printed]]


@dataclass(frozen=True)
class Published:
    """The content of a file of published scores."""

    gold: GoldCounts
    counts: Mapping[str, int] | None
    systems: tuple[System, ...]


@dataclass(frozen=True)
class Finding:
    """The result of the check of one system's scores.

    Attributes:
        system: its name.
        checked: number of scores checked.
        complaints: sentences; none if the scores can be true.
        repairs: single scores whose change makes all consistent, smallest change first.
        explanations: common mistakes that explain the scores.
    """

    system: str
    checked: int
    complaints: tuple[str, ...]
    repairs: tuple[Repair, ...]
    explanations: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and dicts."""
        return asdict(self)


def read_published(path: Path) -> Published:
    """Return the published scores in a file.

    Raises:
        DataError: it is not TOML, or has unknown keys.
    """
    try:
        content = read_toml(path, parse_float=Decimal)
    except OSError as error:
        raise DataError(f"{path}: cannot read it ({error.strerror or error})") from None
    except ValueError as error:
        raise DataError(f"{path}: expected TOML in UTF-8 ({error})") from None
    gold = content.get("gold", {})
    systems = content.get("system", [])
    if not isinstance(gold, dict) or not isinstance(systems, list) or not systems:
        raise DataError(f"{path}: expected a table [gold] and one [[system]] or more")
    counts, by_label = _gold(path, gold)
    return Published(counts, by_label, tuple(_system(path, system) for system in systems))


def check_published(published: Published, gold: GoldCounts | None = None) -> tuple[Finding, ...]:
    """Return the result of the check of every system.

    Args:
        published: the scores of the systems.
        gold: counts that replace those of the file.
    """
    counts = gold or published.gold
    return tuple(_check(system, counts, published.counts) for system in published.systems)


def findings_text(findings: Sequence[Finding]) -> str:
    """Return findings as text, one paragraph per system."""
    parts = []
    for finding in findings:
        if not finding.complaints:
            result = f"{finding.checked} scores agree" if finding.checked else "no scores to check"
            parts.append(f"{finding.system}: {result}")
            continue
        lines = [f"{finding.system}:", *(f"  - {line}" for line in finding.complaints)]
        if finding.repairs:
            lines.append(f"  smallest change: {repair_text(finding.repairs[0])}")
        if finding.explanations:
            lines.append(f"  they would agree if {', or if '.join(finding.explanations)}")
        parts.append("\n".join(lines))
    return "\n".join(parts)


def repair_text(repair: Repair) -> str:
    """Return a repair as text."""
    return (
        f"{repair.figure} of {repair.low:.4f} to {repair.high:.4f} "
        f"({repair.digits:.1f} in the last digit)"
    )


def _check(system: System, gold: GoldCounts, counts: Mapping[str, int] | None) -> Finding:
    figures = {name: figure for name, figure in system.figures.items() if name in FIGURES}
    complaints = [_sentence(item, figures, gold) for item in contradictions(figures, gold)]
    complaints += [
        f"{name} {figures[name].value:g} is not a multiple of 1/{denominator}"
        for name, denominator in not_whole(figures, gold).items()
    ]
    complaints += label_contradictions(system.per_label, system.figures, counts)
    n_scores = len(system.figures) + sum(map(len, system.per_label.values()))
    return Finding(
        system.name,
        n_scores,
        tuple(complaints),
        repairs(figures, gold),
        explanations(figures, gold),
    )


def _sentence(
    contradiction: Contradiction, figures: Mapping[str, Printed], gold: GoldCounts
) -> str:
    scores = " and ".join(f"{name} {figures[name].value:g}" for name in contradiction.figures)
    implied = [
        f"{name} must be {low:.4f} to {high:.4f}"
        for name, (low, high) in contradiction.implied.items()
    ]
    if len(contradiction.figures) == 1:
        return f"{scores} cannot be reached on these clips: {implied[0]}"
    return f"{scores} exclude each other: given the rest, {', or '.join(implied)}"


def _gold(path: Path, gold: Mapping[str, Any]) -> tuple[GoldCounts, Mapping[str, int] | None]:
    labels, counts, sizes = gold.get("labels", 6), gold.get("counts"), gold.get("sizes")
    names = labels if isinstance(labels, list) else None
    n_labels = len(labels) if isinstance(labels, list) else labels
    for key, value in (("counts", counts), ("sizes", sizes)):
        if value is not None and not _whole_numbers(value):
            raise DataError(f"{path}: expected whole numbers in gold.{key}; got {value!r}")
    if not isinstance(n_labels, int) or not isinstance(gold.get("clips", 1), int):
        raise DataError(
            f"{path}: expected whole numbers in gold.labels and gold.clips; got {labels!r} and "
            f"{gold.get('clips')!r}"
        )
    if counts is not None and len(counts) != n_labels:
        raise DataError(f"{path}: expected {n_labels} numbers in gold.counts; got {len(counts)}")
    known = GoldCounts(
        n_labels,
        gold.get("clips"),
        sum(counts) if counts is not None else None,
        tuple(sizes) if sizes is not None else None,
    )
    by_label = dict(zip(names, counts, strict=True)) if names and counts else None
    return known, by_label


def _whole_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _system(path: Path, table: Any) -> System:
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        about = sorted(table) if isinstance(table, dict) else repr(table)
        raise DataError(f"{path}: expected a name for every [[system]]; one has only {about}")
    figures: dict[str, Printed] = {}
    per_label: dict[str, dict[str, Printed]] = {}
    for key, value in table.items():
        where = f"{path}: {table['name']}: {key}"
        if key in FIGURES or key in _MEANS:
            figures[key] = _printed(where, value)
        elif key in _PER_LABEL and isinstance(value, dict):
            per_label[key] = {name: _printed(f"{where}.{name}", v) for name, v in value.items()}
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            close = difflib.get_close_matches(key, [*FIGURES, *_MEANS], n=1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(FIGURES)}"
            raise DataError(f"{where}: expected the name of a score; {hint}")
    setting = f" ({table['setting']})" if isinstance(table.get("setting"), str) else ""
    return System(table["name"] + setting, figures, per_label)


def _printed(where: str, value: Any) -> Printed:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise DataError(f"{where}: expected a score such as 0.480; got {value!r}")
    try:
        return Printed.read(str(value))
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
