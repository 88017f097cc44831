"""Files that are no regular files: reading them would wait for ever, or never end."""

import os
import socket
from collections.abc import Callable
from pathlib import Path


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link_to_fifo(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def _link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)  # names of sockets are short, paths of tests long
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


STRANGE: dict[str, Callable[[Path], None]] = {
    "a FIFO": _fifo,
    "a link to a FIFO": _link_to_fifo,
    "a link to a device": _link_to_device,
    "a socket": _socket,
}
"""Name -> makes such a file at a path."""
