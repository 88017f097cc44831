"""Reads both formats of ``torch.save`` as plain data: tensors are returned as arrays.

The zip format (since torch 1.6) has a pickle and one stored member per storage. The older format is
a series of pickles followed by the storages' bytes. ``mmemo.untrusted.pickle_reader`` reads
both.
"""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmemo.errors import DataError
from mmemo.untrusted.allowed_names import STORAGES, Name, RefusedError, Storage
from mmemo.untrusted.pickle_reader import Unpickler, load_pickle, map_file

_BROKEN_ZIP = (
    zipfile.BadZipFile,
    LookupError,
    ValueError,
    OverflowError,
    RuntimeError,
    OSError,
    EOFError,
    struct.error,
    MemoryError,
)
MAGIC = 0x1950A86A20F9469CFC6C
_PICKLED_MAGIC = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little") + b"."


def load_plain(path: Path) -> Any:
    """Return the content of a pickle or a torch file, with arrays for tensors.

    Raises:
        DataError: it is missing, truncated, broken, or contains more than data.
    """
    data = map_file(path)
    try:
        if bytes(data[:4]) == b"PK\x03\x04":
            return _read_zip(path)
        if bytes(data[: len(_PICKLED_MAGIC)]) == _PICKLED_MAGIC:
            return _read_series(data)
    except RefusedError as error:
        raise DataError(f"{path}: {error}") from None
    except _BROKEN_ZIP as error:
        raise DataError(f"{path}: a broken torch file ({' '.join(str(error).split())})") from None
    return load_pickle(path)


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        if sum(info.compress_size for info in archive.infolist()) > path.stat().st_size:
            raise RefusedError("a zip file that torch did not write (its members overlap)")
        members = {info.filename.partition("/")[2]: info for info in archive.infolist()}
        if "data.pkl" not in members:
            raise RefusedError("a zip file that torch did not write (no data.pkl)")
        if "byteorder" in members and _stored(archive, members["byteorder"]) == b"big":
            raise RefusedError("written on a big-endian machine")

        def raw(key: str) -> bytes:
            if f"data/{key}" not in members:
                raise RefusedError(f"cut short: no storage {key[:40]!r}")
            return _stored(archive, members[f"data/{key}"])

        storages: dict[str, Storage] = {}
        pickled = memoryview(_stored(archive, members["data.pkl"]))
        return Unpickler(pickled, persistent=_storages(storages, raw)).load()


def _stored(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    # torch does not compress; a compressed member could expand to any size.
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise RefusedError(
            f"a zip file that torch did not write ({info.filename[:60]} is compressed)"
        )
    return archive.read(info)


def _read_series(data: memoryview) -> Any:
    """Return the content of the older format, whose object precedes its storages."""
    position = 0
    for _ in range(3):  # magic number, protocol, byte order and sizes
        machine = Unpickler(data, position)
        machine.load()
        position = machine.position
    sizes: dict[str, int] = {}
    first = Unpickler(data, position, persistent=_sizes(sizes))
    first.load()
    keys = Unpickler(data, first.position)
    order = keys.load()
    if not isinstance(order, list) or not all(isinstance(key, str) for key in order):
        raise RefusedError("a broken torch file (no list of storages)")
    offset, raw_of = keys.position, {}
    for key in order:
        if len(data) - offset < 8:
            raise RefusedError("cut short: a storage is missing")
        count = struct.unpack("<q", data[offset : offset + 8])[0]
        size = count * sizes.get(key, 0)
        if count < 0 or size > len(data) - offset - 8:
            raise RefusedError(f"cut short: expected a storage of {count} numbers")
        raw_of[key] = data[offset + 8 : offset + 8 + size]
        offset += 8 + size
    return Unpickler(data, position, persistent=_storages({}, raw_of.__getitem__)).load()


def _sizes(sizes: dict[str, int]) -> Callable[[Any], Storage]:
    def note(identity: Any) -> Storage:
        dtype, key, count = _identity(identity)
        sizes[key] = dtype.itemsize
        # A placeholder of the right length that takes no memory.
        return Storage(np.broadcast_to(np.zeros((), dtype), (count,)))

    return note


def _storages(
    storages: dict[str, Storage], raw: Callable[[str], bytes | memoryview]
) -> Callable[[Any], Storage]:
    def find(identity: Any) -> Storage:
        dtype, key, count = _identity(identity)
        if key not in storages:
            content = raw(key)
            if len(content) < count * dtype.itemsize:
                raise RefusedError(
                    f"cut short: a storage of {count} numbers has {len(content)} bytes"
                )
            storages[key] = Storage(np.frombuffer(content, dtype, count))
        return storages[key]

    return find


def _identity(identity: Any) -> tuple[np.dtype[Any], str, int]:
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
        raise RefusedError("a reference to an object other than a storage")
    _, kind, key, _, count = identity[:5]
    if not isinstance(kind, Name) or kind.name not in STORAGES or not isinstance(key, str):
        raise RefusedError("a storage of an unknown kind")
    if len(identity) > 5 and identity[5] is not None:
        raise RefusedError("a storage that is a view of another")
    if type(count) is not int or not 0 <= count < 1 << 40:
        raise RefusedError("a storage of an impossible size")
    return np.dtype(STORAGES[kind.name]), key, count
