"""Parts of compounds that recognisers write as words of their own: "low", "-budget"."""

import re

from mmemo.features import Word

LONGEST_COMPOUND = 64
"""Letters after which no further part of a compound is joined to it."""

_PART = re.compile(r"[-\u2010\u2011][^\W_]")


def continues_word(text: str) -> bool:
    """Return whether a recogniser's word belongs to the one before: a hyphen begins it, no blank.

    Whisper's words begin with a blank unless they continue another one.
    """
    return bool(_PART.match(text))


def joined(first: Word, second: Word) -> Word:
    """Return two parts as one word, as sure as the less sure one."""
    known = [word.confidence for word in (first, second) if word.confidence is not None]
    return Word(first.text + second.text, first.start, second.end, min(known) if known else None)
