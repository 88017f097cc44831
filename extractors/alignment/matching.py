"""Lay a transcript beside what a recogniser heard, word by word.

The path with the fewest insertions, deletions and substitutions (Levenshtein, 1966), as word error
rates count them; of several such paths, one that replaces words by words of the same beginning.
Where both texts are long, the longest stretch that they share divides them first, so that memory
stays bounded.
"""

import difflib
from collections.abc import Sequence

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
    if (last - first) * (upper - lower) <= _MAX_CELLS:
        return [(first, last, lower, upper)]
    matcher = difflib.SequenceMatcher(None, said, heard, autojunk=False)
    block = matcher.find_longest_match(first, last, lower, upper)
    if block.size == 0:
        return [(first, last, lower, lower), (last, last, lower, upper)]
    middle, beside = block.a + block.size // 2, block.b + block.size // 2
    if (middle, beside) in ((first, lower), (last, upper)):
        middle, beside = block.a + block.size, block.b + block.size
    return [
        *_parts(said, heard, first, middle, lower, beside),
        *_parts(said, heard, middle, last, beside, upper),
    ]


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
    """Fill the table of costs row by row, keeping only which step led to each cell.

    Within a row, insertions make a cell depend on the one before: cost[j] = min over k <= j of
    (base[k] + j - k), which is a running minimum of base[k] - k.
    """
    number = {word: n for n, word in enumerate(dict.fromkeys((*said, *heard)))}
    others = np.array([number[word] for word in heard], dtype=np.int64)
    letters = [np.array([ord(word[at : at + 1] or " ") for word in heard]) for at in (0, 1)]
    columns = _ERROR * np.arange(len(heard) + 1)
    cost = columns.copy()
    steps = np.full((len(said) + 1, len(heard) + 1), _ONLY_HEARD, dtype=np.uint8)
    for i, word in enumerate(said, 1):
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
        steps[i] = step
    return steps
