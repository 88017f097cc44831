"""Captions that repeat the text before them: rolling lines, and a mark that moves through a line.

Live captions roll up: each cue shows the last lines again and adds words. Recognisers write a line
once per word, with the word underlined. Both are found by their text.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from extractors.text.transcripts.cue import Cue
from extractors.text.transcripts.cue_text import plain

TOUCHING_S = 0.2
"""Cues of one text follow each other without a longer pause."""
FLASH_S = 0.05
"""Rolling captions have cues this short between the others."""
MIN_SHARE = 0.5
"""Share of neighbours that repeat text, in files of rolling captions."""
MIN_REPEATS = 2
MAX_SHOWN = 16
"""Lines of a cue that the next one may repeat; a screen shows four."""


def without_repeats(cues: Sequence[Cue], *, has_inner_times: bool) -> list[Cue]:
    """Return cues in which each line counts once; lines that people repeat remain.

    Args:
        cues: in the order of the file.
        has_inner_times: whether the file has times inside cues, which only rolling captions have.
    """
    cues = list(_merge_marked(cues))
    if not (has_inner_times or _rolls(cues)):
        return cues
    fresh = []
    shown: tuple[str, ...] = ()
    for cue in cues:
        lines = tuple(part for line in cue.lines if (part := _new_part(line, shown)))
        shown = _plain_lines(cue)[-MAX_SHOWN:]
        fresh.append(replace(cue, lines=lines))
    return fresh


def _merge_marked(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Join neighbours whose text is the same and whose markup moves."""
    current: Cue | None = None
    for cue in cues:
        if current is not None and _is_marked_again(current, cue):
            current = replace(current, end=max(current.end, cue.end), lines=cue.lines)
            continue
        if current is not None:
            yield current
        current = cue
    if current is not None:
        yield current


def _is_marked_again(before: Cue, cue: Cue) -> bool:
    same_text = _plain_lines(before) == _plain_lines(cue) != ()
    return same_text and _touch(before, cue) and before.lines != cue.lines


def _rolls(cues: Sequence[Cue]) -> bool:
    pairs = [(a, b) for a, b in itertools.pairwise(cues) if _touch(a, b)]
    repeats = sum(_repeats(a, b) for a, b in pairs)
    return repeats >= MIN_REPEATS and repeats >= MIN_SHARE * len(pairs)


def _repeats(before: Cue, cue: Cue) -> bool:
    """Return whether a cue shows the last line again, as rolling captions do."""
    shown, lines = _plain_lines(before), _plain_lines(cue)
    if not shown or not lines or not _continues(lines[0], shown[-1]):
        return False
    flashes = min(before.end - before.start, cue.end - cue.start) <= FLASH_S
    grows = len(lines) > 1 or lines[0] != shown[-1]
    # People repeat a single word, also in a short time.
    return grows or (flashes and " " in lines[0])


def _new_part(line: str, shown: Sequence[str]) -> str:
    """Return what a line adds to the lines shown before."""
    text = plain(line).strip()
    if text in shown:
        return ""
    grown = [before for before in shown if before and _continues(text, before)]
    # A line with markup is kept whole only if nothing of it was shown: its marks are not cut.
    return text[len(max(grown, key=len)) :].strip() if grown else line


def _continues(text: str, before: str) -> bool:
    return text.startswith(before) and text[len(before) : len(before) + 1] in ("", " ")


def _touch(before: Cue, cue: Cue) -> bool:
    return abs(cue.start - before.end) <= TOUCHING_S


def _plain_lines(cue: Cue) -> tuple[str, ...]:
    return tuple(text for line in cue.lines if (text := plain(line).strip()))
