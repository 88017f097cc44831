"""WebVTT and SubRip captions (W3C, "WebVTT: The Web Video Text Tracks Format").

People and programs write them loosely, so a cue ends only at the next timing line: blank lines in
or before its text belong to it.
"""

import itertools
import re
from collections.abc import Iterator, Sequence

from extractors.text.transcripts.cue import Cue
from extractors.text.transcripts.cue_text import CueText, plain
from extractors.text.transcripts.rolling import without_repeats
from extractors.text.transcripts.timed_text import TimedText

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?"
_TIMING = re.compile(rf"\s*{_TIME}\s*-+>\s*{_TIME}(?!\d)")
_LIKE_TIMING = re.compile(r"\s*[\d:.,]\S*\s*-->")
_INNER_TIME = re.compile(rf"<{_TIME}>")
_NUMBER = re.compile(r"\s*\d+[.)]?\s*")
_VTT_BLOCK = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")


def parse(text: str, source: TimedText) -> None:
    """Add the words of every caption to ``source``.

    Markup, names of speakers and descriptions of sounds are no words (``cue_text``). Of rolling
    captions, which repeat the lines before, each line counts once (``rolling``). A cue whose
    times cannot be read is skipped.

    Raises:
        TranscriptError: there are no cues.
    """
    lines = _single_spaced(text.split("\n"))
    is_vtt = text.startswith("WEBVTT")
    cues = [cue for cue in _cues(lines, is_vtt, source) if cue is not None]
    if not source.n_entries and not cues and text.strip() and not is_vtt:
        source.fail("", "expected captions with times (00:00:01.500 --> 00:00:02.000); got none")
    words_of = CueText.learn(cue.lines for cue in cues)
    for cue in without_repeats(cues, has_inner_times=bool(_INNER_TIME.search(text))):
        _add(words_of("\n".join(cue.lines)), cue, source)


def _single_spaced(lines: Sequence[str]) -> list[str]:
    """Remove the blank line after each line from a file in which every line has one."""
    lines = [line.strip() for line in lines]
    for other in (1, 0):
        if not any(lines[other::2]):
            return lines[1 - other :: 2]
    return lines


def _cues(lines: Sequence[str], is_vtt: bool, source: TimedText) -> Iterator[Cue | None]:
    """Yield each caption; None for one whose times cannot be read."""
    timings = [at for at, line in enumerate(lines) if _TIMING.match(line) or _broken(line)]
    apart = not is_vtt and bool(timings) and _number_before(lines, timings[0]) < timings[0] - 1
    for at, following in itertools.pairwise([*timings, len(lines)]):
        last = following
        if following < len(lines):
            last = _without_id(lines, at, following, is_vtt=is_vtt, apart=apart)
        text = [line for line in _without_blocks(lines[at + 1 : last], is_vtt) if line]
        yield _cue(lines[at], at + 1, text, source)


def _broken(line: str) -> bool:
    return bool(_LIKE_TIMING.match(line))


def _without_id(lines: Sequence[str], at: int, following: int, *, is_vtt: bool, apart: bool) -> int:
    """Return where a cue's text ends: before the number or the name of the next cue.

    Args:
        lines: of the file.
        at: line of the cue's times.
        following: line of the next cue's times.
        is_vtt: cues may have names.
        apart: the file has a blank line between a number and the times.
    """
    last = following - 1
    number = _number_before(lines, following)
    if at < number and (number == last or apart):
        return number
    named = is_vtt and at < last - 1 and bool(lines[last]) and not lines[last - 1]
    return last if named else following


def _number_before(lines: Sequence[str], timing: int) -> int:
    """Return the line of the number before a cue's times, else the line of the times."""
    at = timing - 1
    while at > 0 and not lines[at]:
        at -= 1
    return at if at >= 0 and _NUMBER.fullmatch(lines[at]) else timing


def _without_blocks(lines: Sequence[str], is_vtt: bool) -> Iterator[str]:
    """Yield the lines outside WebVTT's comments and style sheets, which follow a blank line."""
    inside = False
    for before, line in zip(["x", *lines], lines, strict=False):
        if not line:
            inside = False
        elif is_vtt and not before and _VTT_BLOCK.match(line):
            inside = True
        if not inside:
            yield line


def _cue(timing: str, number: int, text: Sequence[str], source: TimedText) -> Cue | None:
    place = f"line {number}"
    match = _TIMING.match(timing)
    times = match and (_seconds(match.groups()[:4]), _seconds(match.groups()[4:]))
    if not times or None in times:
        source.skip(
            place, f"expected times such as 00:00:01.500 --> 00:00:02.000; got {timing[:60]!r}"
        )
        return None
    start, end = (time for time in times if time is not None)
    return Cue(place, start, end, tuple(text))


def _seconds(parts: Sequence[str | None]) -> float | None:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    if int(minutes) > 59 or int(seconds) > 59 or len(hours) > 6:
        return None
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _add(text: str, cue: Cue, source: TimedText) -> None:
    """Add a caption's text, divided at the times inside it."""
    at, begin = 0, cue.start
    for match in _INNER_TIME.finditer(text):
        time = _seconds(match.groups())
        if time is None or not begin <= time <= cue.end:
            source.mend("a time inside the caption lay outside it")
            continue
        source.add(cue.place, plain(text[at : match.start()]), begin, time)
        at, begin = match.end(), time
    source.add(cue.place, plain(text[at:]), begin, cue.end)
