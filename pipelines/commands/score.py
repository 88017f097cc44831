"""``mmemo score``: score predictions from anywhere, or check scores that were published."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo.errors import ConfigError
from pipelines.commands.evaluation_output import add_evaluation_output, show_evaluation
from pipelines.commands.options import EXIT_INPUT, add_command

if TYPE_CHECKING:
    from pipelines.commands.options import Commands


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "score",
        _run,
        "score predictions from anywhere, or check published scores",
        "Score a file of predictions of any system as `mmemo evaluate` does. FILE and GOLD are "
        ".npz, .npy, .json, .jsonl, .csv or .tsv (also .gz), .eaf or .TextGrid (their tier "
        "'emotions'), or else lines: one per clip, with "
        "names of labels or a number per label, separated by blanks; an empty line for none. Clips "
        "are matched by id, or by their order if a file has no ids; none may be missing. With "
        "--published, list instead the "
        "published scores that cannot be true together (exit code 1 if there are any).",
    )
    command.add_argument("file", metavar="FILE", type=Path, nargs="?", help="predictions")
    command.add_argument("--gold", type=Path, metavar="GOLD", help="the true labels")
    command.add_argument(
        "--labels",
        nargs="+",
        metavar="LABEL",
        help="names of the labels, in order (default: those in the file, else the six emotions)",
    )
    command.add_argument(
        "--threshold",
        nargs="+",
        type=float,
        default=[0.5],
        metavar="P",
        help="threshold of probabilities if FILE has no decisions: one, or one per label "
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
    add_evaluation_output(command)


def _run(options: argparse.Namespace) -> int:
    from pipelines.evaluation.score import read_gold, score

    if options.published:
        return _check_published(options)
    if options.file is None or options.gold is None:
        raise ConfigError(
            "expected FILE and --gold GOLD, or --published TOML; there is no "
            f"{'FILE' if options.file is None else '--gold'}"
        )
    gold = read_gold(options.gold, options.labels)
    evaluation = score(
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
    show_evaluation(options, evaluation, about, f"{options.file} on {options.gold}")
    return 0


def _check_published(options: argparse.Namespace) -> int:
    from mmemo.metrics.consistency import GoldCounts
    from pipelines.evaluation.published import check_published, findings_text, read_published
    from pipelines.evaluation.score import read_gold

    counts: GoldCounts | None = None
    if options.gold:
        counts = GoldCounts.of(read_gold(options.gold, options.labels).truth)
    findings = check_published(read_published(options.published), counts)
    if options.json:
        print(json.dumps([finding.to_json() for finding in findings]))
    else:
        print(findings_text(findings))
    return EXIT_INPUT if any(finding.complaints for finding in findings) else 0
