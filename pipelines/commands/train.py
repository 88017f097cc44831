"""``mmemo train``: fit a model to features."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo.errors import ConfigError
from pipelines.commands.options import (
    add_command,
    add_config,
    add_data,
    add_device,
    read_config,
    read_device,
)

if TYPE_CHECKING:
    from pipelines.commands.options import Commands


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "train",
        _run,
        "fit a model to features",
        "Fit a model on the clips of the split 'train', choosing epoch and thresholds on 'valid'. "
        "A run that was stopped goes on after its last finished epoch.",
    )
    add_config(command)
    add_data(command)
    command.add_argument("--out", required=True, type=Path, metavar="RUN_DIR", help="for the model")
    command.add_argument("--force", action="store_true", help="replace a finished run")
    add_device(command)


def _run(options: argparse.Namespace) -> int:
    from pipelines.data import load_data
    from pipelines.train import finished, train

    config = read_config(options)
    if finished(options.out) and not options.force:
        raise ConfigError(
            f"{options.out}: holds a finished run; choose another --out, or --force to replace it"
        )
    dataset = load_data(options.data, config)
    checkpoint = train(config, dataset, options.out, read_device(options))
    figures = ", ".join(f"{name} {value:.3f}" for name, value in checkpoint.valid.items())
    print(f"{options.out}: trained; on the validation clips: {figures}")
    return 0
