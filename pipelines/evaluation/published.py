"""Scores as others printed them, and whether they can be true.

A TOML file: what is known of the clips, and a table per system with its scores, digit for digit.

    [gold]
    labels = ["happiness", "sadness"]    # names, or how many
    clips = 100
    counts = [60, 30]                    # clips with each label
    sizes = [30, 50, 20]                 # clips with 0, 1, 2 labels

    [[system]]
    name = "Somebody 2024"
    micro_precision = 0.525
    f1 = { happiness = 0.61, sadness = 0.40 }

All of ``[gold]`` but ``labels`` may be left out; the less is known, the less can be excluded.
Texts under other keys are remarks and are passed over; numbers under unknown keys are errors.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

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
    """What a file of published scores holds."""

    gold: GoldCounts
    counts: Mapping[str, int] | None
    systems: tuple[System, ...]


@dataclass(frozen=True)
class Finding:
    """What is wrong with one system's scores.

    Attributes:
        system: its name.
        checked: how many scores were looked at.
        complaints: sentences, none if the scores can be true.
        repairs: single scores whose change would make them agree, the smallest change first.
        explanations: common slips that would make them agree.
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
    """Read published scores.

    Raises:
        DataError: it is no TOML, or holds what is not known here.
    """
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise DataError(f"{path}: cannot read it ({error.strerror or error})") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise DataError(f"{path}: expected TOML in UTF-8 ({error})") from None
    gold = held.get("gold", {})
    systems = held.get("system", [])
    if not isinstance(gold, dict) or not isinstance(systems, list) or not systems:
        raise DataError(f"{path}: expected a table [gold] and one [[system]] or more")
    counts, by_label = _gold(path, gold)
    return Published(counts, by_label, tuple(_system(path, system) for system in systems))


def check_published(published: Published, gold: GoldCounts | None = None) -> tuple[Finding, ...]:
    """Check every system.

    Args:
        published: their scores.
        gold: counts that replace those of the file.
    """
    counts = gold or published.gold
    return tuple(_check(system, counts, published.counts) for system in published.systems)


def findings_text(findings: Sequence[Finding]) -> str:
    """Set out findings, a paragraph a system."""
    parts = []
    for found in findings:
        if not found.complaints:
            told = f"{found.checked} scores agree" if found.checked else "no scores to check"
            parts.append(f"{found.system}: {told}")
            continue
        lines = [f"{found.system}:", *(f"  - {line}" for line in found.complaints)]
        if found.repairs:
            lines.append(f"  smallest change: {repair_text(found.repairs[0])}")
        if found.explanations:
            lines.append(f"  they would agree if {', or if '.join(found.explanations)}")
        parts.append("\n".join(lines))
    return "\n".join(parts)


def repair_text(repair: Repair) -> str:
    """Say which score would have to be what."""
    return (
        f"{repair.figure} of {repair.low:.4f} to {repair.high:.4f} "
        f"({repair.digits:.1f} in the last digit)"
    )


def _check(system: System, gold: GoldCounts, counts: Mapping[str, int] | None) -> Finding:
    tied = {name: figure for name, figure in system.figures.items() if name in FIGURES}
    complaints = [_sentence(found, tied, gold) for found in contradictions(tied, gold)]
    complaints += [
        f"{name} {tied[name].value:g} is no multiple of 1/{denominator}"
        for name, denominator in not_whole(tied, gold).items()
    ]
    complaints += label_contradictions(system.per_label, system.figures, counts)
    n_scores = len(system.figures) + sum(len(held) for held in system.per_label.values())
    return Finding(
        system.name, n_scores, tuple(complaints), repairs(tied, gold), explanations(tied, gold)
    )


def _sentence(found: Contradiction, figures: Mapping[str, Printed], gold: GoldCounts) -> str:
    said = " and ".join(f"{name} {figures[name].value:g}" for name in found.figures)
    implied = [
        f"{name} has to be {low:.4f} to {high:.4f}" for name, (low, high) in found.implied.items()
    ]
    if len(found.figures) == 1:
        return f"{said} cannot be reached on these clips: {implied[0]}"
    return f"{said} exclude each other: given the rest, {', or '.join(implied)}"


def _gold(path: Path, gold: Mapping[str, Any]) -> tuple[GoldCounts, Mapping[str, int] | None]:
    labels, counts, sizes = gold.get("labels", 6), gold.get("counts"), gold.get("sizes")
    names = labels if isinstance(labels, list) else None
    n_labels = len(labels) if isinstance(labels, list) else labels
    for key, value in (("counts", counts), ("sizes", sizes)):
        if value is not None and not _whole_numbers(value):
            raise DataError(f"{path}: expected whole numbers in gold.{key}; got {value!r}")
    if not isinstance(n_labels, int) or not isinstance(gold.get("clips", 1), int):
        raise DataError(f"{path}: expected whole numbers in gold.labels and gold.clips")
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


def _system(path: Path, held: Any) -> System:
    if not isinstance(held, dict) or not isinstance(held.get("name"), str):
        raise DataError(f"{path}: expected a name for every [[system]]")
    figures: dict[str, Printed] = {}
    per_label: dict[str, dict[str, Printed]] = {}
    for key, value in held.items():
        where = f"{path}: {held['name']}: {key}"
        if key in FIGURES or key in _MEANS:
            figures[key] = _printed(where, value)
        elif key in _PER_LABEL and isinstance(value, dict):
            per_label[key] = {name: _printed(f"{where}.{name}", v) for name, v in value.items()}
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            close = difflib.get_close_matches(key, [*FIGURES, *_MEANS], n=1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(FIGURES)}"
            raise DataError(f"{where}: expected the name of a score; {hint}")
    setting = f" ({held['setting']})" if isinstance(held.get("setting"), str) else ""
    return System(held["name"] + setting, figures, per_label)


def _printed(where: str, value: Any) -> Printed:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise DataError(f"{where}: expected a score such as 0.480; got {value!r}")
    try:
        return Printed.read(str(value))
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
