"""Words with times in JSON, as recognisers and aligners write them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from extractors.text.transcripts.layouts import (
    CONFIDENCE_KEYS,
    END_KEYS,
    START_KEYS,
    TEXT_KEYS,
    entries_of,
    seconds,
)
from extractors.text.transcripts.timed_text import TimedText


def parse(text: str, source: TimedText) -> None:
    """Add the words of a list, of ``{"words": [...]}``, ``{"segments": [...]}`` or ``layouts``.

    Raises:
        TranscriptError: naming the line of broken JSON.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        source.fail(f"line {error.lineno}", f"expected JSON; got {error.msg}")
    except (RecursionError, ValueError) as error:
        source.fail("", f"expected JSON of words; got {error}")
    entries = entries_of(data)
    if not isinstance(entries, list):
        source.fail("", 'expected a list of words, or "words" or "segments" that hold one')
    for at, entry in _timed(entries, {}):
        _entry(entry, f"entry {at}", source)


def _entry(entry: Any, place: str, source: TimedText, *, depth: int = 0) -> None:
    if not isinstance(entry, dict):
        source.skip(place, f"expected an object with text, start and end; got {entry!r:.40}")
        return
    words = entry.get("words")
    if isinstance(words, list) and (words or _first(entry, TEXT_KEYS) is None):
        if depth:
            source.skip(place, "expected a word; got a segment in a segment")
            return
        for at, word in _timed(words, entry):
            _entry(word, f"{place}, word {at}", source, depth=depth + 1)
        return
    text = _first(entry, TEXT_KEYS)
    if not isinstance(text, str):
        source.skip(place, f'expected "text" or "word", a string; got {text!r:.40}')
        return
    start, end = (seconds(_first(entry, keys)) for keys in (START_KEYS, END_KEYS))
    if start is None or end is None:
        name, keys = ("start", START_KEYS) if start is None else ("end", END_KEYS)
        value = _first(entry, keys)
        source.skip(place, f'expected "{name}" in seconds, a number; got {value!r:.40}')
        return
    source.add(place, text, start, end, _confidence(entry, source))


def _timed(words: Sequence[Any], segment: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
    """Number the words of a segment; words without times share the gap in which they stand.

    WhisperX omits the times of words that its aligner cannot read ("2014"), and Gentle those of
    words that it does not find.
    """
    end = _first(segment, START_KEYS)
    for timed, run in groupby(enumerate(words, 1), key=lambda item: _has_time(item[1])):
        numbered = list(run)
        at = numbered[0][0]
        if timed:
            yield from numbered
            last = numbered[-1][1]
            end = _first(last, END_KEYS) if isinstance(last, dict) else None
            continue
        # The next word of the list starts where this run ends.
        last_number = numbered[-1][0]
        after = words[last_number] if last_number < len(words) else {}
        start = _first(after, START_KEYS) if isinstance(after, dict) else None
        start = _first(segment, END_KEYS) if last_number == len(words) else start
        text = " ".join(str(_first(word, TEXT_KEYS) or "") for _, word in numbered)
        # Nothing bounds words before the first or after the last one with times.
        yield at, {"text": text, "start": _either(end, start), "end": _either(start, end)}


def _either(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _has_time(word: Any) -> bool:
    return (
        not isinstance(word, dict)
        or "words" in word
        or any(key in word for key in (*START_KEYS, *END_KEYS))
    )


def _first(entry: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((entry[key] for key in keys if entry.get(key) is not None), None)


def _confidence(entry: Mapping[str, Any], source: TimedText) -> float | None:
    value = _first(entry, CONFIDENCE_KEYS)
    if value is None:
        return None
    number = seconds(value)
    if number is None or not 0 <= number <= 1:
        source.mend("a confidence was not from 0 to 1")
        return None
    return number
