"""JSON of recognisers and aligners to one layout: words, or segments that hold words.

Whisper, WhisperX, Vosk and Gentle write that layout nearly as it is. The others are recognised by
their keys: whisper.cpp, AWS Transcribe, Google Speech-to-Text, Azure AI Speech, Deepgram,
AssemblyAI and the Montreal Forced Aligner. Fields are those of their documentation; a file of
another kind has none of the keys.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from extractors.text.compounds import LONGEST_COMPOUND

TEXT_KEYS = ("text", "word")
START_KEYS = ("start", "start_time", "startTime")
END_KEYS = ("end", "end_time", "endTime")
CONFIDENCE_KEYS = ("confidence", "probability", "score", "conf")

_NUMBER = re.compile(r"\s*([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?:\s*s)?\s*")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?")
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_TICKS_PER_S = 1e7


def entries_of(data: Any) -> Any:
    """Return the list of words or segments in decoded JSON; None if it has none.

    An entry is an object with text and times, or a segment whose "words" are a list of them.
    """
    if not isinstance(data, dict):
        return data
    for applies, convert in _LAYOUTS:
        if applies(data):
            return list(convert(data))
    lists = [data[key] for key in ("words", "segments", "result") if key in data]
    return next((entries for entries in lists if entries), lists[0] if lists else None)


def seconds(value: Any) -> float | None:
    """Return a time in seconds: a number, "0.5", "0.500s", "00:00:00,500" or seconds and nanos.

    None for anything else.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _float(value)
    if isinstance(value, dict):
        whole, nanos = seconds(value.get("seconds", 0)), seconds(value.get("nanos", 0))
        return None if whole is None or nanos is None else whole + nanos * 1e-9
    if not isinstance(value, str):
        return None
    if number := _NUMBER.fullmatch(value):
        return float(number[1])
    for pattern in (_CLOCK, _DURATION):
        match = pattern.fullmatch(value)
        if match and any(match.groups()):
            hours, minutes, rest = (float(part or 0) for part in match.groups()[:3])
            fraction = float(f"0.{match[4]}") if pattern is _CLOCK and match[4] else 0.0
            return hours * 3600 + minutes * 60 + rest + fraction
    return None


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _objects(values: Any) -> list[dict[str, Any]]:
    """Return the objects in a list; nothing if it is no list."""
    values = values if isinstance(values, list) else []
    return [value for value in values if isinstance(value, dict)]


def _best(entry: dict[str, Any], key: str = "alternatives") -> dict[str, Any]:
    return next(iter(_objects(entry.get(key))), {})


def _results(data: dict[str, Any], key: str) -> bool:
    return isinstance(data.get("results"), dict) and isinstance(data["results"].get(key), list)


def _continues(before: str, token: str) -> bool:
    return not token.startswith(" ") and len(before) < LONGEST_COMPOUND


def _whisper_cpp(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Segments have offsets in milliseconds and, in full JSON, tokens that are parts of words."""
    for segment in _objects(data["transcription"]):
        words: list[dict[str, Any]] = []
        for token in _objects(segment.get("tokens")):
            text, times = token.get("text"), token.get("offsets")
            if not isinstance(text, str) or not isinstance(times, dict) or text.startswith("[_"):
                continue
            if words and _continues(words[-1]["text"], text):
                words[-1] |= {"text": words[-1]["text"] + text, "end": _thousandth(times, "to")}
            else:
                words.append(
                    {
                        "text": text,
                        "start": _thousandth(times, "from"),
                        "end": _thousandth(times, "to"),
                        "confidence": token.get("p"),
                    }
                )
        times = segment.get("offsets")
        times = times if isinstance(times, dict) else {}
        whole = {"start": _thousandth(times, "from"), "end": _thousandth(times, "to")}
        yield {**whole, "words": words} if words else {**whole, "text": segment.get("text")}


def _aws(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Punctuation is an item without times, which belongs to the word before."""
    last: dict[str, Any] | None = None
    for item in _objects(data["results"]["items"]):
        best = _best(item)
        if "start_time" not in item:
            if last is not None and _continues(str(last["text"]), str(best.get("content", " "))):
                last["text"] = f"{last['text']}{best['content']}"
            continue
        if last is not None:
            yield last
        last = {**item, "text": best.get("content"), "confidence": seconds(best.get("confidence"))}
    if last is not None:
        yield last


def _google(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """With speakers, the last result repeats the words of all others."""
    lists = [_objects(_best(result).get("words")) for result in _objects(data["results"])]
    lists = [words for words in lists if words]
    if len(lists) > 1 and len(lists[-1]) >= sum(map(len, lists[:-1])):
        if any("speakerTag" in word or "speakerLabel" in word for word in lists[-1]):
            lists = lists[-1:]
    for word in itertools.chain.from_iterable(lists):
        # A time of zero is omitted; the second version of the service calls times offsets.
        start, end = word.get("startOffset", 0), word.get("endOffset")
        yield {"startTime": start, "endTime": end, **word}


def _azure(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Phrases of a batch, of fast transcription, or of one detailed result."""
    phrases = _objects(data.get("recognizedPhrases") or data.get("phrases")) or [data]
    for phrase in phrases:
        best = _best(phrase, "nBest") or _best(phrase, "NBest") or phrase
        words = best.get("displayWords") or best.get("words") or best.get("Words")
        if _objects(words):
            yield from map(_azure_word, _objects(words))
        else:
            text = best.get("display") or best.get("Display") or phrase.get("text")
            yield _azure_word({**phrase, "text": text})


def _azure_word(word: dict[str, Any]) -> dict[str, Any]:
    lowered = {key[:1].lower() + key[1:]: value for key, value in word.items()}
    start, length = (_azure_time(lowered, key) for key in ("offset", "duration"))
    text = lowered.get("text") or lowered.get("word") or lowered.get("displayText")
    end = None if start is None or length is None else start + length
    return {"text": text, "start": start, "end": end, "confidence": lowered.get("confidence")}


def _azure_time(word: dict[str, Any], key: str) -> float | None:
    for name, per_s in (("Milliseconds", 1e3), ("InTicks", _TICKS_PER_S)):
        value = seconds(word.get(key + name))
        if value is not None:
            return value / per_s
    value = word.get(key)
    time = seconds(value)
    # A number without a unit in its name counts ticks of 100 ns; text is an ISO duration.
    return None if time is None else time if isinstance(value, str) else time / _TICKS_PER_S


def _deepgram(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for channel in _objects(data["results"]["channels"]):
        for word in _objects(_best(channel).get("words")):
            yield {**word, "text": word.get("punctuated_word") or word.get("word")}


def _assembly_ai(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Times of words are milliseconds, while the length of the recording is in seconds."""
    for word in _objects(data["words"]):
        yield {**word, "start": _thousandth(word, "start"), "end": _thousandth(word, "end")}


def _mfa(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Tiers of entries [start, end, label]; "words", or one per speaker: "Ann - words"."""
    for name, tier in data["tiers"].items():
        if not name.lower().endswith(("words", "word")) or not isinstance(tier, dict):
            continue
        entries = tier.get("entries")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, list) and len(entry) == 3:
                yield {"start": entry[0], "end": entry[1], "text": entry[2]}


def _thousandth(times: dict[str, Any], key: str) -> float | None:
    value = seconds(times.get(key))
    return None if value is None else value / 1000


_Layout = tuple[
    Callable[[dict[str, Any]], bool], Callable[[dict[str, Any]], Iterator[dict[str, Any]]]
]
_LAYOUTS: tuple[_Layout, ...] = (
    (lambda data: isinstance(data.get("transcription"), list), _whisper_cpp),
    (lambda data: _results(data, "items"), _aws),
    (lambda data: _results(data, "channels"), _deepgram),
    (lambda data: isinstance(data.get("results"), list), _google),
    (lambda data: bool({"recognizedPhrases", "phrases", "NBest"} & data.keys()), _azure),
    (lambda data: "audio_duration" in data and isinstance(data.get("words"), list), _assembly_ai),
    (lambda data: isinstance(data.get("tiers"), dict), _mfa),
)
