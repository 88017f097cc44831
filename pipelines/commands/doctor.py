"""``mmemo doctor``: say what is ready, what is missing, and how to get it."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from pipelines.commands.options import EXIT_INPUT, add_command

if TYPE_CHECKING:
    from pipelines.commands.options import Commands

MARKS = {"ok": "ok", "missing": "MISSING", "optional": "-"}


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "doctor",
        _run,
        "say what is installed, what is missing, and how to get it",
        "Look at packages, weights, codecs, GPU and cache. Nothing is changed unless --fetch is "
        "given. Exit code 1 if something is missing that commands cannot do without.",
    )
    command.add_argument("--fetch", action="store_true", help="fetch all weights and vectors now")
    command.add_argument("--json", action="store_true", help="print one JSON object a line")


def _run(options: argparse.Namespace) -> int:
    from pipelines.doctor import examine

    if options.fetch:
        from mmemo.assets.resolve import ASSETS, resolve

        for name in ASSETS:
            resolve(name)
    findings = examine()
    for found in findings:
        if options.json:
            print(json.dumps(asdict(found)))
        else:
            print(f"{MARKS[found.state]:>7}  {found.what:<22} {found.detail}")
            if found.remedy:
                print(f"{'':>32}{found.remedy}")
    return EXIT_INPUT if any(found.state == "missing" for found in findings) else 0
