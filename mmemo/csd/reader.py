"""Reads ``.csd`` files: HDF5 with ``/<root>/data/<id>/{features,intervals}`` and ``metadata``.

Entries are read on demand, so a file may be larger than memory. A file is not trusted: links out of
it, virtual data sets and shapes larger than its bytes can hold are refused.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mmemo.csd.metadata import read_metadata
from mmemo.csd.sequence import Entry, entry
from mmemo.errors import DataError
from mmemo.input_files import open_regular

LARGEST_ENTRY_BYTES = 2 << 30
"""One video's features; FACET of the longest videos is 100 times smaller."""
DEFLATE_RATIO = 1032
"""Maximum compression of deflate; a data set that claims a higher one is corrupt."""
_READ_ERRORS = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, MemoryError)


class CsdFile(Mapping[str, Entry]):
    """An open ``.csd`` file as a mapping of entry id -> ``Entry``. Close it, or use ``with``.

    Attributes:
        name: the root's name, such as ``COVAREP``.
        path: its path.

    Raises:
        DataError: no such file, not HDF5, or HDF5 of another layout.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise DataError(f"{path}: expected a .csd file; there is none")
        _refuse_pointer(path)
        try:
            self._file = h5py.File(path, "r")
        except _READ_ERRORS as error:
            raise DataError(f"{path}: expected a .csd (HDF5) file ({_line(error)})") from None
        try:
            self.name, root = self._root()
            self._data = _group(root, "data")
            self._ids = dict.fromkeys(self._data)
        except DataError as error:
            self.close()
            raise DataError(f"{path}: {error}") from None
        except _READ_ERRORS as error:
            self.close()
            raise DataError(f"{path}: broken .csd file ({_line(error)})") from None

    # Comparing mappings compares entries, which would read both files whole.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def _root(self) -> tuple[str, h5py.Group]:
        names = list(self._file)
        if not names:
            raise DataError("expected one root group in the .csd file; it is empty")
        # The SDK takes the first one too.
        return names[0], _group(self._file, names[0])

    def __enter__(self) -> "CsdFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; entries already read remain valid."""
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, entry_id: object) -> bool:
        return entry_id in self._ids

    def __getitem__(self, entry_id: str) -> Entry:
        """Return one entry.

        Raises:
            KeyError: no entry has this id.
            DataError: it is broken, or its size is impossible.
        """
        where = f"{self.path}: {entry_id}"
        if entry_id not in self:
            raise KeyError(entry_id)
        try:
            group = _group(self._data, entry_id)
            return entry(_array(group, "intervals"), _array(group, "features"), where)
        except DataError as error:
            message = str(error)
            raise DataError(
                message if message.startswith(where) else f"{where}: {message}"
            ) from None
        except _READ_ERRORS as error:
            raise DataError(f"{where}: unreadable ({_line(error)})") from None

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Metadata of the file; values that are not JSON are returned as text.

        Raises:
            DataError: the metadata is broken.
        """
        return read_metadata(self.path)


def _group(parent: h5py.Group, name: str) -> h5py.Group:
    member = _member(parent, name)
    if not isinstance(member, h5py.Group):
        raise DataError(f"expected a group {name!r}; it is a data set")
    return member


def _member(parent: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    link = parent.get(name, getlink=True)
    if link is None:
        raise DataError(f"expected a group {name!r}; got {', '.join(list(parent)[:5]) or 'none'}")
    if not isinstance(link, h5py.HardLink):
        raise DataError(f"{name!r} is a link to elsewhere; expected the data itself")
    return parent[name]


def _array(group: h5py.Group, name: str) -> NDArray[Any]:
    dataset = _member(group, name)
    if not isinstance(dataset, h5py.Dataset):
        raise DataError(f"expected a data set {name!r}; it is a group")
    if dataset.external or dataset.is_virtual:
        raise DataError(f"the data of {name!r} lies in another file")
    kind = dataset.dtype.kind
    if kind not in "fiuS":
        raise DataError(f"expected numbers or words in {name!r}; got {dataset.dtype}")
    _check_size(dataset, dataset.dtype.itemsize)
    return np.asarray(dataset[()])


def _check_size(dataset: h5py.Dataset, itemsize: int) -> None:
    if dataset.shape is None:
        raise DataError("expected an array; it is empty")
    size = int(np.prod([int(n) for n in dataset.shape], dtype=object)) * itemsize
    stored = dataset.id.get_storage_size()
    if size > LARGEST_ENTRY_BYTES or (size > 1 << 24 and size > stored * DEFLATE_RATIO):
        raise DataError(
            f"an array of shape {dataset.shape} ({size} bytes) is larger than its {stored} bytes "
            f"on disk can hold, or than {LARGEST_ENTRY_BYTES}"
        )


def _refuse_pointer(path: Path) -> None:
    try:
        with open_regular(path) as file:
            head = file.read(64)
    except OSError as error:
        raise DataError(f"{path}: cannot read it ({error.strerror or error})") from None
    if head.startswith(b"version https://git-lfs"):
        raise DataError(
            f"{path}: a Git LFS pointer, not the data; run `git lfs pull` in its folder"
        )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
