"""Collect words with times while a transcript is read; mend or skip odd entries and count them."""

import itertools
import math
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from extractors.text.compounds import LONGEST_COMPOUND, continues_word
from extractors.text.patterns import HAS_WORD
from mmemo.errors import TranscriptError
from mmemo.features import Word

LATEST_S = 1e6
"""Eleven days: a later time is an error in the file."""
SLIP_S = 0.1
"""Recognisers place a start or an end wrongly by this much; more is another fault."""
_ROUNDING_S = 1e-6
SHORTEST_WORD_S = 0.15
"""A cue that overlaps the next one is cut at its start if its words get at least this long."""


@dataclass(frozen=True)
class _Entry:
    """A stretch of time with its words; the times of several words are approximate."""

    words: tuple[str, ...]
    start: float
    end: float
    confidence: float | None

    @property
    def approximate(self) -> bool:
        return len(self.words) > 1


class TimedText:
    """The words of one transcript file.

    Entries (captions, intervals, items) may overlap, as captions of two speakers do, and may be
    out of order. Odd ones are mended or skipped; ``words`` refuses a file of which most are odd.

    Attributes:
        path: the file.
        n_entries: entries so far, odd ones too.
        zero_s: the time at which the file says that its recording begins.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_entries = 0
        self.zero_s = 0.0
        self._entries: list[_Entry] = []
        self._mended: Counter[str] = Counter()
        self._skipped: list[str] = []
        self._last_start = 0.0

    def fail(self, place: str, message: str) -> NoReturn:
        """Refuse the file: ``message`` states what was expected, and what came."""
        raise TranscriptError(
            f"{self.path}, {place}: {message}" if place else f"{self.path}: {message}"
        )

    def skip(self, place: str, message: str) -> None:
        """Leave an entry out; ``message`` states what was expected, and what came."""
        self.n_entries += 1
        self._skipped.append(f"{place}: {message}")

    def mend(self, what: str) -> None:
        """Count an entry that was changed; ``what`` names the fault."""
        self._mended[what] += 1

    def add(
        self, place: str, text: str, start: float, end: float, confidence: float | None = None
    ) -> None:
        """Add the text of a stretch of time, in seconds; a senseless stretch is skipped.

        Several words share it in proportion to their lengths. Text without a letter or digit
        (dashes, musical notes) is not a word.
        """
        reason = _fault(start, end)
        if reason:
            self.skip(place, reason)
            return
        self.n_entries += 1
        if start < 0 or end < start:
            self.mend("the start was below zero" if start < 0 else "the end was before the start")
            start = max(start, 0.0)
            end = max(start, end)
        if start < self._last_start:
            if self._last_start - start <= SLIP_S + _ROUNDING_S:
                start, end = self._last_start, max(end, self._last_start)
            self.mend("the start ran backwards")
        self._last_start = start
        words = tuple(word for word in _unicode(text).split() if HAS_WORD.search(word))
        before = self._entries[-1] if self._entries else None
        if before and len(words) == 1 and _continues(before, text, start):
            text = before.words[-1] + words[0]
            self._entries[-1] = replace(before, words=(*before.words[:-1], text), end=end)
        elif words:
            self._entries.append(_Entry(words, start, end, confidence))

    def new_speaker(self) -> None:
        """Expect the next entries to begin at the start of the recording again."""
        self._last_start = 0.0

    def words(self) -> tuple[Word, ...]:
        """Return all words in order of their starts.

        Raises:
            TranscriptError: more than half of the entries are odd.
        """
        if 2 * len(self._skipped) > self.n_entries:
            raise TranscriptError(f"{self.path}, {self._skipped[0]}")
        entries = sorted(self._entries, key=lambda entry: entry.start)
        words = [word for entry in _one_after_another(entries) for word in _words(entry)]
        return tuple(sorted(words, key=lambda word: word.start))

    def remarks(self) -> str:
        """Return what was skipped and mended, in one line; "" if nothing was."""
        parts = []
        if self._skipped:
            parts.append(
                f"skipped {len(self._skipped)} of {self.n_entries} entries ({self._skipped[0]})"
            )
        parts += [
            f"mended {count} of {self.n_entries} entries (where {what})"
            for what, count in self._mended.items()
        ]
        return "; ".join(parts)


def _continues(before: _Entry, text: str, start: float) -> bool:
    """Return whether a word continues the last one of the entry before."""
    close = start - before.end <= SLIP_S
    return close and continues_word(text) and len(before.words[-1]) < LONGEST_COMPOUND


def _fault(start: float, end: float) -> str:
    """Return why a stretch of time makes no sense; "" if it does, perhaps after mending."""
    if not (math.isfinite(start) and math.isfinite(end)):
        return f"expected finite times; got {start} to {end} s"
    if start < -SLIP_S - _ROUNDING_S or end < 0 or end > LATEST_S:
        return f"expected times from 0 to {LATEST_S:.0f} s; got {start:g} to {end:g} s"
    if end < start - SLIP_S - _ROUNDING_S:
        return f"expected an end after its start; got {start:g} to {end:g} s"
    return ""


def _unicode(text: str) -> str:
    """Replace lone surrogates, which escapes in JSON may stand for."""
    return text.encode("utf-8", "replace").decode()


def _one_after_another(entries: list[_Entry]) -> list[_Entry]:
    """Place entries that overlap and have approximate times so that their words stay together.

    An entry ends where the next begins, if that leaves enough time for its words. Otherwise both
    share their time in proportion to their words.
    """
    placed: list[_Entry] = []
    for entry in entries:
        if placed and entry.start < placed[-1].end and placed[-1].approximate:
            before = placed.pop()
            if entry.start - before.start >= SHORTEST_WORD_S * len(before.words):
                placed.append(replace(before, end=entry.start))
            else:
                end = max(before.end, entry.end)
                middle = before.start + (end - before.start) * _share(before, entry)
                placed.append(replace(before, end=middle))
                entry = replace(entry, start=middle, end=end)
        placed.append(entry)
    return placed


def _share(first: _Entry, second: _Entry) -> float:
    lengths = [sum(map(len, entry.words)) for entry in (first, second)]
    return lengths[0] / sum(lengths)


def _words(entry: _Entry) -> list[Word]:
    """Divide an entry's time among its words by their lengths."""
    lengths = [len(word) for word in entry.words]
    total = sum(lengths)
    borders = [
        entry.start + (entry.end - entry.start) * before / total
        for before in itertools.accumulate(lengths, initial=0)
    ]
    borders[-1] = entry.end
    return [
        Word(text, start, max(start, end), entry.confidence)
        for text, (start, end) in zip(entry.words, itertools.pairwise(borders), strict=True)
    ]
