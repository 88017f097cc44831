"""The parser, the options that several commands share, and the functions that read them."""

import argparse
import difflib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args

import shtab

from mmemo.api import Decoder
from mmemo.assets.shipped import DEFAULT, find_model
from mmemo.errors import ConfigError
from mmemo.features import CHANNEL_NAMES
from mmemo.files import is_address
from pipelines.device import find_device
from pipelines.workers.threads import THREADS, usable_cores

if TYPE_CHECKING:
    from mmemo.config import Config

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_INPUT, EXIT_PARTLY = 1, 3
DEFAULT_CONFIG = Path(__file__).parents[1] / "configs" / "sample.toml"

_MODEL_NAMES = f"""\
_mmemo_models() {{
  compgen -d -- "$1"
  compgen -W "{DEFAULT}" -- "$1"
}}"""
MODEL = {
    **shtab.DIRECTORY,
    "bash": "_mmemo_models",
    "zsh": f"_alternative 'models\\:model\\:({DEFAULT})' 'folders\\:folder\\:_files -/'",
    "fish": f"{DEFAULT} {shtab.DIRECTORY['fish']}",
    "preamble": {"bash": _MODEL_NAMES},
}
"""How a shell completes the name of a model: the model that comes along, or a folder."""
_COMPLETIONS = {"RUN": MODEL, "DIR": shtab.DIRECTORY, "RUN_DIR": shtab.DIRECTORY}


class Parser(argparse.ArgumentParser):
    """A parser whose arguments carry how a shell completes them, read by ``shtab``.

    What it does not know, it compares with what it knows. Addresses are no paths.
    """

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse; what is left over is an error of this command, not of the program."""
        self._typed = list(sys.argv[1:] if args is None else args)
        result, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return result, rest

    def error(self, message: str) -> NoReturn:
        """Exit with the message; options that are mistyped are named with the right ones."""
        if message.startswith(("unrecognized", "the following")):
            message += "".join(f"; did you mean {near}?" for near in self._near_options())
        super().error(message)

    def _near_options(self) -> Iterator[str]:
        """Yield the option that each unknown one resembles."""
        known = {name.lstrip("-"): name for name in self._option_string_actions}
        for word in self._typed:
            name = word.partition("=")[0]
            plain = name.lstrip("-")
            if plain == name or not plain or name in known.values():
                continue
            near = difflib.get_close_matches(plain, known, n=1)
            if near and not any(option.startswith(name) for option in known.values()):
                yield f"{known[near[0]]} in place of {name}"

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """Refuse an address where a path belongs, before a path changes how it is written.

        Each of several recordings answers for itself (``extractors.media``).

        Raises:
            ConfigError: it is an address.
        """
        if action.type is Path and action.metavar != "VIDEO" and is_address(arg_string):
            raise ConfigError(
                f"{arg_string}: expected a path; addresses are not read or written: download it "
                "first"
            )
        return super()._get_value(action, arg_string)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a value that is no choice, and name the choice that it resembles."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            near = difflib.get_close_matches(str(value), map(str, action.choices or ()), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise argparse.ArgumentError(action, f"{error.message}{hint}") from None

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """Add an argument; paths and models are completed by their ``type`` and ``metavar``."""
        action = super().add_argument(*names, **options)
        completion = _COMPLETIONS.get(options.get("metavar", ""))
        if completion is None and options.get("type") is Path:
            completion = shtab.FILE
        if completion is not None:
            action.complete = completion  # type: ignore[attr-defined]
        return action


def add_command(
    commands: "Commands", name: str, run: object, summary: str, description: str
) -> argparse.ArgumentParser:
    """Add a command that calls ``run(options)``, which returns the exit code."""
    command = commands.add_parser(name, help=summary, description=description)
    command.set_defaults(run_command=run)
    command.add_argument("--quiet", action="store_true", help="warnings and errors only")
    command.add_argument("--verbose", action="store_true", help="print debug messages")
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
        help="override options, such as train.epochs=5 model.decoder.kind=binary",
    )


def read_config(options: argparse.Namespace) -> "Config":
    """Return the configuration of ``--config`` with the overrides of ``--set``.

    Raises:
        ConfigError: the file or an override cannot be read, or a value is not allowed.
    """
    from mmemo.assets.local_files import with_absolute_files
    from mmemo.config import Config

    config = Config.load(options.config, options.set)
    return with_absolute_files(config, [Path(), options.config.parent])


def add_data(command: argparse.ArgumentParser) -> None:
    """Add ``--data``: feature stores or tables."""
    command.add_argument(
        "--data",
        nargs="+",
        action="extend",
        required=True,
        type=Path,
        metavar="PATH",
        help="feature stores, or tables of transcribed segments (.csv, .tsv, also .gz)",
    )


def add_decoder(command: argparse.ArgumentParser) -> None:
    """Add ``--decoder``."""
    command.add_argument(
        "--decoder",
        choices=get_args(Decoder),
        default="sure",
        help="sure: only emotions that were mostly right on validation clips; others: the score of "
        "the field that the answer maximises (default: %(default)s)",
    )


def add_without(command: argparse.ArgumentParser) -> None:
    """Add ``--without``: the channels to leave out."""
    command.add_argument(
        "--without",
        nargs="+",
        action="extend",
        default=[],
        choices=tuple(CHANNEL_NAMES.values()),
        metavar="CHANNEL",
        help=f"leave out {', '.join(CHANNEL_NAMES.values())}: not measured, and not used",
    )


def add_device(command: argparse.ArgumentParser) -> None:
    """Add ``--device``; ``read_device`` reads it."""
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")


def read_device(options: argparse.Namespace) -> str:
    """Return the device that ``--device`` names.

    Raises:
        ConfigError: the machine has no such device.
    """
    return find_device(options.device, asked_by="--device")


def add_threads(command: argparse.ArgumentParser) -> None:
    """Add ``--threads``, of training; ``set_threads`` sets them."""
    command.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="threads on the CPU (default: 1, and one per core if a text encoder is trained on; "
        "small models gain nothing from more, and another number has other last digits)",
    )


def set_threads(options: argparse.Namespace, config: "Config") -> None:
    """Let PyTorch compute with as many threads as ``--threads`` says."""
    import torch

    few = not config.model.pretrained.name
    torch.set_num_threads(options.threads or (THREADS if few else usable_cores()))


def add_run(command: argparse.ArgumentParser, *, otherwise: str = "") -> None:
    """Add ``--run``, the model; ``read_run`` resolves it.

    Args:
        command: the parser of the command.
        otherwise: extra help text.
    """
    command.add_argument(
        "--run",
        default=DEFAULT,
        metavar="RUN",
        help="the model: the folder of a run, hf://OWNER/NAME of the Hugging Face hub, or "
        f"{DEFAULT}, the one that comes with mmemo (default: %(default)s){otherwise}",
    )


def read_run(options: argparse.Namespace) -> Path:
    """Return the folder of the model that ``--run`` names, fetched if it is on the hub.

    Raises:
        CheckpointError: there is no such model.
    """
    return find_run(options.run)


def find_run(name: str) -> Path:
    """Return the folder of the model with this name on the command line; errors as ``read_run``."""
    if not name.startswith("hf://"):
        return find_model(name)
    from pipelines.hub.hub import find

    return find(name)


def positive(text: str) -> int:
    """Parse a whole number of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more; got {value}")
    return value
