"""``mmemo columns``: the meaning of the columns of the features."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from pipelines.commands.options import add_command

if TYPE_CHECKING:
    from pipelines.commands.options import Commands

MODALITIES = ("text", "audio", "visual")
FURTHER_SETS = {"speech": "audio", "expression": "visual"}
"""Sets of columns that are extracted only if asked for -> their modality."""


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "columns",
        _run,
        "list the meaning of the columns of the features",
        "List the columns that `mmemo features` stores: name, unit, meaning, in their order.",
    )
    command.add_argument(
        "columns",
        nargs="?",
        choices=(*MODALITIES, *FURTHER_SETS),
        metavar="COLUMNS",
        help="text, audio or visual (default: all three), or a further set of columns: speech "
        "(features.audio) or expression (features.visual)",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object per line")


def _run(options: argparse.Namespace) -> int:
    from extractors.columns import COLUMNS, ROWS

    for name in (options.columns,) if options.columns else MODALITIES:
        if not options.json:
            print(f"{name}: {len(COLUMNS[name])} columns, {ROWS[name]}")
        for column in COLUMNS[name]:
            if options.json:
                modality = FURTHER_SETS.get(name, name)
                print(json.dumps({"modality": modality, **asdict(column)}))
            else:
                print(f"  {column.name:<12} {column.unit:<15} {column.meaning}")
    return 0
