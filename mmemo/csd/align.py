"""Alignment as the CMU SDK defines it, on whole arrays instead of row by row.

For every row [s, e] of the reference (rows shorter than 1e-5 s are skipped) a row [a, b] of another
sequence counts if a < e + 1e-5 and b > s - 1e-5. Its interval is cut to [s, e], and it is dropped
if at most 1e-5 s remain. So every overlap counts, and a row on a word's border goes to both words.
Collapsing makes one row of them: the interval from the least to the greatest time, and the
unweighted mean. (Zadeh et al., "Multi-attention recurrent network for human communication
comprehension", AAAI 2018, and the SDK's outputs, which the tests compare with.)

Training uses ``mmemo.batching.pooling.pool``: weighted by overlap, valid rows only. This module
is for agreement with published tensors.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Seq
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mmemo.arrays import Bools, Floats, Ints
from mmemo.csd.select import unify
from mmemo.csd.sequence import Entry, Sequence, grouped, joined, video_of
from mmemo.errors import DataError

EPSILON_S = 1e-5
MOST_PAIRS = 4_000_000
"""Pairs of rows compared at a time: bounds memory where many intervals overlap."""

Function = Callable[[Floats, NDArray[Any]], NDArray[Any]]
Collapse = Literal["mean"] | Seq[Function] | None


class Pieces(NamedTuple):
    """Rows of one sequence, cut to the rows of the reference, within one video.

    Attributes:
        rows: (K,) numbers of the reference rows that overlap any row, increasing.
        offsets: (K + 1,) piece k is rows ``offsets[k]:offsets[k + 1]`` of the two below.
        intervals: (M, 2) seconds.
        features: (M, ...).
    """

    rows: Ints
    offsets: Ints
    intervals: Floats
    features: NDArray[Any]

    def entries(self, entry_id: str) -> Iterator[tuple[str, Entry]]:
        """Yield each piece with its id in the SDK, ``entry_id[row]``."""
        for k, row in enumerate(self.rows.tolist()):
            piece = slice(self.offsets[k], self.offsets[k + 1])
            yield f"{entry_id}[{row}]", Entry(self.intervals[piece], self.features[piece])

    def as_entry(self) -> Entry:
        """Return all pieces one after another, as the rows of one video."""
        return Entry(self.intervals, self.features)


def align(
    sequences: Mapping[str, Sequence],
    reference: str,
    *,
    collapse: Collapse = "mean",
    sdk_compat: bool = False,
) -> dict[str, dict[str, Entry]]:
    """Return all sequences aligned to one of them, in memory.

    Args:
        sequences: name -> sequence; videos that are not in all of them are left out.
        reference: name of the sequence whose rows the others are cut to.
        collapse: "mean" for one row per reference row; functions of (intervals, features), whose
            results are concatenated; None to keep every row that overlaps.
        sdk_compat: reproduce the SDK's errors: leave out videos by the prefix of their id, and
            include NaN and infinity in the mean (otherwise they are ignored).

    Returns:
        name -> ``video[row]`` -> rows; no entry where nothing overlaps.

    Raises:
        DataError: there is no such reference, or ``collapse`` would average words.
    """
    result: dict[str, dict[str, Entry]] = {name: {} for name in sequences}
    for entry_id, pieces in aligned(sequences, reference, collapse=collapse, sdk_compat=sdk_compat):
        for name, piece in pieces.items():
            result[name].update(piece.entries(entry_id))
    return result


def aligned(
    sequences: Mapping[str, Sequence],
    reference: str,
    *,
    collapse: Collapse = "mean",
    sdk_compat: bool = False,
) -> Iterator[tuple[str, dict[str, Pieces]]]:
    """Yield each reference entry's id and the pieces of every sequence aligned to it.

    Only one video's rows are in memory at a time. Arguments and errors are those of ``align``.
    """
    if reference not in sequences:
        raise DataError(f"expected a sequence {reference!r}; there are {', '.join(sequences)}")
    shared = unify(sequences, sdk_compat=sdk_compat)
    entries_of = {name: grouped(sequence) for name, sequence in shared.items()}
    for entry_id in shared[reference]:
        base = shared[reference][entry_id]
        pieces = {}
        for name, sequence in shared.items():
            if name == reference:
                pieces[name] = _collapsed(_own_rows(base), collapse, sdk_compat)
                continue
            rows = joined(sequence[other] for other in entries_of[name][video_of(entry_id)])
            pieces[name] = cut(base.intervals, rows, collapse, sdk_compat=sdk_compat)
        yield entry_id, pieces


def cut(
    intervals: Floats,
    entry: Entry,
    collapse: Collapse = "mean",
    *,
    sdk_compat: bool = False,
) -> Pieces:
    """Return the pieces of one entry in the reference intervals (R, 2).

    Raises:
        DataError: ``collapse`` would average words.
    """
    order = np.argsort(entry.intervals[:, 0], kind="stable")
    times, values = entry.intervals[order], entry.features[order]
    row, other = _overlapping(intervals, times)
    clipped = np.column_stack(
        [
            np.maximum(times[other, 0], intervals[row, 0]),
            np.minimum(times[other, 1], intervals[row, 1]),
        ]
    )
    long = np.abs(clipped[:, 0] - clipped[:, 1]) > EPSILON_S
    row, other, clipped = row[long], other[long], clipped[long]
    rows, counts = np.unique(row, return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    if collapse == "mean":
        means = _means(values, other, offsets, sdk_compat)
        return Pieces(rows, np.arange(len(rows) + 1), _spans(clipped, offsets), means)
    return _collapsed(Pieces(rows, offsets, clipped, values[other]), collapse, sdk_compat)


def _own_rows(entry: Entry) -> Pieces:
    rows = np.flatnonzero(_long_enough(entry.intervals))
    return Pieces(rows, np.arange(len(rows) + 1), entry.intervals[rows], entry.features[rows])


def _long_enough(intervals: Floats) -> Bools:
    # Negated, so that NaN times pass as in the SDK; they overlap nothing later.
    return ~(np.abs(intervals[:, 0] - intervals[:, 1]) < EPSILON_S)


def _overlapping(intervals: Floats, times: Floats) -> tuple[Ints, Ints]:
    """Return pairs of reference rows and rows that touch them: two (P,) arrays, sorted by both."""
    # Starts never decrease, nor does the running maximum of the ends, so the candidates for an
    # interval are consecutive. Twice epsilon, because the exact test follows below.
    start, end = intervals[:, 0], intervals[:, 1]
    first = np.searchsorted(np.maximum.accumulate(times[:, 1]), start - 2 * EPSILON_S)
    last = np.searchsorted(times[:, 0], end + 2 * EPSILON_S, side="right")
    count = np.where(_long_enough(intervals), np.maximum(last - first, 0), 0)
    rows, others = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for block in _blocks(count):
        row = np.repeat(np.arange(block.start, block.stop), count[block])
        offset = np.cumsum(count[block]) - count[block]
        other = np.arange(len(row)) - np.repeat(offset - first[block], count[block])
        touching = (end[row] - times[other, 0] > -EPSILON_S) & (
            times[other, 1] - start[row] > -EPSILON_S
        )
        rows.append(row[touching])
        others.append(other[touching])
    return np.concatenate(rows), np.concatenate(others)


def _blocks(count: Ints) -> Iterator[slice]:
    total, begin = np.cumsum(count), 0
    while begin < len(count):
        before = total[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, before + MOST_PAIRS, side="right")))
        yield slice(begin, end)
        begin = end


def _spans(intervals: Floats, offsets: Ints) -> Floats:
    if len(offsets) == 1:
        return np.zeros((0, 2))
    least = np.minimum.reduceat(intervals.min(axis=1), offsets[:-1])
    greatest = np.maximum.reduceat(intervals.max(axis=1), offsets[:-1])
    return np.column_stack([least, greatest])


def _means(values: NDArray[Any], other: Ints, offsets: Ints, keep_infinite: bool) -> NDArray[Any]:
    """Return the means of rows ``other`` of ``values`` between ``offsets``: (K, ...)."""
    if values.dtype.kind not in "fiu":
        raise DataError(f"expected numbers to average; got {values.dtype} (words?)")
    pieces = len(offsets) - 1
    table = values.reshape(len(values), math.prod(values.shape[1:])).astype(np.float64)
    pick = sparse.csr_array((np.ones(len(other)), other, offsets), shape=(pieces, len(values)))
    counts: Floats = np.diff(offsets).astype(np.float64)[:, None]
    finite = np.isfinite(table)
    if not keep_infinite and not finite.all():
        counts = np.asarray(pick @ finite.astype(np.float64))
        table = np.where(finite, table, 0.0)
    with np.errstate(invalid="ignore"):
        means = np.asarray(pick @ table) / np.maximum(counts, 1)
    dtype = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
    return means.astype(dtype).reshape(pieces, *values.shape[1:])


def _collapsed(pieces: Pieces, collapse: Collapse, sdk_compat: bool) -> Pieces:
    if collapse is None:
        return pieces
    spans = _spans(pieces.intervals, pieces.offsets)
    offsets = np.arange(len(pieces.rows) + 1)
    if collapse == "mean":
        all_rows = np.arange(len(pieces.features))
        means = _means(pieces.features, all_rows, pieces.offsets, sdk_compat)
        return Pieces(pieces.rows, offsets, spans, means)
    if isinstance(collapse, str):
        raise DataError(f"expected collapse 'mean', functions or None; got {collapse!r}")
    collapsed = []
    for _, piece in pieces.entries(""):
        value = np.concatenate([function(*piece) for function in collapse], axis=0)
        collapsed.append(value if value.ndim > 1 else value[None])
    lengths = {len(value) for value in collapsed} - {1}
    if lengths:
        raise DataError(
            f"expected collapse functions whose results join to one row; got {min(lengths)} rows"
        )
    features = np.concatenate(collapsed) if collapsed else pieces.features[:0]
    return Pieces(pieces.rows, offsets, spans, features)
