"""Files that appear whole or not at all, under whatever name the user gives, in UTF-8.

A regular file, or a new one, is written in a hidden folder beside its place and renamed. Only
regular files may be renamed over: renaming over ``/dev/stdout`` or a FIFO replaces the device
itself, as root for the whole machine. So anything else is written into, and a symbolic link is
followed.
"""

import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mmemo.disk.space import named
from mmemo.disk.unfinished_files import hidden_folder

_DESCRIPTOR = re.compile(r"(?:/proc/(self|\d+)|/dev)/fd/(\d+)")
_ADDRESS = re.compile(r"(?:https?|ftps?|rtsp|rtmp|s3|gs|file|hf):/", re.IGNORECASE)
_MAX_LINKS = 40


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file so that readers see the old bytes or the new, never a part, even in a crash.

    What is no regular file (a device, a FIFO, ``/dev/stdout``) is written into instead.

    Args:
        path: the file; a symbolic link is followed.
        data: the content.
        durable: wait until content and name are safe from a power loss.

    Raises:
        OSError: the file cannot be written.
    """
    place = follow_links(path)
    if not is_replaceable(place):
        with open_special(place) as file:
            file.write(data)
        return
    with unfinished(place, durable=durable) as part:
        part.write_bytes(data)


@contextmanager
def unfinished(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a path to write to; the content appears at ``path`` when the block ends well.

    For writers that need a file they can seek in. What is no regular file gets a copy of the
    finished content.

    Args:
        path: the file; a symbolic link is followed.
        durable: as for ``write_atomically``.

    Raises:
        OSError: the content cannot be moved to ``path``.
    """
    place = follow_links(path)
    if is_replaceable(place):
        with named(place), hidden_folder(place) as folder:
            part = folder / "content"
            yield part
            if durable:
                sync_file(part)
            os.replace(part, place)
            if durable:
                sync_folder(place.parent)
        return
    with tempfile.TemporaryDirectory(prefix="mmemo-") as work:
        part = Path(work) / f"part{path.suffix}"
        yield part
        with open(part, "rb") as content, open_special(place) as file:
            shutil.copyfileobj(content, file)


def sync_file(file: Path) -> None:
    """Wait until the content of a file is safe from a power loss."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are safe from a power loss, where systems can."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows, which cannot
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(descriptor)


def is_address(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is an address of the web, also one that a path has shortened."""
    return bool(_ADDRESS.match(os.fspath(path)))


def as_typed(path: str | os.PathLike[str]) -> str:
    """Return a path for a message; an address with the two slashes of which paths keep one."""
    text = os.fspath(path)
    scheme = _ADDRESS.match(text)
    if scheme is None or text.startswith(f"{scheme[0]}/"):
        return text
    return f"{scheme[0]}/{text[scheme.end() :]}"


def utf8(text: str) -> bytes:
    r"""Encode text, with what is no Unicode escaped: ``caf\udce9.mp4``.

    Python reads the bytes of a file name that is no UTF-8 as lone surrogates, which UTF-8 cannot
    represent. The escape is the one of JSON: a reader of JSON gets the same name back.
    """
    return text.encode("utf-8", "backslashreplace")


def follow_links(path: Path) -> Path:
    """Return the file that a name leads to, or the open file descriptor that it stands for.

    The link of a descriptor, such as ``/proc/self/fd/1``, is not followed: what it names may be a
    file that another program is writing too.

    Raises:
        OSError: the links lead in a circle.
    """
    for _ in range(_MAX_LINKS):
        path = _with_real_folder(path)
        if _DESCRIPTOR.fullmatch(str(path)) or not path.is_symlink():
            return path
        path = path.parent / os.readlink(path)
    raise OSError(f"{path}: expected a file; got links that lead in a circle")


def descriptor_of(place: Path) -> int | None:
    """Return the number of this process's open file that a path stands for, or None."""
    match = _DESCRIPTOR.fullmatch(str(place))
    own = match is not None and match[1] in (None, "self", str(os.getpid()))
    return int(match[2]) if match is not None and own else None


def is_replaceable(place: Path) -> bool:
    """Return whether a file may be renamed over: a regular one, or a name that is not in use.

    Args:
        place: what ``follow_links`` returned.

    Raises:
        OSError: it cannot be looked up.
    """
    if _DESCRIPTOR.fullmatch(str(place)):
        return False
    try:
        return may_be_renamed_over(place.stat().st_mode)
    except FileNotFoundError:
        return True


def may_be_renamed_over(mode: int) -> bool:
    """Return whether a file of this mode is regular.

    A folder counts too: renaming a file over it fails without harm.
    """
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def is_stdout(path: Path) -> bool:
    """Return whether a path stands for the standard output of this process."""
    return descriptor_of(follow_links(path)) == 1


def open_special(place: Path) -> BinaryIO:
    """Open a device, a FIFO or a descriptor for writing, without truncating what is behind it."""
    descriptor = descriptor_of(place)
    if descriptor is not None:
        return os.fdopen(os.dup(descriptor), "wb")
    return os.fdopen(os.open(place, os.O_WRONLY), "wb")


def _with_real_folder(path: Path) -> Path:
    """Resolve the links of the folder, but not the last name."""
    return Path(os.path.realpath(path.parent)) / path.name if path.name else path
