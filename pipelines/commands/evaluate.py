"""``mmemo evaluate``: score a model on labelled clips."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo.errors import ConfigError
from pipelines.commands.options import add_command, add_data, add_device, read_device

if TYPE_CHECKING:
    from pipelines.commands.options import Commands


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "evaluate",
        _run,
        "score a model on labelled clips",
        "Score a trained model beside the constant baselines, with every metric of the field.",
    )
    command.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="made by `mmemo train`")
    add_data(command)
    command.add_argument(
        "--split",
        choices=("train", "valid", "test", "all"),
        help="which clips to score (default: test if there are any, else all)",
    )
    command.add_argument(
        "--without",
        nargs="+",
        action="extend",
        default=[],
        metavar="MODALITY",
        help="hide modalities from the model: text, audio, visual",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    add_device(command)


def _run(options: argparse.Namespace) -> int:
    from mmemo.checkpoint import load_checkpoint
    from pipelines.data import load_data
    from pipelines.evaluate import choose_split, evaluate
    from pipelines.results_table import results_table

    checkpoint = load_checkpoint(options.run_dir, read_device(options))
    unknown = set(options.without) - set(checkpoint.inputs)
    if unknown:
        raise ConfigError(
            f"--without: expected modalities of the model ({', '.join(checkpoint.inputs)}); "
            f"got {', '.join(sorted(unknown))}"
        )
    dataset = load_data(options.data, checkpoint.config, checkpoint.labels)
    split, clips = choose_split(dataset, options.split)
    report = evaluate(checkpoint, clips, without=options.without)
    about = {
        "dataset": dataset.name,
        "split": split,
        "demonstration": dataset.demonstration,
        "without": sorted(options.without),
        "model": str(options.run_dir),
    }
    if options.json:
        print(json.dumps({**report, **about}))
    else:
        title = f"{options.run_dir} on {dataset.name}, {split}"
        if options.without:
            title += f", without {' and '.join(sorted(options.without))}"
        print(results_table(report, title=title, demonstration=dataset.demonstration))
    return 0
