"""``mmemo score``: score predictions from anywhere, or check scores that were published."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo.errors import ConfigError
from pipelines.commands.options import EXIT_INPUT, add_command
from pipelines.commands.reporting import add_report, show_report

if TYPE_CHECKING:
    from pipelines.commands.options import Commands


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "score",
        _run,
        "score predictions from anywhere, or check published scores",
        "Score a file of predictions, whatever made it, under the report of `mmemo evaluate`. "
        "FILE and GOLD are .npz, .json, .jsonl, .csv or .csv.gz, or else a plain list: a line a "
        "clip, names of labels divided by blanks, an empty line for none. Clips are matched by id, "
        "or by their order where a file has no ids; none may be missing. With --published, say "
        "instead which published scores cannot be true together (exit code 1 if there are such).",
    )
    command.add_argument("file", metavar="FILE", type=Path, nargs="?", help="predictions")
    command.add_argument("--gold", type=Path, metavar="GOLD", help="the true labels")
    command.add_argument(
        "--labels",
        nargs="+",
        metavar="LABEL",
        help="names of the labels, in order (default: those a file names, else the six emotions)",
    )
    command.add_argument(
        "--threshold",
        nargs="+",
        type=float,
        default=[0.5],
        metavar="P",
        help="where to cut probabilities if FILE has no decisions: one, or one per label "
        "(default: 0.5)",
    )
    command.add_argument(
        "--train",
        type=Path,
        metavar="GOLD",
        help="labels of the training clips, to choose the baselines on",
    )
    command.add_argument(
        "--against", type=Path, metavar="FILE", help="compare with these predictions"
    )
    command.add_argument(
        "--published",
        type=Path,
        metavar="TOML",
        help="published scores to check (see docs/metrics.md); --gold overrides its counts",
    )
    add_report(command)


def _run(options: argparse.Namespace) -> int:
    from mmemo.labels import EMOTIONS
    from pipelines.evaluation.score import read_gold, score

    if options.published:
        return _check_published(options)
    if options.file is None or options.gold is None:
        raise ConfigError("expected FILE and --gold GOLD, or --published TOML")
    gold = read_gold(options.gold, tuple(options.labels or EMOTIONS))
    report = score(
        options.file,
        gold,
        thresholds=options.threshold,
        train=options.train,
        against=options.against,
    )
    about: dict[str, object] = {
        "predictions": str(options.file),
        "gold": str(options.gold),
        "demonstration": False,
    }
    show_report(options, report, about, f"{options.file} on {options.gold}")
    return 0


def _check_published(options: argparse.Namespace) -> int:
    from mmemo.labels import EMOTIONS
    from mmemo.metrics.consistency import GoldCounts
    from pipelines.evaluation.published import check_published, findings_text, read_published
    from pipelines.evaluation.score import read_gold

    counts: GoldCounts | None = None
    if options.gold:
        counts = GoldCounts.of(read_gold(options.gold, tuple(options.labels or EMOTIONS)).truth)
    findings = check_published(read_published(options.published), counts)
    if options.json:
        print(json.dumps([finding.to_json() for finding in findings]))
    else:
        print(findings_text(findings))
    return EXIT_INPUT if any(finding.complaints for finding in findings) else 0
