"""Transcripts without times: plain text, or JSON that holds text alone."""

import json
import re
from typing import Any

_SPEAKER = re.compile(r"^\s*(?:>>\s*)?[A-Z][\w .'-]{0,30}:\s", re.MULTILINE)
_ANNOTATION = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]|<[^<>]*>")
_HAS_WORD = re.compile(r"[^\W_]")
_TEXT_KEYS = ("text", "word", "transcript")
_TIMED_KEYS = ("start", "end")


def split_words(text: str) -> tuple[str, ...]:
    """Divide plain text into words.

    The names of speakers at the start of a line (``Ann:``), descriptions of sounds (``[music]``)
    and what holds no letter or digit are no words.
    """
    text = _ANNOTATION.sub(" ", _SPEAKER.sub(" ", text))
    return tuple(word for word in text.split() if _HAS_WORD.search(word))


def text_of_json(text: str) -> str | None:
    """Collect the text of JSON in which no entry has a time; None if one has, or it is broken.

    Read are ``{"text": "..."}``, a list of texts or of ``{"text": "..."}``, and such lists under
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
