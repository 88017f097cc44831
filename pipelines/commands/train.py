"""``mmemo train``: fit a model to features."""

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
    from mmemo.config import Config
    from pipelines.commands.options import Commands


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "train",
        _run,
        "fit a model to features",
        "Fit a model on the clips of the split 'train', choosing epoch and thresholds on 'valid'. "
        "A stopped run continues after its last complete epoch.",
    )
    add_config(command)
    add_data(command)
    command.add_argument(
        "--out", required=True, type=Path, metavar="RUN_DIR", help="folder for the model"
    )
    command.add_argument("--force", action="store_true", help="replace a finished run")
    command.add_argument(
        "--seeds",
        type=positive,
        metavar="N",
        help="train N times, from the seeds train.seed, train.seed + 1 ..., in RUN_DIR/seed-N",
    )
    add_device(command)
    add_threads(command)


def _run(options: argparse.Namespace) -> int:
    from pipelines.data.load import load_data
    from pipelines.training.train import refuse_finished, train

    config = read_config(options)
    device = read_device(options)
    set_threads(options, config)
    if options.seeds:
        return _train_seeds(options, config, device)
    if not options.force:
        refuse_finished(options.out)  # before the data is read
    dataset = load_data(options.data, config)
    checkpoint = train(config, dataset, options.out, device, force=options.force)
    figures = ", ".join(f"{name} {value:.3f}" for name, value in checkpoint.valid.items())
    print(f"{options.out}: trained; on the validation clips: {figures}")
    return 0


def _train_seeds(options: argparse.Namespace, config: "Config", device: str) -> int:
    from pipelines.data.load import load_data
    from pipelines.training.seeds import spread, train_seeds

    seeds = range(config.train.seed, config.train.seed + options.seeds)
    dataset = load_data(options.data, config)
    checkpoints = train_seeds(
        config, dataset, options.out, seeds, device=device, force=options.force
    )
    print(
        f"{options.out}: trained from {len(seeds)} seeds; on the validation clips, mean (and "
        "standard deviation):"
    )
    for name, (mean, deviation) in spread(checkpoints).items():
        print(f"  {name} {mean:.3f} ({deviation:.3f})")
    return 0
