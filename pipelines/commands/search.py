"""``mmemo search``: find better options on the validation clips."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.commands.options import (
    add_command,
    add_config,
    add_data,
    add_device,
    add_threads,
    positive,
    read_config,
    read_device,
    set_threads,
)

if TYPE_CHECKING:
    from pipelines.commands.options import Commands


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "search",
        _run,
        "find better options on the validation clips",
        "Train with options drawn from a space, learn from the results, and write the best options "
        "to DIR/best.toml. Only validation clips are used. A stopped search continues where it "
        "stopped.",
    )
    add_config(command)
    add_data(command)
    command.add_argument(
        "--space",
        required=True,
        type=Path,
        metavar="FILE",
        help="TOML with a table [search]: option = [values] or { low, high, log }",
    )
    command.add_argument(
        "--trials", type=positive, default=20, metavar="N", help="number of trials"
    )
    command.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="folder for the trials"
    )
    add_device(command)
    add_threads(command)


def _run(options: argparse.Namespace) -> int:
    from pipelines.data.load import load_data
    from pipelines.training.search import BEST_FILE, read_space, search, to_toml

    config, space, device = read_config(options), read_space(options.space), read_device(options)
    set_threads(options, config)
    best = search(
        config, load_data(options.data, config), options.out, space, options.trials, device
    )
    print(f"{options.out / BEST_FILE}:\n\n{to_toml(best)}")
    return 0
