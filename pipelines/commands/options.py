"""Options that several commands share, and what they are turned into."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from mmemo.api import Decoder
from mmemo.assets.shipped import DEFAULT, find_model
from pipelines.device import find_device

if TYPE_CHECKING:
    from mmemo.config import Config

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_INPUT, EXIT_PARTLY, EXIT_INTERRUPTED = 1, 3, 130
DEFAULT_CONFIG = Path(__file__).parents[1] / "configs" / "sample.toml"


def add_command(
    commands: "Commands", name: str, run: object, summary: str, description: str
) -> argparse.ArgumentParser:
    """Add a command that calls ``run(options)``, which gives the exit code."""
    command = commands.add_parser(name, help=summary, description=description)
    command.set_defaults(run_command=run)
    command.add_argument("--quiet", action="store_true", help="warnings and errors only")
    command.add_argument("--verbose", action="store_true", help="tell more")
    return command


def add_config(command: argparse.ArgumentParser) -> None:
    """Add ``--config`` and ``--set``; ``read_config`` reads them."""
    command.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help="options in TOML (default: those of the sample corpus)",
    )
    command.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="override options, such as train.epochs=5 model.decoder=binary",
    )


def read_config(options: argparse.Namespace) -> "Config":
    """Read the file of ``--config`` with the overrides of ``--set``.

    Raises:
        ConfigError: the file or an override cannot be read, or holds what is not allowed.
    """
    from mmemo.config import Config

    return Config.load(options.config, options.set)


def add_data(command: argparse.ArgumentParser) -> None:
    """Add ``--data``: feature stores or tables."""
    command.add_argument(
        "--data",
        nargs="+",
        action="extend",
        required=True,
        type=Path,
        metavar="PATH",
        help="feature stores, or tables of transcribed segments (.csv, .csv.gz)",
    )


def add_decoder(command: argparse.ArgumentParser) -> None:
    """Add ``--decoder``."""
    command.add_argument(
        "--decoder",
        choices=get_args(Decoder),
        default="threshold",
        help="what the answer is chosen for (default: %(default)s)",
    )


def add_device(command: argparse.ArgumentParser) -> None:
    """Add ``--device``; ``read_device`` reads it."""
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")


def read_device(options: argparse.Namespace) -> str:
    """Turn ``--device`` into the name of a device that is there.

    Raises:
        ConfigError: it is not.
    """
    return find_device(options.device, asked_by="--device")


def add_run(command: argparse.ArgumentParser, *, otherwise: str = "") -> None:
    """Add ``--run``, the model; ``read_run`` finds it.

    Args:
        command: what to add it to.
        otherwise: what more may be said of it.
    """
    command.add_argument(
        "--run",
        default=DEFAULT,
        metavar="RUN",
        help="the model: the folder of a run, hf://OWNER/NAME of the Hugging Face hub, or "
        f"{DEFAULT}, the one that comes with mmemo (default: %(default)s){otherwise}",
    )


def read_run(options: argparse.Namespace) -> Path:
    """Find the folder of the model that ``--run`` names, fetching it where it lies on the hub.

    Raises:
        CheckpointError: it is not there.
    """
    return find_run(options.run)


def find_run(name: str) -> Path:
    """Find the folder of a model by what is said on the command line; errors as ``read_run``."""
    if not name.startswith("hf://"):
        return find_model(name)
    from pipelines.hub.hub import find

    return find(name)


def positive(text: str) -> int:
    """Read a whole number of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more; got {value}")
    return value
