"""``mmemo serve``: the page about a video, in a browser."""

import argparse
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo.errors import ConfigError
from pipelines.commands.options import (
    add_command,
    add_decoder,
    add_device,
    add_run,
    read_run,
)
from pipelines.serving.job import Limits

if TYPE_CHECKING:
    from pipelines.commands.options import Commands

NEEDED = ("fastapi", "uvicorn")
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "serve",
        _run,
        "read videos that are dropped into a browser",
        "Serve a page that takes videos, reads them one after another, and shows for each the "
        "page that `mmemo report` writes, with its answers in every form. Only this machine "
        "reaches it unless --host says otherwise. Ctrl-C stops it.",
    )
    add_run(command)
    add_decoder(command)
    _add_place(command)
    _add_limits(command)
    add_device(command)


def _add_place(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--host",
        default=DEFAULT_HOST,
        metavar="ADDRESS",
        help="address to listen on (default: %(default)s, this machine only)",
    )
    command.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        metavar="N",
        help="port to listen on, 0 for any that is free (default: %(default)s)",
    )
    command.add_argument(
        "--allow-host",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="another name under which browsers reach it, such as that of a proxy",
    )
    command.add_argument("--open", action="store_true", help="open the page in a browser")
    command.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="keep recordings and results here (default: a temporary folder, removed at the end)",
    )


def _add_limits(command: argparse.ArgumentParser) -> None:
    limits = command.add_argument_group("limits")
    for option, metavar, what in (
        ("upload_mb", "MB", "size of one recording"),
        ("media_minutes", "MIN", "its length"),
        ("job_minutes", "MIN", "time for reading one; after that it is given up"),
        ("queue", "N", "recordings on their way at a time"),
        ("keep", "N", "recordings kept once they are done; the oldest goes first"),
        ("keep_hours", "H", "how long they are kept"),
    ):
        default = getattr(Limits, option)
        limits.add_argument(
            f"--{option.replace('_', '-')}",
            type=type(default),
            default=default,
            metavar=metavar,
            help=f"{what} (default: %(default)g)",
        )


def _run(options: argparse.Namespace) -> int:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"serve: expected the packages {', '.join(NEEDED)}; not installed: "
            f"{', '.join(missing)}. Get them by: pip install 'mmemo[serve]'"
        )
    from pipelines.serving.server import Place, serve
    from pipelines.serving.task import Settings

    limits = Limits(**{name: getattr(options, name) for name in Limits.__dataclass_fields__})
    level = logging.getLogger("pipelines").getEffectiveLevel()
    settings = Settings(read_run(options), options.decoder, options.device, level)
    place = Place(options.host, options.port, tuple(options.allow_host), options.open)
    serve(place, settings, limits, options.folder)
    return 0


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"expected 0 to 65535; got {value}")
    return value
