"""Prints the metadata of a ``.csd`` file as JSON; run by ``mmemo.csd.metadata`` as a process.

    python metadata_program.py FILE

It stands alone: nothing of the project is imported.
"""

import json
import sys

import h5py
import numpy as np

LARGEST = 1 << 20


def metadata(path: str) -> dict[str, str]:
    """Read every metadata value as text.

    Raises:
        ValueError: a value is not one piece of text.
    """
    with h5py.File(path, "r") as file:
        root = file[next(iter(file))]
        if "metadata" not in root:
            return {}
        group = root["metadata"]
        return {key: _value(group, key) for key in group}


def _value(group: h5py.Group, key: str) -> str:
    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
        raise ValueError(f"metadata {key!r} is a link to elsewhere")
    found = group[key]
    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        raise ValueError(f"expected text in metadata {key!r}")
    if found.shape is None or int(np.prod(found.shape, dtype=object)) != 1:
        raise ValueError(f"expected one value in metadata {key!r}; got the shape {found.shape}")
    value = np.asarray(found[()]).ravel()[0]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if len(text) > LARGEST:
        raise ValueError(f"metadata {key!r} has {len(text)} characters")
    return text


if __name__ == "__main__":
    answer: dict[str, object]
    try:
        answer = {"metadata": metadata(sys.argv[1])}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    json.dump(answer, sys.stdout)
