"""Collect words with times while a transcript is read, and refuse implausible times."""

import math
from pathlib import Path
from typing import NoReturn

from extractors.text.patterns import HAS_WORD
from mmemo.errors import TranscriptError
from mmemo.features import Word

LATEST_S = 1e6
"""Eleven days: a later time is an error in the file."""


class TimedText:
    """The words of one transcript file.

    Entries (captions, intervals, items) must be in the order of their starts. They may overlap, as
    captions of two speakers do; ``words`` sorts their words.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._words: list[Word] = []
        self._last_start = 0.0

    def fail(self, place: str, message: str) -> NoReturn:
        """Refuse the file: ``message`` states what was expected, and what came."""
        raise TranscriptError(
            f"{self.path}, {place}: {message}" if place else f"{self.path}: {message}"
        )

    def check(self, place: str, start: float, end: float) -> None:
        """Check the times of the next entry, in seconds."""
        if not (math.isfinite(start) and math.isfinite(end)):
            self.fail(place, f"expected finite times; got {start} to {end} s")
        if start < 0 or end > LATEST_S:
            self.fail(
                place, f"expected times from 0 to {LATEST_S:.0f} s; got {start:g} to {end:g} s"
            )
        if end < start:
            self.fail(place, f"expected an end after its start; got {start:g} to {end:g} s")
        if start < self._last_start:
            self.fail(
                place,
                f"expected starts that do not run backwards; got {start:g} s "
                f"after {self._last_start:g} s",
            )
        self._last_start = start

    def add(self, text: str, start: float, end: float, confidence: float | None = None) -> None:
        """Add the text of a checked stretch of time.

        Several words share it in proportion to their lengths. Text without a letter or digit
        (dashes, musical notes) is not a word.
        """
        words = [word for word in text.split() if HAS_WORD.search(word)]
        total = sum(map(len, words))
        before = 0
        for word in words:
            first = start + (end - start) * before / total
            before += len(word)
            last = start + (end - start) * before / total if before < total else end
            self._words.append(Word(word, first, max(first, last), confidence))

    def words(self) -> tuple[Word, ...]:
        """Return all words in order of their starts."""
        return tuple(sorted(self._words, key=lambda word: word.start))
