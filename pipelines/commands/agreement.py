"""``mmemo agreement``: how far people agree with each other, or with the model."""

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.commands.options import add_command

if TYPE_CHECKING:
    from pipelines.commands.options import Commands
    from pipelines.evaluation.agreement import Agreement


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "agreement",
        _run,
        "compare the labels of people with each other and with the model",
        "Print Krippendorff's alpha (nominal) per label, and the share of utterances with the same "
        "answer: of each person with the model, whose answers are in the labels that are saved "
        "from the page about a video, and of each two people. FILE is read as `mmemo score` reads "
        "its --gold; utterances are matched by id.",
    )
    command.add_argument("files", metavar="FILE", type=Path, nargs="+", help="labels of one person")
    command.add_argument("--json", action="store_true", help="print JSON")


def _run(options: argparse.Namespace) -> int:
    from pipelines.evaluation.agreement import agreements

    results = agreements(options.files)
    if options.json:
        print(json.dumps([result.to_json() for result in results]))
    else:
        print("\n\n".join(map(_text, results)))
    return 0


def _text(result: "Agreement") -> str:
    plural = "" if result.utterances == 1 else "s"
    lines = [f"{' and '.join(result.raters)}: {result.utterances} utterance{plural}"]
    width = max(map(len, result.alphas))
    lines.append(f"  {'':{width}}  alpha  equal")
    for label, alpha in result.alphas.items():
        lines.append(f"  {label:{width}}  {_alpha(alpha)}  {result.equal[label]:5.2f}")
    lines.append(f"  {'mean':{width}}  {_alpha(result.mean_alpha)}")
    return "\n".join(lines)


def _alpha(alpha: float) -> str:
    """Return an alpha in five columns; a dash where all answers are the same."""
    return "    -" if math.isnan(alpha) else f"{alpha:5.2f}"
