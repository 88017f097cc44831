"""Draw answers beside a frame: a panel of the current utterance, a strip of the whole recording.

Hershey fonts have ASCII only; other letters become their nearest (``drawing.readable``).
"""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from mmemo.arrays import Image
from mmemo.features import CHANNEL_NAMES
from mmemo.prediction import DEMONSTRATION_WARNING, Prediction, signed
from pipelines.movies.drawing import (
    ALARM,
    BACK,
    DIM,
    GRID,
    LOW,
    MARK,
    TEXT,
    Colour,
    width_of,
    write,
)

PANEL_WIDTH, ROW_HEIGHT = 260, 30
STRIP_ROW, GUTTER = 12, 64
COLOURS: Mapping[str, Colour] = {
    "text": (230, 159, 0),
    "audio": (86, 180, 233),
    "visual": (0, 158, 115),
}
"""Modality -> colour, distinct for readers with any colour vision (Okabe and Ito, 2008)."""

_NAME_WIDTH, _EFFECT_WIDTH = 92, 54


def draw_panel(image: Image, prediction: Prediction | None, labels: Sequence[str]) -> None:
    """Draw the current probabilities as bars, and below each the modalities' effects.

    Args:
        image: the panel, changed in place.
        prediction: the current utterance; None between utterances.
        labels: the rows, from above.
    """
    image[:] = BACK
    y = 24
    if prediction is None or prediction.probs is None:
        note = "" if prediction is None else "nothing to read"
        write(image, note, (10, y), DIM, 0.45)
    else:
        for line in _wrapped(prediction.answer, image.shape[1] - 20, 0.5):
            write(image, line, (10, y), MARK if prediction.labels else DIM, 0.5)
            y += 20
    y = 24 + 3 * 20
    for label in labels:
        _draw_row(image, y, label, prediction)
        y += ROW_HEIGHT
    _draw_legend(image, y + 6, prediction)
    if prediction is not None and prediction.demonstration:
        lines = _wrapped(DEMONSTRATION_WARNING, image.shape[1] - 20, 0.36)
        for number, line in enumerate(reversed(lines)):
            write(image, line, (10, image.shape[0] - 10 - 14 * number), ALARM, 0.36)


def _draw_row(image: Image, y: int, label: str, prediction: Prediction | None) -> None:
    chosen = prediction is not None and label in (prediction.labels or ())
    left, right = _NAME_WIDTH, image.shape[1] - 44
    write(image, label, (10, y + 12), TEXT if chosen else DIM, 0.4)
    cv2.rectangle(image, (left, y + 3), (right, y + 14), GRID, 1)
    if prediction is None or prediction.probs is None or prediction.effects is None:
        return
    prob = prediction.probs[label]
    end = round(left + 1 + (right - left - 1) * prob)
    if end > left + 1:
        cv2.rectangle(image, (left + 1, y + 4), (end - 1, y + 13), MARK if chosen else LOW, -1)
    write(image, f"{prob:.2f}", (right + 6, y + 13), TEXT if chosen else DIM, 0.38)
    x = left
    for modality, effect in prediction.effects[label].items():
        text = f"{CHANNEL_NAMES[modality][0]} {signed(effect)}"
        write(image, text, (x, y + 25), COLOURS[modality], 0.3)
        x += _EFFECT_WIDTH


def _draw_legend(image: Image, y: int, prediction: Prediction | None) -> None:
    x = 10
    for modality, name in CHANNEL_NAMES.items():
        absent = prediction is not None and modality in prediction.absent
        cv2.rectangle(image, (x, y), (x + 9, y + 9), GRID if absent else COLOURS[modality], -1)
        x = write(image, f"no {name}" if absent else name, (x + 14, y + 9), DIM, 0.36) + 12


def strip_of(
    predictions: Sequence[Prediction], labels: Sequence[str], width: int, duration_s: float
) -> Image:
    """Draw the whole recording, one row per label, the brighter the more probable.

    Args:
        predictions: the predictions of the recording.
        labels: the rows, from above.
        width: pixels, of which the first ``GUTTER`` are for the names.
        duration_s: duration of the recording, seconds.

    Returns:
        RGB (height, width, 3), ``STRIP_ROW`` pixels per row. Predicted labels are underlined.
    """
    strip = np.full((STRIP_ROW * len(labels) + 4, width, 3), BACK, np.uint8)
    for prediction in predictions:
        left = _column(prediction.start / duration_s, width)
        right = max(left + 1, _column(prediction.end / duration_s, width) - 1)
        for row, label in enumerate(labels):
            prob = (prediction.probs or {}).get(label, 0.0)
            top, bottom = STRIP_ROW * row + 1, STRIP_ROW * (row + 1) - 1
            colour = np.asarray(BACK) + prob * (np.asarray(MARK) - np.asarray(BACK))
            strip[top:bottom, left:right] = colour
            if label in (prediction.labels or ()):
                strip[bottom - 2 : bottom, left:right] = TEXT
    for row, label in enumerate(labels):
        write(strip, label, (6, STRIP_ROW * (row + 1) - 3), DIM, 0.3)
    return strip


def draw_now(strip: Image, share: float) -> None:
    """Mark the present on a strip, at ``share`` of the recording."""
    x = _column(share, strip.shape[1])
    strip[:, max(GUTTER, x - 1) : x + 1] = ALARM


def _column(share: float, width: int) -> int:
    return GUTTER + int(min(max(share, 0.0), 1.0) * (width - GUTTER - 1))


def _wrapped(text: str, width: int, size: float) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer, size) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines[:3]
