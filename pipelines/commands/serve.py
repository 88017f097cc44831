"""``mmemo serve``: a page in the browser that takes videos and shows their reports."""

import argparse
import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo.errors import ConfigError
from pipelines.commands.options import (
    add_command,
    add_decoder,
    add_device,
    add_run,
    add_without,
    read_run,
)
from pipelines.serving.job import Limits

if TYPE_CHECKING:
    from pipelines.commands.options import Commands

PACKAGES = ("fastapi", "uvicorn")
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000
TOKEN_VARIABLE = "MMEMO_TOKEN"
KEEPING = ("keep", "keep_hours")
"""Limits of what is kept: with a folder of the user's, nothing is removed unless they are given."""


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "serve",
        _run,
        "read videos in a browser",
        "Serve a page that takes videos, reads them one after another, and shows the report that "
        "`mmemo report` writes on each, with the predictions in every form. Only this machine "
        "reaches it, unless --host changes that. Ctrl-C stops it.",
    )
    add_run(command)
    add_decoder(command)
    add_without(command)
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
        help="port to listen on, 0 for any free one (default: %(default)s)",
    )
    command.add_argument(
        "--allow-host",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="another host name of the server, such as that of a proxy",
    )
    token = command.add_mutually_exclusive_group()
    token.add_argument(
        "--token",
        help=f"let in who knows this token; other users of this machine see it, so prefer the "
        f"variable {TOKEN_VARIABLE} (default: a random one, in the address that is printed)",
    )
    token.add_argument("--no-token", action="store_true", help="let in everybody")
    command.add_argument("--open", action="store_true", help="open the page in a browser")
    command.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="keep recordings and results here (default: a temporary folder, removed at the end)",
    )


def _add_limits(command: argparse.ArgumentParser) -> None:
    limits = command.add_argument_group("limits")
    for option, metavar, description in (
        ("upload_mb", "MB", "size of one recording"),
        ("media_minutes", "MIN", "its length"),
        ("job_minutes", "MIN", "time for reading one; after that it fails"),
        ("queue", "N", "unfinished recordings at a time"),
        ("keep", "N", "finished recordings; the oldest is removed first"),
        ("keep_hours", "H", "age of a finished recording; after that it is removed"),
    ):
        default = getattr(Limits, option)
        kept = option in KEEPING
        limits.add_argument(
            f"--{option.replace('_', '-')}",
            type=type(default),
            default=None if kept else default,
            metavar=metavar,
            help=f"{description} (default: {default:g}{', none with --folder' if kept else ''})",
        )


def _run(options: argparse.Namespace) -> int:
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"serve: expected the packages {', '.join(PACKAGES)}; not installed: "
            f"{', '.join(missing)}. Install them: pip install 'mmemo[serve]'"
        )
    from pipelines.serving.server import Place, serve
    from pipelines.serving.task import Settings

    limits = _limits(options)
    level = logging.getLogger("pipelines").getEffectiveLevel()
    settings = Settings(
        read_run(options), options.decoder, options.device, level, tuple(options.without)
    )
    token, print_token = _token(options)
    names = tuple(options.allow_host)
    place = Place(options.host, options.port, names, options.open, token, print_token)
    serve(place, settings, limits, options.folder)
    return 0


def _token(options: argparse.Namespace) -> tuple[str | None, bool]:
    """Return the token, and whether to print it: a random one is new to the user."""
    from pipelines.serving.access import check_token, new_token

    if options.no_token:
        return None, False
    if options.token is not None:
        return check_token(options.token, "--token"), False
    if token := os.environ.get(TOKEN_VARIABLE):
        return check_token(token, TOKEN_VARIABLE), False
    return new_token(), True


def _limits(options: argparse.Namespace) -> Limits:
    values = {name: getattr(options, name) for name in Limits.__dataclass_fields__}
    if options.folder is None:
        values |= {name: getattr(Limits, name) for name in KEEPING if values[name] is None}
    return Limits(**values)


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"expected 0 to 65535; got {value}")
    return value
