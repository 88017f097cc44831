"""From sequences to the padded arrays that published systems read."""

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Sequence as Seq
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmemo.arrays import Floats32, Ints
from mmemo.csd.align import Collapse, Pieces, aligned, cut
from mmemo.csd.select import hard_unify
from mmemo.csd.sequence import Entry, Sequence, grouped, joined, video_of
from mmemo.errors import DataError

Keep = Literal["last", "first"]


def tensors(
    sequences: Mapping[str, Sequence],
    length: int,
    folds: Seq[Collection[str]],
    *,
    unpadded: Collection[str] = (),
    keep: Keep = "last",
) -> list[dict[str, NDArray[Any]]]:
    """Build arrays (N, length, D) for each fold, as the SDK's ``get_tensors``.

    Args:
        sequences: aligned sequences; entries that are not in all of them are left out.
        length: rows of every piece.
        folds: collections of video ids; entries of other videos are left out.
        unpadded: sequences to stack as they are (labels).
        keep: "last" pads before and keeps the last rows, "first" pads after and keeps the first.

    Raises:
        DataError: ``length`` is below 1, or rows of an unpadded sequence differ in number.
    """
    if length < 1:
        raise DataError(f"expected a length of 1 or more; got {length}")
    fold_of = {video: k for k, fold in reversed(list(enumerate(folds))) for video in fold}
    shared = hard_unify(sequences)
    order = list(next(iter(shared.values())))
    found: list[dict[str, list[NDArray[Any]]]] = [{n: [] for n in sequences} for _ in folds]
    for entry_id in order:
        fold = fold_of.get(video_of(entry_id))
        if fold is None:
            continue
        for name, sequence in shared.items():
            rows = sequence[entry_id].features
            found[fold][name].append(rows if name in unpadded else padded(rows, length, keep))
    return [{n: _stacked(n, arrays) for n, arrays in fold.items()} for fold in found]


def padded(rows: NDArray[Any], length: int, keep: Keep = "last") -> NDArray[Any]:
    """Bring rows (n, ...) to (length, ...) with zeros."""
    made = np.zeros((length, *rows.shape[1:]), dtype=rows.dtype)
    kept = rows[-length:] if keep == "last" else rows[:length]
    if keep == "last":
        made[length - len(kept) :] = kept
    else:
        made[: len(kept)] = kept
    return made


def _stacked(name: str, arrays: list[NDArray[Any]]) -> NDArray[Any]:
    if not arrays:
        return np.zeros((0,))
    if len({array.shape for array in arrays}) > 1:
        raise DataError(f"{name}: expected entries of one shape; pad them, or align without rows")
    return np.stack(arrays)


class VideoSegments(NamedTuple):
    """The labelled segments of one video, word-aligned.

    Attributes:
        ids: (S) ids, ``video[k]`` for label row k.
        labels: (S, L) annotation.
        arrays: name -> (S, length, D) float32.
    """

    ids: tuple[str, ...]
    labels: NDArray[Any]
    arrays: dict[str, Floats32]


def segments(
    sequences: Mapping[str, Sequence],
    labels: Sequence,
    *,
    words: str,
    length: int = 50,
    sdk_compat: bool = False,
) -> Iterator[VideoSegments]:
    """Word-align, cut into labelled segments and pad, video by video, within bounded memory.

    The steps of the SDK's MOSEI example in one pass: align to words, fill in zeros for words that
    a modality misses, align to labels, keep segments with words, keep the last rows. The example
    forgets to average over each word, so that a segment's ``length`` audio rows are its last half
    second.

    Args:
        sequences: name -> sequence, words among them.
        labels: one row a segment.
        words: name of the sequence whose rows are words.
        length: rows of a segment.
        sdk_compat: forget to average as the example does, unify by the beginning of ids, and leave
            out segments in which a modality has no row (otherwise it has zeros there).

    Raises:
        DataError: there is no such words sequence, or an entry is broken.
    """
    collapse: Collapse = None if sdk_compat else "mean"
    label_ids = grouped(labels)
    for video, pieces in aligned(sequences, words, collapse=collapse, sdk_compat=sdk_compat):
        if video not in label_ids:
            continue
        wanted = joined_in_order(labels, label_ids[video])
        cuts = {
            name: cut(wanted.intervals, _imputed(piece, pieces[words]), None)
            for name, piece in pieces.items()
        }
        kept = _shared(cuts) if sdk_compat else cuts[words].rows
        if len(kept):
            yield VideoSegments(
                tuple(f"{video}[{row}]" for row in kept.tolist()),
                wanted.features[kept],
                {name: _pad(piece, kept, length) for name, piece in cuts.items()},
            )


def joined_in_order(sequence: Sequence, ids: Seq[str]) -> Entry:
    """Put a video's entries together without ordering them by time: label k is row k.

    Raises:
        DataError: they differ in columns.
    """
    entries = [sequence[entry_id] for entry_id in ids]
    if len({held.features.shape[1:] for held in entries}) > 1:
        raise DataError(f"{ids[0]}: expected all its pieces to have the same columns")
    return Entry(
        np.concatenate([held.intervals for held in entries]),
        np.concatenate([held.features for held in entries]),
    )


def _shared(pieces: Mapping[str, Pieces]) -> Ints:
    rows = [piece.rows for piece in pieces.values()]
    return np.array(sorted(set.intersection(*(set(r.tolist()) for r in rows))), dtype=np.int64)


def _imputed(pieces: Pieces, words: Pieces) -> Entry:
    missing = np.setdiff1d(words.rows, pieces.rows, assume_unique=True)
    if not len(missing):
        return pieces.as_entry()
    at = words.offsets[np.searchsorted(words.rows, missing)]
    zeros = np.zeros((len(missing), *pieces.features.shape[1:]), dtype=pieces.features.dtype)
    return joined([pieces.as_entry(), Entry(words.intervals[at], zeros)])


def _pad(pieces: Pieces, rows: Ints, length: int) -> Floats32:
    """Lay the last ``length`` rows of each piece to the right of (S, length, D) zeros."""
    made = np.zeros((len(rows), length, *pieces.features.shape[1:]), dtype=np.float32)
    there = np.isin(pieces.rows, rows)
    ends, counts = pieces.offsets[1:][there], np.diff(pieces.offsets)[there]
    kept = np.minimum(counts, length)
    slot = np.searchsorted(rows, pieces.rows[there])
    step = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
    made[np.repeat(slot, kept), np.repeat(length - kept, kept) + step] = pieces.features[
        np.repeat(ends - kept, kept) + step
    ]
    return made
