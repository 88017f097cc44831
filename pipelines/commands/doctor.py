"""``mmemo doctor``: list what is ready, what is missing, and how to get it."""

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
        "list what is installed, what is missing, and how to get it",
        "Check packages, weights, codecs, GPU and cache. Nothing is changed without --fetch. "
        "Exit code 1 if something required is missing.",
    )
    command.add_argument("--fetch", action="store_true", help="fetch all weights and vectors now")
    command.add_argument("--json", action="store_true", help="print one JSON object per line")


def _run(options: argparse.Namespace) -> int:
    from pipelines.doctor import examine

    if options.fetch:
        from mmemo.assets.resolve import ASSETS, resolve

        for name in ASSETS:
            resolve(name)
    findings = examine()
    for finding in findings:
        if options.json:
            fields = asdict(finding)
            print(json.dumps({"what": fields.pop("name"), **fields}))
        else:
            print(f"{MARKS[finding.state]:>7}  {finding.name:<22} {finding.detail}")
            if finding.remedy:
                print(f"{'':>32}{finding.remedy}")
    return EXIT_INPUT if any(finding.state == "missing" for finding in findings) else 0
