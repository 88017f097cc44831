"""Draw answers beside a picture: a panel of the present utterance, a strip of the whole recording.

Hershey fonts draw ASCII only; other letters become their nearest (``inspect_drawing.readable``).
"""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from mmemo.prediction import Prediction
from pipelines.movies.drawing import (
    ALARM,
    BACK,
    DIM,
    GRID,
    MARK,
    TEXT,
    Colour,
    Image,
    width_of,
    write,
)

PANEL_WIDTH, ROW_HEIGHT = 260, 30
STRIP_ROW, GUTTER = 12, 64
SPOKE: Mapping[str, Colour] = {
    "text": (230, 159, 0),
    "audio": (86, 180, 233),
    "visual": (0, 158, 115),
}
"""Of modalities; told apart by readers with any colour vision (Okabe and Ito, 2008)."""

SPOKEN = {"text": "words", "audio": "voice", "visual": "face"}
_NAME_WIDTH = 92


def draw_panel(image: Image, held: Prediction | None, labels: Sequence[str]) -> None:
    """Draw the present utterance's probabilities as bars, each divided by what spoke for it.

    Args:
        image: the panel, changed in place.
        held: the utterance; None between utterances.
        labels: what is listed, in order.
    """
    image[:] = BACK
    y = 24
    if held is None or held.probs is None:
        said = "" if held is None else "nothing to read"
        write(image, said, (10, y), DIM, 0.45)
    else:
        named = ", ".join(held.labels or ()) or "none"
        for line in _wrapped(named, image.shape[1] - 20, 0.5):
            write(image, line, (10, y), MARK if held.labels else DIM, 0.5)
            y += 20
    y = 24 + 3 * 20
    for label in labels:
        _draw_row(image, y, label, held)
        y += ROW_HEIGHT
    _draw_legend(image, y + 6, held)
    if held is not None and held.demonstration:
        for number, line in enumerate(("demonstration model:", "its answers mean nothing")):
            write(image, line, (10, image.shape[0] - 24 + 14 * number), ALARM, 0.36)


def _draw_row(image: Image, y: int, label: str, held: Prediction | None) -> None:
    chosen = held is not None and label in (held.labels or ())
    left, right = _NAME_WIDTH, image.shape[1] - 44
    write(image, label, (10, y + 12), TEXT if chosen else DIM, 0.4)
    cv2.rectangle(image, (left, y + 3), (right, y + 14), GRID, 1)
    if held is None or held.probs is None or held.modality_shares is None:
        return
    prob, x = held.probs[label], float(left + 1)
    for modality, share in held.modality_shares[label].items():
        end = x + (right - left - 1) * prob * share
        if round(end) > round(x):
            colour = SPOKE.get(modality, DIM)
            cv2.rectangle(image, (round(x), y + 4), (round(end) - 1, y + 13), colour, -1)
        x = end
    write(image, f"{prob:.2f}", (right + 6, y + 13), TEXT if chosen else DIM, 0.38)


def _draw_legend(image: Image, y: int, held: Prediction | None) -> None:
    x = 10
    for modality, name in SPOKEN.items():
        absent = held is not None and modality in held.absent
        cv2.rectangle(image, (x, y), (x + 9, y + 9), GRID if absent else SPOKE[modality], -1)
        x = write(image, f"no {name}" if absent else name, (x + 14, y + 9), DIM, 0.36) + 12


def strip_of(
    predictions: Sequence[Prediction], labels: Sequence[str], width: int, duration_s: float
) -> Image:
    """Draw the whole recording, a row a label, the brighter the more probable.

    Args:
        predictions: of the recording.
        labels: rows, from above.
        width: pixels, of which the first ``GUTTER`` are for the names.
        duration_s: of the recording, seconds.

    Returns:
        RGB (rows of ``STRIP_ROW`` pixels and some below, width, 3). Found labels are underlined.
    """
    strip = np.full((STRIP_ROW * len(labels) + 4, width, 3), BACK, np.uint8)
    for held in predictions:
        left = _column(held.start / duration_s, width)
        right = max(left + 1, _column(held.end / duration_s, width) - 1)
        for row, label in enumerate(labels):
            prob = (held.probs or {}).get(label, 0.0)
            top, bottom = STRIP_ROW * row + 1, STRIP_ROW * (row + 1) - 1
            colour = np.asarray(BACK) + prob * (np.asarray(MARK) - np.asarray(BACK))
            strip[top:bottom, left:right] = colour
            if label in (held.labels or ()):
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
