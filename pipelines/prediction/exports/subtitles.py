"""Subtitles with emotions, for players: WebVTT (W3C) and SubRip.

A cue is an utterance; its emotions stand in square brackets before the words.
"""

import html
from collections.abc import Sequence

from mmemo.prediction import Prediction

_SHORTEST_MS = 1
"""A cue has to end after it begins."""


def to_webvtt(predictions: Sequence[Prediction]) -> bytes:
    """Write cues as WebVTT; a note says so if the model learnt from made-up data only."""
    blocks = ["WEBVTT"]
    if any(held.demonstration for held in predictions):
        blocks.append("NOTE demonstration model: its answers about real people mean nothing")
    for number, held in enumerate(predictions, start=1):
        text = html.escape(_text(held), quote=False)
        blocks.append(f"{number}\n{_span(held, '.')}\n{text}")
    return ("\n\n".join(blocks) + "\n").encode()


def to_srt(predictions: Sequence[Prediction]) -> bytes:
    """Write cues as SubRip."""
    blocks = [
        f"{number}\n{_span(held, ',')}\n{_text(held)}\n"
        for number, held in enumerate(predictions, start=1)
    ]
    return "\n".join(blocks).encode()


def _text(held: Prediction) -> str:
    if held.labels is None:
        emotions = "nothing to read"
    else:
        emotions = ", ".join(held.labels) or "none"
    return f"[{emotions}] {held.text}".strip()


def _span(held: Prediction, mark: str) -> str:
    start = round(held.start * 1000)
    end = max(round(held.end * 1000), start + _SHORTEST_MS)
    return f"{_clock(start, mark)} --> {_clock(end, mark)}"


def _clock(milliseconds: int, mark: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{rest:03d}"
