"""``mmemo columns``: the meaning of the columns of the features."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from pipelines.commands.options import add_command

if TYPE_CHECKING:
    from pipelines.commands.options import Commands

MODALITIES = ("text", "audio", "visual")


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
        "modality",
        nargs="?",
        choices=MODALITIES,
        metavar="MODALITY",
        help="text, audio or visual (default: all)",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object per line")


def _run(options: argparse.Namespace) -> int:
    from extractors.columns import COLUMNS, ROWS

    for modality in (options.modality,) if options.modality else MODALITIES:
        if not options.json:
            print(f"{modality}: {len(COLUMNS[modality])} columns, {ROWS[modality]}")
        for column in COLUMNS[modality]:
            if options.json:
                print(json.dumps({"modality": modality, **asdict(column)}))
            else:
                print(f"  {column.name:<12} {column.unit:<15} {column.meaning}")
    return 0
