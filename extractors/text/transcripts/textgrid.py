"""Praat TextGrid, long and short form.

Praat reads both forms by one rule (manual page "TextGrid file formats"): only free-standing
numbers, quoted strings and flags in angle brackets count; everything else is a comment.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from extractors.text.transcripts.timed_text import TimedText

_ITEM = re.compile(
    r'"([^"]*(?:""[^"]*)*)"|(?<!\S)([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?!\S)|(<\w+>)|!.*'
)
_FILE_TYPES = ("ooTextFile", "ooTextFile short")
"""P2FA and older Praats write the second."""
_WORD_TIERS = ("words", "word", "ort-mau")
_TEXT_TIERS = re.compile(r"transcri|utteranc|sentenc|orthograph|speech|text", re.IGNORECASE)
_PHONE_TIERS = re.compile(r"phon|phn|segment|syll|^mau$|kan-mau", re.IGNORECASE)
_PHONE = re.compile(r"[A-Z]{1,2}[0-2]?|[a-z@]{1,2}[0-2:]?")
"""ARPABET or SAMPA."""
_MIN_PHONES = 0.9
_NO_WORD = frozenset(("", "sil", "<eps>", "<p:>", "<sil>", "spn", "<unk>", "#"))
"""Labels of aligners for silence and for sounds that are not words."""


@dataclass(frozen=True)
class Tier:
    """An interval tier: its name, and start, end and label of each interval."""

    name: str
    intervals: tuple[tuple[float, float, str], ...]

    @property
    def labels(self) -> list[str]:
        """The labels that stand for sounds of speech."""
        labels = (label.strip() for _, _, label in self.intervals)
        return [label for label in labels if label.lower() not in {*_NO_WORD, "sp"}]

    @property
    def has_phones(self) -> bool:
        """Whether the tier has phones, by its name or its labels."""
        if _PHONE_TIERS.search(self.name):
            return True
        phones = sum(bool(_PHONE.fullmatch(label)) for label in self.labels)
        return len(self.labels) > 1 and phones >= _MIN_PHONES * len(self.labels)


def parse(text: str, source: TimedText) -> None:
    """Add the intervals of the tiers of words: one, or one per speaker.

    P2FA's mark of a pause, ``sp``, remains: it is a token of CMU-MOSEI.

    Raises:
        TranscriptError: naming the item, or the tiers if none of them has words.
    """
    tiers = read_tiers(text, source)
    chosen = _word_tiers(tiers)
    if not chosen:
        names = ", ".join(repr(tier.name) for tier in tiers) or "none"
        source.fail("", f'expected an interval tier of words, named "words"; got {names}')
    for tier in chosen:
        source.new_speaker()
        for at, (start, end, label) in enumerate(tier.intervals, 1):
            if label.strip().lower() not in _NO_WORD:
                source.add(f"tier {tier.name!r}, interval {at}", label, start, end)


def read_tiers(text: str, source: TimedText) -> list[Tier]:
    """Return the interval tiers of a TextGrid, and set where its time begins.

    Raises:
        TranscriptError: naming the item.
    """
    items = _Items(text, source)
    if items.text() not in _FILE_TYPES or items.text() != "TextGrid":
        source.fail("", 'expected a Praat TextGrid ("ooTextFile", "TextGrid"); got another file')
    source.zero_s = items.number()
    items.number()
    return _tiers(items) if items.flag() == "<exists>" else []


def _word_tiers(tiers: Sequence[Tier]) -> list[Tier]:
    """Return the tiers named for words, else for text, else the only one without phones.

    Several that are named for words are those of several speakers.
    """
    named = [tier for tier in tiers if tier.name.lower() in _WORD_TIERS]
    named = named or [tier for tier in tiers if tier.name.lower().endswith(_WORD_TIERS)]
    if named:
        return named
    spoken = [tier for tier in tiers if not tier.has_phones and tier.labels]
    named = [tier for tier in spoken if _TEXT_TIERS.search(tier.name)]
    if named:
        return named
    if len(spoken) == 1:
        return spoken
    return list(tiers) if len(tiers) == 1 and not tiers[0].has_phones else []


def _tiers(items: "_Items") -> list[Tier]:
    """Read the interval tiers; tiers of points are skipped."""
    tiers = []
    for _ in range(items.count()):
        kind, name = items.text(), items.text()
        items.number()
        items.number()
        if kind == "IntervalTier":
            intervals = [
                (items.number(), items.number(), items.text()) for _ in range(items.count())
            ]
            tiers.append(Tier(name, tuple(intervals)))
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
