"""Collect words with times while a transcript is read, and refuse times that make no sense."""

import math
import re
from pathlib import Path
from typing import NoReturn

from mmemo.errors import TranscriptError
from mmemo.features import Word

LATEST_S = 1e6
"""Eleven days: a later time is a mistake in the file."""

_HAS_WORD = re.compile(r"[^\W_]")


class TimedText:
    """The words of one transcript file.

    Entries (captions, intervals, items) must come in the order of their starts. They may overlap,
    as captions of two speakers do; ``words`` sorts what is in them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._words: list[Word] = []
        self._last_start = 0.0

    def fail(self, place: str, message: str) -> NoReturn:
        """Refuse the file: ``message`` says what was expected, and what came."""
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
        """Add text that was said in a checked stretch of time.

        Several words share it in proportion to their lengths. What holds no letter or digit
        (dashes, notes of music) is no word.
        """
        words = [word for word in text.split() if _HAS_WORD.search(word)]
        total = sum(map(len, words))
        before = 0
        for word in words:
            first = start + (end - start) * before / total
            before += len(word)
            last = start + (end - start) * before / total if before < total else end
            self._words.append(Word(word, first, max(first, last), confidence))

    def words(self) -> tuple[Word, ...]:
        """Give all words by their starts."""
        return tuple(sorted(self._words, key=lambda word: word.start))
