"""Subtitles with emotions, for players: WebVTT (W3C) and SubRip.

A cue is an utterance; its emotions stand in square brackets before the words.
"""

import html
from collections.abc import Sequence

from mmemo.files import utf8
from mmemo.prediction import DEMONSTRATION_WARNING, Prediction

_SHORTEST_MS = 1
"""A cue must end after it begins."""


def to_webvtt(predictions: Sequence[Prediction]) -> bytes:
    """Return cues as WebVTT, with a note if the model was trained on made-up data only."""
    blocks = ["WEBVTT"]
    if any(prediction.demonstration for prediction in predictions):
        blocks.append(f"NOTE {DEMONSTRATION_WARNING}")
    for number, prediction in enumerate(predictions, start=1):
        text = html.escape(_text(prediction), quote=False)
        blocks.append(f"{number}\n{_span(prediction, '.')}\n{text}")
    return utf8("\n\n".join(blocks) + "\n")


def to_srt(predictions: Sequence[Prediction]) -> bytes:
    """Return cues as SubRip."""
    blocks = [
        f"{number}\n{_span(prediction, ',')}\n{_text(prediction)}\n"
        for number, prediction in enumerate(predictions, start=1)
    ]
    return utf8("\n".join(blocks))


def _text(prediction: Prediction) -> str:
    return f"[{prediction.answer}] {prediction.text}".strip()


def _span(prediction: Prediction, mark: str) -> str:
    start = round(prediction.start * 1000)
    end = max(round(prediction.end * 1000), start + _SHORTEST_MS)
    return f"{_clock(start, mark)} --> {_clock(end, mark)}"


def _clock(milliseconds: int, mark: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{rest:03d}"
