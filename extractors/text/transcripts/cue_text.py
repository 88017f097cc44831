r"""The words of a caption: without markup, names of speakers and descriptions of sounds.

Captions for the deaf name speakers (``JOHN:``) and describe sounds (``[door slams]``,
``(laughs)``, ``\u266a la la \u266a``).
"""

import html
import re
from collections import Counter
from collections.abc import Iterable

from extractors.text.patterns import BLANKS

_MARKUP = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_SOUND = re.compile(
    r"\[[^\[\]]*\]|\([^()]*\)|[\u266a\u266b][^\u266a\u266b]*[\u266a\u266b]"
    rf"|^{BLANKS}#[^#\n]*#{BLANKS}$",
    re.MULTILINE,
)
_BEGIN = rf"^({BLANKS}(?:<[^<>]*>{BLANKS})*)"
_TURN = re.compile(_BEGIN + r"(?:(?:-|\u2013|\u2014|>>+|&gt;)\s*)+", re.MULTILINE)
_CAPITALS = re.compile(rf"{_BEGIN}[A-Z][A-Z\d .,'&#-]*[A-Z\d.]{BLANKS}:(?=\s|$)", re.MULTILINE)
_NAME = re.compile(
    rf"{_BEGIN}([A-Z][\w.'-]*(?: [A-Z\d][\w.'-]*){{0,2}}){BLANKS}:(?=\s)", re.MULTILINE
)
_LONG_REFERENCE = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")
"""A numbered character that does not exist; Python refuses to read its digits if they are many."""
_MIN_TIMES = 2
"""A name in small letters must begin this many lines; "Listen: ..." is no name of a speaker."""


class CueText:
    """Returns the words of captions of one file.

    Args:
        speakers: names that begin lines, besides those in capitals.
    """

    def __init__(self, speakers: frozenset[str]) -> None:
        self._speakers = speakers

    @classmethod
    def learn(cls, cues: Iterable[Iterable[str]]) -> "CueText":
        """Return the one for a file whose captions have these lines."""
        names = Counter(
            match[2]
            for lines in cues
            for match in _NAME.finditer(_TURN.sub("", plain("\n".join(lines))))
        )
        return cls(frozenset(name for name, count in names.items() if count >= _MIN_TIMES))

    def __call__(self, text: str) -> str:
        """Return the text of a caption without what is no words; its markup remains."""
        text = _TURN.sub(r"\1", _SOUND.sub(" ", text))
        text = _CAPITALS.sub(r"\1", text)
        return _NAME.sub(lambda name: name[1] if name[2] in self._speakers else name[0], text)


def plain(text: str) -> str:
    """Return text without markup (``<i>``, ``<v Ann>``, SubRip's positions in braces)."""
    return html.unescape(_LONG_REFERENCE.sub("\ufffd", _MARKUP.sub("", text)))
