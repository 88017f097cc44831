"""Writes ``.csd`` files that the CMU SDK opens: same groups, same metadata keys, gzip."""

import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mmemo.csd.sequence import Entry, entry
from mmemo.errors import DataError
from mmemo.files import unfinished

REQUIRED_METADATA: tuple[str, ...] = (
    "root name",
    "computational sequence description",
    "dimension names",
    "computational sequence version",
    "alignment compatible",
    "dataset name",
    "dataset version",
    "creator",
    "contact",
    "featureset bib citation",
    "dataset bib citation",
)
GLUED_KEY = "dimension namescomputational sequence version"
"""The SDK requires this key by a missing comma in its list; without it a file is incomplete."""


def write_csd(
    path: Path,
    name: str,
    entries: Iterable[tuple[str, Entry]],
    metadata: Mapping[str, Any] | None = None,
    *,
    gzip: int | None = 4,
) -> int:
    """Write a sequence entry by entry, within bounded memory; whole or not at all.

    Args:
        path: the file; replaced if it exists.
        name: the root's name. The SDK takes a resource for a file only if the path ends in .csd.
        entries: (id, rows) pairs, each id once.
        metadata: values by key; required keys that are missing are written empty.
        gzip: level 0 to 9 (the SDK uses 9), None for none.

    Returns:
        The number of entries written.

    Raises:
        DataError: an id occurs twice or cannot name a group, or an array is no numbers or words.
    """
    if not name or "/" in name:
        raise DataError(f"{path}: expected a root name without '/'; got {name!r}")
    packing = {} if gzip is None else {"compression": "gzip", "compression_opts": gzip}
    count = 0
    with unfinished(path) as part, h5py.File(part, "w", libver="earliest") as file:
        root = file.create_group(name)
        data = root.create_group("data")
        for entry_id, rows in entries:
            _write_entry(data, entry_id, rows, packing, str(path))
            count += 1
        _write_metadata(root.create_group("metadata"), name, metadata or {})
    return count


def _write_entry(
    data: h5py.Group, entry_id: str, rows: Entry, packing: dict[str, Any], path: str
) -> None:
    where = f"{path}: {entry_id}"
    if not entry_id or "/" in entry_id or entry_id == "." or "\0" in entry_id:
        raise DataError(f"{where}: expected an id that can name a group, without '/'")
    if entry_id in data:
        raise DataError(f"{where}: expected each id once; it occurs twice")
    times, values = entry(rows.intervals, rows.features, where)
    if values.dtype.kind == "U":
        values = np.char.encode(values, "utf-8")
    if values.dtype.kind not in "fiuS":
        raise DataError(f"{where}: expected numbers or words; got {values.dtype}")
    group = data.create_group(entry_id)
    for key, array in (("features", values), ("intervals", times)):
        # HDF5 compresses chunks, and an array without elements has none.
        group.create_dataset(key, data=array, **(packing if array.size else {}))


def _write_metadata(group: h5py.Group, name: str, metadata: Mapping[str, Any]) -> None:
    values = {key: "" for key in (*REQUIRED_METADATA, GLUED_KEY)} | dict(metadata)
    values |= {"root name": name, "md5": None, "uuid": str(uuid.uuid4())}
    for key, value in sorted(values.items()):
        text = json.dumps(value)
        group.create_dataset(key, data=[text], dtype=h5py.string_dtype("utf-8"))
