"""The content of a ``.csd`` file: for each video, rows of features and their times."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmemo.arrays import Floats
from mmemo.errors import DataError


class Entry(NamedTuple):
    """One video's rows, or one piece of a video.

    Attributes:
        intervals: (n, 2) float64, start and end of each row, seconds in the video.
        features: (n, ...) numbers, or (n, 1) bytes for words.
    """

    intervals: Floats
    features: NDArray[Any]


Sequence = Mapping[str, Entry]
"""Entry id -> rows. An id is a video's, or ``video[k]`` for its piece k."""


def video_of(entry_id: str) -> str:
    """Return the video of an entry: its id up to the first bracket."""
    return entry_id.split("[", 1)[0]


def entry(intervals: object, features: object, where: str) -> Entry:
    """Return an entry of two arrays; a single row may be flat.

    Raises:
        DataError: they are not (n, 2) and (n, ...).
    """
    times, values = np.asarray(intervals), np.asarray(features)
    if times.ndim == 1 and times.shape == (2,) and values.ndim == 1:
        times, values = times[None], values[None]
    if times.ndim != 2 or times.shape[1] != 2 or times.dtype.kind not in "iuf":
        raise DataError(
            f"{where}: expected intervals (n, 2) of numbers; got {times.shape} {times.dtype}"
        )
    if values.ndim < 2 or len(values) != len(times):
        raise DataError(
            f"{where}: expected features ({len(times)}, d), one row per interval; "
            f"got {values.shape}"
        )
    return Entry(times.astype(np.float64), values)


def grouped(sequence: Sequence) -> dict[str, list[str]]:
    """Return the entry ids of each video, in the sequence's order."""
    ids: dict[str, list[str]] = {}
    for entry_id in sequence:
        ids.setdefault(video_of(entry_id), []).append(entry_id)
    return ids


def joined(entries: Iterable[Entry]) -> Entry:
    """Return the entries of one video as one, sorted by start (ties keep their order).

    Raises:
        DataError: they differ in columns.
    """
    parts = list(entries)
    shapes = sorted({part.features.shape[1:] for part in parts})
    if len(shapes) > 1:
        raise DataError(
            "expected all entries of a video to have the same columns; got "
            f"{' and '.join(str(shape) for shape in shapes[:3])}"
        )
    times = np.concatenate([part.intervals for part in parts])
    order = np.argsort(times[:, 0], kind="stable")
    return Entry(times[order], np.concatenate([part.features for part in parts])[order])
