"""Prints the metadata of a ``.csd`` file as JSON; run by ``mmemo.csd.metadata`` as a process.

    python metadata_program.py FILE

It imports nothing of the project.
"""

import json
import sys

import h5py
import numpy as np

LONGEST_TEXT = 1 << 20


def metadata(path: str) -> dict[str, str]:
    """Return every metadata value as text.

    Raises:
        ValueError: a value is not a single text.
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
    dataset = group[key]
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise ValueError(f"expected text in metadata {key!r}")
    if dataset.shape is None or int(np.prod(dataset.shape, dtype=object)) != 1:
        raise ValueError(f"expected one value in metadata {key!r}; got the shape {dataset.shape}")
    value = np.asarray(dataset[()]).ravel()[0]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"metadata {key!r} has {len(text)} characters")
    return text


if __name__ == "__main__":
    answer: dict[str, object]
    try:
        answer = {"metadata": metadata(sys.argv[1])}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    json.dump(answer, sys.stdout)
