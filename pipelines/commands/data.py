"""``mmemo data``: check data sets of any format, and convert them."""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.commands.options import EXIT_INPUT, add_command, add_config, read_config

if TYPE_CHECKING:
    from mmemo.datasets.foreign.dataset import Foreign
    from pipelines.commands.options import Commands

FORMS = (
    "PATH may be a folder of .csd files (the CMU SDK's, or a mirror), MMSA's or MulT's pickle, "
    "HHMPN's (TAILOR's, CARAT's) train_valid_test.pt, a table of segments (.csv, .tsv, also .gz), "
    "the raw CMU-MOSEI archive, or a feature store. Files are read as data; nothing in them is run."
)


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    group = commands.add_parser(
        "data",
        help="check or convert data sets of many formats",
        description="Check or convert data sets of many formats.",
    )
    parts = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = add_command(
        parts,
        "check",
        _check,
        "list the content of a data set and its problems",
        f"Read a whole data set and list segments, splits, columns, values that are not finite, "
        f"label order, duplicates, and videos in two splits. Exits with 1 if there are problems. "
        f"{FORMS}",
    )
    _add_source(check)
    check.add_argument("--json", action="store_true", help="print one JSON object")
    convert = add_command(
        parts,
        "convert",
        _convert,
        "convert a data set into a feature store, or a store into .csd files",
        f"Write a feature store that `mmemo train --data` takes; with --to csd, write a store as "
        f".csd files that the CMU SDK opens. {FORMS}",
    )
    _add_source(convert)
    convert.add_argument(
        "--name",
        metavar="NAME",
        help="name of the data set in results (default: that of CMU-MOSEI or of the file)",
    )
    convert.add_argument("--out", required=True, type=Path, metavar="DIR", help="where to write")
    convert.add_argument(
        "--to",
        choices=("store", "csd"),
        default="store",
        help="output format (default: %(default)s)",
    )
    add_config(convert)
    verify = add_command(
        parts,
        "verify",
        _verify,
        "compare the bytes of a store or a trained model with their digests",
        "Read every file of a feature store or of a trained model, compare it with its SHA-256, "
        "and name those that are damaged. Exits with 1 if there are any. Damaged clips are "
        "extracted again by the next `mmemo features`.",
    )
    verify.add_argument("path", metavar="DIR", type=Path, help="feature store or trained model")


def _add_source(command: argparse.ArgumentParser) -> None:
    command.add_argument("path", metavar="PATH", type=Path, help="the data set")
    command.add_argument(
        "--labels",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help="emotion labels for data without them, in one or more files: tables (video_id, "
        "segment_id or start and end, six emotions), answers from Mechanical Turk, or .csd",
    )
    command.add_argument(
        "--label-order",
        metavar="A,B,...",
        help="emotions of the six label columns, if not in the SDK's order",
    )


def _open(options: argparse.Namespace) -> "Foreign":
    from mmemo.datasets.foreign.open import open_foreign

    order = options.label_order
    names = None if order is None else [name.strip() for name in order.split(",")]
    return open_foreign(options.path, labels=options.labels, order=names)


def _check(options: argparse.Namespace) -> int:
    from pipelines.data.convert import check

    health = check(_open(options))
    if options.json:
        print(json.dumps({"about": health.lines, "problems": health.problems}))
    else:
        _print(health.lines, health.problems)
    return EXIT_INPUT if health.problems else 0


def _convert(options: argparse.Namespace) -> int:
    from pipelines.data.convert import convert
    from pipelines.data.csd_export import export_csd

    config = read_config(options)
    if options.to == "csd":
        for path in export_csd(options.path, options.out):
            print(path)
        return 0
    data = _open(options)
    data = data if options.name is None else replace(data, name=options.name)
    health = convert(data, options.out, config.features, str(options.path.resolve()))
    _print(health.lines, health.problems)
    print(f"{options.out}: written")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from pipelines.data.verify import verify

    result = verify(options.path)
    for line in result.damaged:
        print(f"damaged: {line}")
    print(f"{options.path}: {result.intact} files intact, {len(result.damaged)} damaged")
    if result.without_digest:
        print(f"{result.without_digest} files of an earlier version have no digest to compare")
    return EXIT_INPUT if result.damaged else 0


def _print(lines: tuple[str, ...], problems: tuple[str, ...]) -> None:
    for line in lines:
        print(line)
    for problem in problems:
        print(f"problem: {problem}")
    if not problems:
        print("no problems found")
