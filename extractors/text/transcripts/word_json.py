"""Words with times in JSON, as recognisers and aligners write them."""

import json
import math
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from extractors.text.transcripts.timed_text import TimedText

_TEXT_KEYS = ("text", "word")
_CONFIDENCE_KEYS = ("confidence", "probability", "score")


def parse(text: str, source: TimedText) -> None:
    """Add the words of a list, of ``{"words": [...]}`` or of ``{"segments": [...]}``.

    Raises:
        TranscriptError: naming the line of broken JSON, or the entry.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        source.fail(f"line {error.lineno}", f"expected JSON; got {error.msg}")
    except (RecursionError, ValueError) as error:
        source.fail("", f"expected JSON of words; got {error}")
    if isinstance(data, dict):
        lists = [data[key] for key in ("words", "segments") if key in data]
        entries = next((entries for entries in lists if entries), lists[0] if lists else None)
    else:
        entries = data
    if not isinstance(entries, list):
        source.fail("", 'expected a list of words, or "words" or "segments" that hold one')
    for at, entry in enumerate(entries, 1):
        _entry(entry, f"entry {at}", source)


def _entry(entry: Any, place: str, source: TimedText) -> None:
    if not isinstance(entry, dict):
        source.fail(place, f"expected an object with text, start and end; got {entry!r:.40}")
    if isinstance(entry.get("words"), list):
        for at, word in _timed(entry["words"], entry):
            if isinstance(word, dict) and "words" in word:
                source.fail(f"{place}, word {at}", "expected a word; got a segment in a segment")
            _entry(word, f"{place}, word {at}", source)
        return
    text = next((entry[key] for key in _TEXT_KEYS if key in entry), None)
    if not isinstance(text, str):
        source.fail(place, f'expected "text" or "word", a string; got {text!r:.40}')
    start, end = (_number(entry, key, place, source) for key in ("start", "end"))
    source.check(place, start, end)
    source.add(text, start, end, _confidence(entry, place, source))


def _timed(words: list[Any], segment: dict[str, Any]) -> Iterator[tuple[int, Any]]:
    """Number the words of a segment; words without times share the gap in which they stand.

    WhisperX omits the times of words that its aligner cannot read ("2014").
    """
    end = segment.get("start")
    for timed, run in groupby(enumerate(words, 1), key=lambda item: _has_time(item[1])):
        numbered = list(run)
        at = numbered[0][0]
        if timed:
            yield from numbered
            last = numbered[-1][1]
            end = last.get("end") if isinstance(last, dict) else None
            continue
        # The next word of the list starts where this run ends.
        last_number = numbered[-1][0]
        after = words[last_number] if last_number < len(words) else {"start": segment.get("end")}
        start = after.get("start") if isinstance(after, dict) else None
        text = " ".join(
            str(next((word[k] for k in _TEXT_KEYS if k in word), "")) for _, word in numbered
        )
        yield at, {"text": text, "start": end, "end": start}


def _has_time(word: Any) -> bool:
    return not isinstance(word, dict) or "start" in word or "end" in word or "words" in word


def _number(entry: dict[str, Any], key: str, place: str, source: TimedText) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        source.fail(place, f'expected "{key}" in seconds, a number; got {value!r:.40}')
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _confidence(entry: dict[str, Any], place: str, source: TimedText) -> float | None:
    for key in _CONFIDENCE_KEYS:
        if entry.get(key) is not None:
            value = _number(entry, key, place, source)
            if not 0 <= value <= 1:
                source.fail(place, f'expected "{key}" from 0 to 1; got {value:g}')
            return value
    return None
