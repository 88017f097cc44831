"""Padded arrays of sequences, as published systems read them."""

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
    """Return arrays (N, length, D) for each fold, as the SDK's ``get_tensors``.

    Args:
        sequences: aligned sequences; entries that are not in all of them are left out.
        length: rows of every piece.
        folds: collections of video ids; entries of other videos are left out.
        unpadded: sequences to stack without padding (labels).
        keep: "last" pads before and keeps the last rows, "first" pads after and keeps the first.

    Raises:
        DataError: ``length`` is below 1, or rows of an unpadded sequence differ in number.
    """
    if length < 1:
        raise DataError(f"expected a length of 1 or more; got {length}")
    fold_of = {video: k for k, fold in reversed(list(enumerate(folds))) for video in fold}
    shared = hard_unify(sequences)
    order = list(next(iter(shared.values())))
    arrays_of: list[dict[str, list[NDArray[Any]]]] = [{n: [] for n in sequences} for _ in folds]
    for entry_id in order:
        fold = fold_of.get(video_of(entry_id))
        if fold is None:
            continue
        for name, sequence in shared.items():
            rows = sequence[entry_id].features
            arrays_of[fold][name].append(rows if name in unpadded else padded(rows, length, keep))
    return [{n: _stacked(n, arrays) for n, arrays in fold.items()} for fold in arrays_of]


def padded(rows: NDArray[Any], length: int, keep: Keep = "last") -> NDArray[Any]:
    """Return rows (n, ...) padded with zeros, or cut, to (length, ...)."""
    result = np.zeros((length, *rows.shape[1:]), dtype=rows.dtype)
    part = rows[-length:] if keep == "last" else rows[:length]
    if keep == "last":
        result[length - len(part) :] = part
    else:
        result[: len(part)] = part
    return result


def _stacked(name: str, arrays: list[NDArray[Any]]) -> NDArray[Any]:
    if not arrays:
        return np.zeros((0,))
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise DataError(
            f"{name}: expected entries of one shape; got {shapes[0]} and {shapes[-1]}; pad them, "
            "or align without rows"
        )
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
    """Yield the word-aligned, padded segments of each video, in bounded memory.

    The steps of the SDK's MOSEI example in one pass: align to words, fill in zeros for words that
    a modality misses, align to labels, keep segments with words, keep the last rows. The example
    omits the average over each word, so a segment's ``length`` audio rows are its last half second.

    Args:
        sequences: name -> sequence, words among them.
        labels: one row per segment.
        words: name of the sequence whose rows are words.
        length: rows per segment.
        sdk_compat: omit the average as the example does, unify by prefix of ids, and leave out
            segments in which a modality has no row (otherwise it is zeros there).

    Raises:
        DataError: there is no such words sequence, or an entry is broken.
    """
    collapse: Collapse = None if sdk_compat else "mean"
    label_ids = grouped(labels)
    for video, pieces in aligned(sequences, words, collapse=collapse, sdk_compat=sdk_compat):
        if video not in label_ids:
            continue
        label_rows = joined_in_order(labels, label_ids[video])
        cuts = {
            name: cut(label_rows.intervals, _imputed(piece, pieces[words]), None)
            for name, piece in pieces.items()
        }
        rows = _shared(cuts) if sdk_compat else cuts[words].rows
        if len(rows):
            yield VideoSegments(
                tuple(f"{video}[{row}]" for row in rows.tolist()),
                label_rows.features[rows],
                {name: _pad(piece, rows, length) for name, piece in cuts.items()},
            )


def joined_in_order(sequence: Sequence, ids: Seq[str]) -> Entry:
    """Return a video's entries as one without sorting them by time: label k is row k.

    Raises:
        DataError: they differ in columns.
    """
    entries = [sequence[entry_id] for entry_id in ids]
    shapes = sorted({entry.features.shape[1:] for entry in entries})
    if len(shapes) > 1:
        raise DataError(
            f"{ids[0]}: expected all its pieces to have the same columns; got {shapes[0]} and "
            f"{shapes[-1]}"
        )
    return Entry(
        np.concatenate([entry.intervals for entry in entries]),
        np.concatenate([entry.features for entry in entries]),
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
    """Return the last ``length`` rows of each piece, padded before: (S, length, D)."""
    result = np.zeros((len(rows), length, *pieces.features.shape[1:]), dtype=np.float32)
    selected = np.isin(pieces.rows, rows)
    ends, counts = pieces.offsets[1:][selected], np.diff(pieces.offsets)[selected]
    taken = np.minimum(counts, length)
    slot = np.searchsorted(rows, pieces.rows[selected])
    step = np.arange(taken.sum()) - np.repeat(np.cumsum(taken) - taken, taken)
    result[np.repeat(slot, taken), np.repeat(length - taken, taken) + step] = pieces.features[
        np.repeat(ends - taken, taken) + step
    ]
    return result
