"""WebVTT and SubRip captions (W3C, "WebVTT: The Web Video Text Tracks Format")."""

import html
import re
from collections.abc import Iterator

from extractors.text.transcripts.timed_text import TimedText

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMING = re.compile(rf"\s*{_TIME}\s+-->\s+{_TIME}(?:\s.*)?$")
_INNER_TIME = re.compile(rf"<{_TIME}>")
_MARKUP = re.compile(r"<[^<>]*>|\{\\[^{}]*\}|\[[^\[\]]*\]|\u266a")


def parse(text: str, source: TimedText) -> None:
    """Add the words of every caption to ``source``.

    Markup (``<i>``, ``<v Ann>``, SubRip's positions in braces) and descriptions of sounds
    (``[music]``) are omitted. In rolling captions, which repeat the line before (recognisable by
    times inside), each line counts once.

    Raises:
        TranscriptError: naming the line.
    """
    rolling = bool(_INNER_TIME.search(text))
    before: list[str] = []
    for number, start, end, lines in _captions(text, source):
        source.check(f"line {number}", start, end)
        fresh = [line for line in lines if not (rolling and _plain(line).strip() in before)]
        before = [_plain(line).strip() for line in lines]
        _add(" ".join(fresh), start, end, number, source)


def _captions(text: str, source: TimedText) -> Iterator[tuple[int, float, float, list[str]]]:
    """Yield (line number of the timing, start, end, lines of text) of each caption."""
    lines = text.split("\n")
    any_caption = False
    at = 0
    while at < len(lines):
        if "-->" not in lines[at]:
            at += 1
            continue
        any_caption, number = True, at + 1
        match = _TIMING.match(lines[at])
        if not match:
            source.fail(
                f"line {number}",
                f"expected times such as 00:00:01.500 --> 00:00:02.000; got {lines[at][:60]!r}",
            )
        start = _seconds(match.groups()[:4], number, source)
        end = _seconds(match.groups()[4:], number, source)
        at += 1
        first = at
        while at < len(lines) and lines[at] and "-->" not in lines[at]:
            at += 1
        # The last line is the next caption's number if no empty line separates the two.
        touching = at < len(lines) and "-->" in lines[at] and lines[at - 1].strip().isdigit()
        yield number, start, end, lines[first : at - touching]
    if not any_caption and text.strip() and not text.startswith("WEBVTT"):
        source.fail("", "expected captions with times (00:00:01.500 --> 00:00:02.000); got none")


def _seconds(parts: tuple[str | None, ...], number: int, source: TimedText) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    if int(minutes) > 59 or int(seconds) > 59 or len(hours) > 6:
        source.fail(
            f"line {number}",
            f"expected minutes and seconds below 60; got {hours}:{minutes}:{seconds}",
        )
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _plain(text: str) -> str:
    return html.unescape(_MARKUP.sub("", text))


def _add(text: str, start: float, end: float, number: int, source: TimedText) -> None:
    """Add a caption's text, divided at the times inside it."""
    at, begin = 0, start
    for match in _INNER_TIME.finditer(text):
        time = _seconds(match.groups(), number, source)
        if not begin <= time <= end:
            source.fail(
                f"line {number}",
                f"expected times inside the caption from {begin:g} to {end:g} s; got {time:g} s",
            )
        source.add(_plain(text[at : match.start()]), begin, time)
        at, begin = match.end(), time
    source.add(_plain(text[at:]), begin, end)
