"""Praat TextGrid, long and short form.

Praat reads both forms by one rule (manual page "TextGrid file formats"): only free-standing
numbers, quoted strings and flags in angle brackets count; everything else is a comment.
"""

import re
from typing import NoReturn

from extractors.text.transcripts.timed_text import TimedText

_ITEM = re.compile(
    r'"([^"]*(?:""[^"]*)*)"|(?<!\S)([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?!\S)|(<\w+>)|!.*'
)
_WORD_TIERS = ("words", "word")
_NO_WORD = frozenset(("", "sil", "<eps>", "<p:>", "<sil>", "spn", "<unk>", "#"))
"""Labels of aligners for silence and for sounds that are not words."""

Tier = list[tuple[float, float, str]]


def parse(text: str, source: TimedText) -> None:
    """Add the intervals of the tier named "words", or of the only interval tier.

    P2FA's mark of a pause, ``sp``, remains: it is a token of CMU-MOSEI.

    Raises:
        TranscriptError: naming the item or the interval.
    """
    items = _Items(text, source)
    if items.text() != "ooTextFile" or items.text() != "TextGrid":
        source.fail("", 'expected a Praat TextGrid ("ooTextFile", "TextGrid"); got another file')
    items.number()
    items.number()
    tiers = _tiers(items) if items.flag() == "<exists>" else {}
    chosen = [name for name in tiers if name.lower() in _WORD_TIERS]
    chosen = chosen or [name for name in tiers if name.lower().endswith(_WORD_TIERS)]
    if len(chosen) != 1 and len(tiers) == 1:
        chosen = list(tiers)
    if len(chosen) != 1:
        names = ", ".join(map(repr, tiers)) or "none"
        source.fail("", f'expected one interval tier named "words"; got {names}')
    for at, (start, end, label) in enumerate(tiers[chosen[0]], 1):
        place = f"tier {chosen[0]!r}, interval {at}"
        source.check(place, start, end)
        if label.strip().lower() not in _NO_WORD:
            source.add(label, start, end)


def _tiers(items: "_Items") -> dict[str, Tier]:
    """Read the interval tiers; tiers of points are skipped."""
    tiers: dict[str, Tier] = {}
    for _ in range(items.count()):
        kind, name = items.text(), items.text()
        items.number()
        items.number()
        if kind == "IntervalTier":
            tiers[name] = [
                (items.number(), items.number(), items.text()) for _ in range(items.count())
            ]
        elif kind == "TextTier":
            for _ in range(items.count()):
                items.number()
                items.text()
        else:
            items.fail("IntervalTier or TextTier", kind)
    return tiers


class _Items:
    """The free-standing items of a file, one after another."""

    def __init__(self, text: str, source: TimedText) -> None:
        self._matches = (match for match in _ITEM.finditer(text) if match.lastindex)
        self._source = source
        self._at = 0

    def text(self) -> str:
        """Read a quoted string."""
        return self._next(1, "a quoted text").replace('""', '"')

    def flag(self) -> str:
        """Read a flag."""
        return self._next(3, "<exists> or <absent>")

    def number(self) -> float:
        """Read a number."""
        return float(self._next(2, "a number"))

    def count(self) -> int:
        """Read a count; it needs no upper limit, since reading that many items checks it."""
        number = self.number()
        if not number.is_integer() or number < 0:
            self.fail("a count", f"{number:g}")
        return int(number)

    def _next(self, group: int, expected: str) -> str:
        match = next(self._matches, None)
        self._at += 1
        if match is None:
            self.fail(expected, "the end of the file")
        if match.lastindex != group:
            self.fail(expected, match.group()[:40])
        return match.group(group)

    def fail(self, expected: str, got: str) -> NoReturn:
        """Refuse the file at the current item."""
        self._source.fail(f"item {self._at}", f"expected {expected}; got {got!r}")
