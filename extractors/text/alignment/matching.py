"""Match the words of a transcript to those of a recogniser.

The path with the fewest insertions, deletions and substitutions (Levenshtein, 1966), as word error
rates count them; of several such paths, one that replaces words by words of the same beginning.
Long texts are divided where the best path crosses the middle, so that memory is bounded
(Hirschberg, "A linear space algorithm for computing maximal common subsequences", 1975).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

_MAX_CELLS = 4_000_000
"""Cells of one table of costs: one byte each, and about 2,000 words on each side."""

_ERROR = 64
"""Cost of an error; substituting a word with the same beginning costs slightly less."""

_PAIRED, _DELETED, _INSERTED = 0, 1, 2


def match(words: Sequence[str], recognised: Sequence[str]) -> list[int | None]:
    """Pair the words of two texts, in order.

    Returns:
        For each of ``words`` the index of its counterpart in ``recognised``; None if it has none.
        The indices increase.
    """
    pairs: list[int | None] = []
    for first, last, lower, upper in _parts(words, recognised, 0, len(words), 0, len(recognised)):
        part = _match(words[first:last], recognised[lower:upper])
        pairs += [None if k is None else k + lower for k in part]
    return pairs


def _parts(
    words: Sequence[str], recognised: Sequence[str], first: int, last: int, lower: int, upper: int
) -> list[tuple[int, int, int, int]]:
    """Divide texts that are too long for one table."""
    if (last - first) * (upper - lower) <= _MAX_CELLS or last - first < 2:
        return [(first, last, lower, upper)]
    middle = (first + last) // 2
    before = _last_costs(words[first:middle], recognised[lower:upper])
    after = _last_costs(words[middle:last][::-1], recognised[lower:upper][::-1])
    beside = lower + int(np.argmin(before + after[::-1]))
    return [
        *_parts(words, recognised, first, middle, lower, beside),
        *_parts(words, recognised, middle, last, beside, upper),
    ]


def _last_costs(words: Sequence[str], recognised: Sequence[str]) -> NDArray[np.int64]:
    """Cost of matching ``words`` to each prefix of ``recognised``, (len(recognised) + 1,)."""
    cost = _ERROR * np.arange(len(recognised) + 1)
    for row, _ in _rows(words, recognised):
        cost = row
    return cost


def _match(words: Sequence[str], recognised: Sequence[str]) -> list[int | None]:
    steps = _steps(words, recognised)
    pairs: list[int | None] = [None] * len(words)
    i, j = len(words), len(recognised)
    while i or j:
        step = steps[i, j]
        if step == _PAIRED:
            i, j = i - 1, j - 1
            pairs[i] = j
        elif step == _DELETED:
            i -= 1
        else:
            j -= 1
    return pairs


def _steps(words: Sequence[str], recognised: Sequence[str]) -> NDArray[np.uint8]:
    """Return the step that led to each cell of the table of costs."""
    first = np.full(len(recognised) + 1, _INSERTED, dtype=np.uint8)
    return np.stack([first, *(steps for _, steps in _rows(words, recognised))])


def _rows(
    words: Sequence[str], recognised: Sequence[str]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Fill the table of costs row by row: costs, and the step that led to each.

    Within a row, insertions make a cell depend on the one before: cost[j] = min over k <= j of
    (base[k] + j - k), in errors, which is a running minimum of base[k] - k.
    """
    number = {word: n for n, word in enumerate(dict.fromkeys((*words, *recognised)))}
    others = np.array([number[word] for word in recognised], dtype=np.int64)
    letters = [np.array([ord(word[at : at + 1] or " ") for word in recognised]) for at in (0, 1)]
    columns = _ERROR * np.arange(len(recognised) + 1)
    cost = columns.copy()
    for word in words:
        base = cost + _ERROR
        step = np.full(len(recognised) + 1, _DELETED, dtype=np.uint8)
        alike = letters[0] == ord(word[:1] or " ")
        alike_more = alike & (letters[1] == ord(word[1:2] or " "))
        replaced = _ERROR - alike.astype(np.int64) - alike_more
        paired = cost[:-1] + np.where(others == number[word], 0, replaced)
        better = paired <= base[1:]
        base[1:] = np.where(better, paired, base[1:])
        step[1:][better] = _PAIRED
        cost = np.minimum.accumulate(base - columns) + columns
        step[cost < base] = _INSERTED
        yield cost, step
