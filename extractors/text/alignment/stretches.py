"""Divide words with approximate times into stretches short enough for one search."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST_S = 15.0
LONG_ENOUGH_S = 5.0
PAUSE_S = 0.25
"""A stretch that is long enough ends in the next gap of at least this length."""


@dataclass
class Placed:
    """A word during the search for its exact times.

    Attributes:
        text: as written.
        spoken: as said, one or more words; none if it is not read aloud.
        start_s: approximate at first, seconds from the sound's start.
        end_s: likewise.
        in_sound: whether there is room for it in the sound.
        follows: whether no other word was recognised since the word before.
        confidence: of the word; None until it is known.
    """

    text: str
    spoken: tuple[str, ...]
    start_s: float
    end_s: float
    in_sound: bool = True
    follows: bool = True
    confidence: float | None = None

    @property
    def searchable(self) -> bool:
        """Whether it can be searched in the sound."""
        return self.in_sound and bool(self.spoken)


def split_stretches(words: Sequence[Placed]) -> Iterator[list[Placed]]:
    """Yield runs of searchable words, each at most about ``LONGEST_S`` long."""
    run: list[Placed] = []
    broken = False
    for word in words:
        if not word.searchable:
            broken = broken or bool(word.spoken)
            continue
        if run and (broken or not word.follows or _is_full(run, word)):
            yield from _shortened(run)
            run = []
        broken = False
        run.append(word)
    if run:
        yield from _shortened(run)


def halve_in_gap(run: list[Placed]) -> tuple[list[Placed], list[Placed]]:
    """Divide a run of two or more words in its longest gap; of equal gaps, near the middle."""
    gaps = [
        (round(after.start_s - before.end_s, 2), -abs(2 * at - len(run)), at)
        for at, (before, after) in enumerate(itertools.pairwise(run), 1)
    ]
    at = max(gaps)[2]
    return run[:at], run[at:]


def _is_full(run: list[Placed], word: Placed) -> bool:
    gap_s = word.start_s - run[-1].end_s
    return word.start_s - run[0].start_s >= LONG_ENOUGH_S and gap_s >= PAUSE_S


def _shortened(run: list[Placed]) -> Iterator[list[Placed]]:
    waiting = [run]
    while waiting:
        run = waiting.pop()
        if len(run) < 2 or run[-1].end_s - run[0].start_s <= LONGEST_S:
            yield run
        else:
            waiting += reversed(halve_in_gap(run))
