"""Files that others made: only regular files are opened, and only up to a size.

Opening a FIFO waits for a writer, and reading a device never ends; some devices act when they are
opened. So a file's kind is checked before it is opened, and again on the open file. A refusal is an
``OSError`` with a reason, which readers turn into their own error with the file's name.
"""

import errno
import gzip
import io
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

PathLike = str | os.PathLike[str]

LARGEST_BYTES = 1 << 38
"""Of any file, 256 GiB: three hours of recording, the most that is read, have less."""
LARGEST_TABLE_BYTES = 1 << 28
"""Of a table, a list or JSON, as unpacked, 256 MiB: all of CMU-MOSEI's segments are 5 MB."""
LARGEST_DESCRIPTION_BYTES = 1 << 26
"""Of the JSON that describes a corpus, a store or a model, 64 MiB."""
LARGEST_MANIFEST_BYTES = 1 << 30
"""Of the list of a store's clips, 1 GiB."""

_SPARSE_ABOVE_BYTES = 1 << 30
_SPARSE_RATIO = 16
"""A large file with less than this part of it on the disk is mostly holes, which cost nothing to
make and hours to read. Compression by the file system does not reach this for recordings."""

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}
_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_BINARY = getattr(os, "O_BINARY", 0)  # Windows


def check_regular(path: PathLike, largest_bytes: int = LARGEST_BYTES) -> os.stat_result:
    """Check that a path leads to a regular file of at most a size, without opening it.

    For libraries that open files by name.

    Raises:
        OSError: there is none, it is of another kind, too large, or mostly holes.
    """
    try:
        status = os.stat(path)
    except ValueError:  # a null character
        raise OSError(errno.EINVAL, "no file can have this name", os.fspath(path)) from None
    _check(status, path, largest_bytes)
    return status


def open_regular(path: PathLike, largest_bytes: int = LARGEST_BYTES) -> io.BufferedReader:
    """Open a regular file for reading, without ever waiting for it.

    Raises:
        OSError: as ``check_regular``, or it may not be read.
    """
    check_regular(path, largest_bytes)
    descriptor = os.open(path, os.O_RDONLY | _WITHOUT_WAITING | _BINARY)
    try:
        _check(os.fstat(descriptor), path, largest_bytes)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: PathLike, largest_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: as ``open_regular``, or the file grows while it is read, perhaps without end.
    """
    with open_regular(path, largest_bytes) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1)
    if len(content) > size:
        raise OSError(errno.EINVAL, "it grows while it is read", os.fspath(path))
    return content


def read_text(path: PathLike, largest_bytes: int, encoding: str = "utf-8") -> str:
    """Return the text of a regular file, with line feeds as line ends.

    Raises:
        OSError: as ``open_regular``.
        UnicodeDecodeError: it is in another encoding.
    """
    with io.TextIOWrapper(io.BytesIO(read_bytes(path, largest_bytes)), encoding) as text:
        return text.read()


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path, with its links followed, lies in a folder.

    A snapshot in a cache of the Hugging Face hub is a folder of links to ``../../blobs``, which
    counts as part of it.
    """
    try:
        own = Path(os.path.realpath(folder))
        roots = [own, *(p.with_name("blobs") for p in own.parents if p.name == "snapshots")]
        target = Path(os.path.realpath(path))
        return any(target.is_relative_to(root) for root in roots)
    except ValueError:  # a null character, which no file's name has
        return False


def open_gzipped(path: PathLike, largest_bytes: int) -> io.BufferedReader:
    """Open a gzipped file; reading fails where it has more bytes than a limit, as unpacked.

    Raises:
        OSError: as ``open_regular``; by reading: it is not gzipped, or too large.
    """
    return io.BufferedReader(_Unpacked(path, largest_bytes))


class _Unpacked(io.RawIOBase):
    """The unpacked bytes of a gzipped file, up to a limit."""

    def __init__(self, path: PathLike, largest_bytes: int) -> None:
        self._path, self._largest_bytes, self._position = path, largest_bytes, 0
        self._packed = open_regular(path, largest_bytes)
        self._stream = gzip.GzipFile(fileobj=self._packed, mode="rb")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = int(self._stream.readinto(buffer))
        self._position += count
        if self._position > self._largest_bytes:
            _refuse_size(self._path, self._largest_bytes)
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = int(self._stream.seek(offset, whence))
        return self._position

    def close(self) -> None:
        self._stream.close()
        self._packed.close()
        super().close()


def _check(status: os.stat_result, path: PathLike, largest_bytes: int) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        code = errno.EISDIR if kind == stat.S_IFDIR else errno.EINVAL
        came = _KINDS.get(kind, "something else")
        raise OSError(code, f"{came}, not a regular file", os.fspath(path))
    if status.st_size > largest_bytes:
        _refuse_size(path, largest_bytes)
    on_disk = getattr(status, "st_blocks", None)  # counts 512 bytes, whatever the file system's
    if (
        on_disk is not None
        and status.st_size > _SPARSE_ABOVE_BYTES
        and 512 * on_disk * _SPARSE_RATIO < status.st_size
    ):
        reason = "mostly holes: its content is not there; was its download finished?"
        raise OSError(errno.EINVAL, reason, os.fspath(path))


def _refuse_size(path: PathLike, largest_bytes: int) -> NoReturn:
    limit = (
        f"{largest_bytes >> 20} MiB" if largest_bytes >= 1 << 20 else f"{largest_bytes >> 10} KiB"
    )
    raise OSError(errno.EFBIG, f"larger than {limit}", os.fspath(path))
