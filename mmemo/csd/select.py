"""Which entries sequences share: unify, hard unify, and filling in what is missing."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from mmemo.csd.sequence import Entry, Sequence, video_of
from mmemo.errors import DataError


class Selected(Mapping[str, Entry]):
    """Some entries of a sequence, read only when asked for."""

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
    """Keep the videos that are in all sequences.

    Args:
        sequences: name -> sequence.
        sdk_compat: compare ids by their beginnings, as the SDK does. It then takes 255224 for an
            entry of the video 25522, and where 25522 is not shared it removes 255224 with it.
    """
    removed = (_removed_by_prefix if sdk_compat else _removed)(sequences)
    return {
        name: Selected(sequence, (i for i in sequence if i not in removed))
        for name, sequence in sequences.items()
    }


def _removed(sequences: Mapping[str, Sequence]) -> set[str]:
    videos = [{video_of(entry_id) for entry_id in sequence} for sequence in sequences.values()]
    shared = set.intersection(*videos) if videos else set()
    return {i for sequence in sequences.values() for i in sequence if video_of(i) not in shared}


def _removed_by_prefix(sequences: Mapping[str, Sequence]) -> set[str]:
    ordered = [sorted(sequence) for sequence in sequences.values()]
    videos = {video_of(entry_id) for ids in ordered for entry_id in ids}
    lost = {v for v in videos if not all(any(_beginning(ids, v)) for ids in ordered)}
    return {i for ids in ordered for video in lost for i in _beginning(ids, video)}


def _beginning(ordered: list[str], prefix: str) -> Iterator[str]:
    for entry_id in ordered[bisect_left(ordered, prefix) :]:
        if not entry_id.startswith(prefix):
            return
        yield entry_id


def hard_unify(sequences: Mapping[str, Sequence]) -> dict[str, Sequence]:
    """Keep the entry ids (pieces, not videos) that are in all sequences."""
    shared = set.intersection(*(set(sequence) for sequence in sequences.values()))
    return {
        name: Selected(sequence, (i for i in sequence if i in shared))
        for name, sequence in sequences.items()
    }


def impute(
    sequences: Mapping[str, Sequence], reference: str, value: float = 0.0
) -> dict[str, Sequence]:
    """Give every sequence the entries of the reference: where one is missing, one row of ``value``.

    Raises:
        DataError: there is no such reference, or a sequence without any entry to take columns from.
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
            raise DataError(f"{name}: no entry to tell its columns from; cannot fill in any")
        like = sequence[next(iter(sequence))].features
        row = np.full((1, *like.shape[1:]), value, dtype=like.dtype)
        filled[name] = {**sequence, **{i: Entry(base[i].intervals, row) for i in missing}}
    return filled
