"""Output options of evaluations: text, JSON, an HTML page."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def add_evaluation_output(command: argparse.ArgumentParser) -> None:
    """Add the output options; ``show_evaluation`` reads them."""
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write a page with charts, in one file; - for standard output",
    )


def show_evaluation(
    options: argparse.Namespace, evaluation: Mapping[str, Any], about: Mapping[str, Any], title: str
) -> None:
    """Print an evaluation, and write its page with ``--html``."""
    from pipelines.evaluation.text_table import results_table
    from pipelines.outputs import stream_beside, write_output

    demonstration = bool(about["demonstration"])
    if options.html:
        from mmemo.files import utf8
        from pipelines.evaluation.html.page import evaluation_page

        page = evaluation_page(evaluation, title=title, demonstration=demonstration)
        options.html.parent.mkdir(parents=True, exist_ok=True)
        write_output(options.html, utf8(page))
    table_to = stream_beside(options.html, getattr(options, "predictions", None))
    if options.json:
        print(json.dumps({**evaluation, **about}), file=table_to)
    else:
        print(results_table(evaluation, title=title, demonstration=demonstration), file=table_to)
