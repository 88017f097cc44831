"""Lay a transcript beside what a recogniser heard, word by word.

The path with the fewest insertions, deletions and substitutions (Levenshtein, 1966), as word error
rates count them; of several such paths, one that replaces words by words of the same beginning.
Long texts are divided where the best path crosses the middle, so that memory stays bounded
(Hirschberg, "A linear space algorithm for computing maximal common subsequences", 1975).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

_MAX_CELLS = 4_000_000
"""Cells of one table of costs: one byte each, and about 2,000 words on each side."""

_ERROR = 64
"""Cost of an error; a substitution of words that begin alike is a little cheaper."""

_PAIRED, _ONLY_SAID, _ONLY_HEARD = 0, 1, 2


def match(said: Sequence[str], heard: Sequence[str]) -> list[int | None]:
    """Pair the words of two texts, in order.

    Returns:
        For each word of ``said`` which of ``heard`` it is, or stands in the place of; None where
        there is nothing. The numbers increase.
    """
    found: list[int | None] = []
    for first, last, lower, upper in _parts(said, heard, 0, len(said), 0, len(heard)):
        part = _match(said[first:last], heard[lower:upper])
        found += [None if k is None else k + lower for k in part]
    return found


def _parts(
    said: Sequence[str], heard: Sequence[str], first: int, last: int, lower: int, upper: int
) -> list[tuple[int, int, int, int]]:
    """Divide what is too large for one table."""
    if (last - first) * (upper - lower) <= _MAX_CELLS or last - first < 2:
        return [(first, last, lower, upper)]
    middle = (first + last) // 2
    before = _last_costs(said[first:middle], heard[lower:upper])
    after = _last_costs(said[middle:last][::-1], heard[lower:upper][::-1])
    beside = lower + int(np.argmin(before + after[::-1]))
    return [
        *_parts(said, heard, first, middle, lower, beside),
        *_parts(said, heard, middle, last, beside, upper),
    ]


def _last_costs(said: Sequence[str], heard: Sequence[str]) -> NDArray[np.int64]:
    """Cost of laying all of ``said`` beside each beginning of ``heard``, (len(heard) + 1,)."""
    cost = _ERROR * np.arange(len(heard) + 1)
    for row, _ in _rows(said, heard):
        cost = row
    return cost


def _match(said: Sequence[str], heard: Sequence[str]) -> list[int | None]:
    steps = _steps(said, heard)
    found: list[int | None] = [None] * len(said)
    i, j = len(said), len(heard)
    while i or j:
        step = steps[i, j]
        if step == _PAIRED:
            i, j = i - 1, j - 1
            found[i] = j
        elif step == _ONLY_SAID:
            i -= 1
        else:
            j -= 1
    return found


def _steps(said: Sequence[str], heard: Sequence[str]) -> NDArray[np.uint8]:
    """Say for each cell of the table of costs which step led to it."""
    first = np.full(len(heard) + 1, _ONLY_HEARD, dtype=np.uint8)
    return np.stack([first, *(steps for _, steps in _rows(said, heard))])


def _rows(
    said: Sequence[str], heard: Sequence[str]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Fill the table of costs row by row: costs, and the step that led to each.

    Within a row, insertions make a cell depend on the one before: cost[j] = min over k <= j of
    (base[k] + j - k), in errors, which is a running minimum of base[k] - k.
    """
    number = {word: n for n, word in enumerate(dict.fromkeys((*said, *heard)))}
    others = np.array([number[word] for word in heard], dtype=np.int64)
    letters = [np.array([ord(word[at : at + 1] or " ") for word in heard]) for at in (0, 1)]
    columns = _ERROR * np.arange(len(heard) + 1)
    cost = columns.copy()
    for word in said:
        base = cost + _ERROR
        step = np.full(len(heard) + 1, _ONLY_SAID, dtype=np.uint8)
        alike = letters[0] == ord(word[:1] or " ")
        alike_more = alike & (letters[1] == ord(word[1:2] or " "))
        replaced = _ERROR - alike.astype(np.int64) - alike_more
        paired = cost[:-1] + np.where(others == number[word], 0, replaced)
        better = paired <= base[1:]
        base[1:] = np.where(better, paired, base[1:])
        step[1:][better] = _PAIRED
        cost = np.minimum.accumulate(base - columns) + columns
        step[cost < base] = _ONLY_HEARD
        yield cost, step
