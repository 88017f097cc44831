"""How a report of scores may be had: as text, as JSON, as a page."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def add_report(command: argparse.ArgumentParser) -> None:
    """Add how a report may be had; ``show_report`` reads it."""
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page with pictures, in one file"
    )


def show_report(
    options: argparse.Namespace, report: Mapping[str, Any], about: Mapping[str, Any], title: str
) -> None:
    """Print a report, and write its page if asked."""
    from mmemo.store import write_atomically
    from pipelines.evaluation.text_table import results_table

    demonstration = bool(about["demonstration"])
    if options.html:
        from pipelines.evaluation.html.page import report_page

        page = report_page(report, title=title, demonstration=demonstration)
        options.html.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(options.html, page.encode())
    if options.json:
        print(json.dumps({**report, **about}))
    else:
        print(results_table(report, title=title, demonstration=demonstration))
