"""Selection of the entries that sequences share: unify, hard unify and impute."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from mmemo.csd.sequence import Entry, Sequence, video_of
from mmemo.errors import DataError


class Selected(Mapping[str, Entry]):
    """Some entries of a sequence, read on demand."""

    def __init__(self, sequence: Sequence, ids: Iterable[str]) -> None:
        self._sequence = sequence
        self._ids = dict.fromkeys(ids)

    def __getitem__(self, entry_id: str) -> Entry:
        if entry_id not in self._ids:
            raise KeyError(entry_id)
        return self._sequence[entry_id]

    def __contains__(self, entry_id: object) -> bool:
        return entry_id in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


def unify(sequences: Mapping[str, Sequence], *, sdk_compat: bool = False) -> dict[str, Sequence]:
    """Return the sequences with only the videos that are in all of them.

    Args:
        sequences: name -> sequence.
        sdk_compat: remove by prefix of the id, as the SDK does: if the video 25522 is not shared,
            255224 and 255226 are removed with it.
    """
    videos = [{video_of(entry_id) for entry_id in sequence} for sequence in sequences.values()]
    shared: set[str] = set.intersection(*videos) if videos else set()
    unshared = {video for ids in videos for video in ids if video not in shared}

    def removed(entry_id: str) -> bool:
        if not sdk_compat:
            return video_of(entry_id) in unshared
        return any(entry_id[:length] in unshared for length in range(1, len(entry_id) + 1))

    return {
        name: Selected(sequence, (i for i in sequence if not removed(i)))
        for name, sequence in sequences.items()
    }


def hard_unify(sequences: Mapping[str, Sequence]) -> dict[str, Sequence]:
    """Return the sequences with only the entry ids (pieces, not videos) that are in all."""
    shared = set.intersection(*(set(sequence) for sequence in sequences.values()))
    return {
        name: Selected(sequence, (i for i in sequence if i in shared))
        for name, sequence in sequences.items()
    }


def impute(
    sequences: Mapping[str, Sequence], reference: str, value: float = 0.0
) -> dict[str, Sequence]:
    """Return sequences with all entries of the reference; a missing one is one row of ``value``.

    Raises:
        DataError: there is no such reference, or a sequence has no entry to copy the columns from.
    """
    if reference not in sequences:
        raise DataError(f"expected a sequence {reference!r}; there are {', '.join(sequences)}")
    base = sequences[reference]
    filled: dict[str, Sequence] = {}
    for name, sequence in sequences.items():
        missing = [] if name == reference else [i for i in base if i not in sequence]
        if not missing:
            filled[name] = sequence
            continue
        if not len(sequence):
            raise DataError(
                f"{name}: expected at least one entry, to copy its columns; it has none"
            )
        example = sequence[next(iter(sequence))].features
        row = np.full((1, *example.shape[1:]), value, dtype=example.dtype)
        filled[name] = {**sequence, **{i: Entry(base[i].intervals, row) for i in missing}}
    return filled
