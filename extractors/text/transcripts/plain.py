"""Transcripts without times: plain text, or JSON of text alone."""

import json
import re
from typing import Any

from extractors.text.patterns import ANNOTATION, BLANKS, HAS_WORD

_SPEAKER = re.compile(rf"^{BLANKS}(?:>>{BLANKS})?[A-Z][\w .'-]{{0,30}}:\s", re.MULTILINE)
_TEXT_KEYS = ("text", "word", "transcript")
_TIMED_KEYS = ("start", "end")


def split_words(text: str) -> tuple[str, ...]:
    """Divide plain text into words.

    The names of speakers at the start of a line (``Ann:``), descriptions of sounds (``[music]``)
    and text without a letter or digit are not words.
    """
    text = ANNOTATION.sub(" ", _SPEAKER.sub(" ", text))
    return tuple(word for word in text.split() if HAS_WORD.search(word))


def text_of_json(text: str) -> str | None:
    """Return the text of JSON without times; None if an entry has a time, or it is broken.

    It reads ``{"text": "..."}``, a list of texts or of ``{"text": "..."}``, and such lists under
    "words" or "segments".
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _text(data, depth=0)


def _text(data: Any, depth: int) -> str | None:
    if isinstance(data, str):
        return data
    if isinstance(data, dict):
        if any(data.get(key) is not None for key in _TIMED_KEYS):
            return None
        for key in ("words", "segments"):
            if isinstance(data.get(key), list) and data[key]:
                return _text(data[key], depth + 1)
        return next((data[k] for k in _TEXT_KEYS if isinstance(data.get(k), str)), None)
    if isinstance(data, list) and data and depth < 4:
        parts = [_text(entry, depth + 1) for entry in data]
        return None if None in parts else "\n".join(part for part in parts if part is not None)
    return None
