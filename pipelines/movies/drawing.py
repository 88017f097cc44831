"""Draw measurements onto a frame and beside it."""

import bisect
import itertools
import unicodedata
from collections.abc import Sequence

import cv2
import numpy as np

from extractors.facet.action_units import ACTION_UNITS, EMOTIONS
from extractors.facet.landmark_extractor import POINT_GROUPS
from extractors.facet.tracker import Face
from mmemo.arrays import Floats32, Image
from mmemo.features import Word

Colour = tuple[int, int, int]

PANEL_WIDTH, STRIP_HEIGHT, WORDS_HEIGHT, HEADER_HEIGHT = 240, 96, 60, 26
BACK: Colour = (24, 26, 30)
GRID: Colour = (70, 74, 82)
TEXT: Colour = (225, 228, 232)
DIM: Colour = (140, 146, 156)
MARK: Colour = (255, 208, 64)
GOOD: Colour = (88, 200, 130)
LOW: Colour = (92, 128, 176)
ALARM: Colour = (240, 84, 72)
SOUND: Colour = (86, 104, 134)
PITCH: Colour = (255, 150, 80)

MAX_EVIDENCE = 3.0
"""Full length of a bar: log10 odds."""

WINDOW_S = 6.0
"""Time span of the strip; the present is in its middle."""

LOW_HZ, HIGH_HZ = 60.0, 500.0
QUIET_DB = -60.0
_CLOSED = ("right_eye", "left_eye", "outer_lips", "inner_lips")
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def write(image: Image, text: str, at: tuple[int, int], colour: Colour, size: float = 0.4) -> int:
    """Write text with the left end of its baseline at (x, y); return the x of its right end."""
    plain = readable(text)
    cv2.putText(image, plain, at, _FONT, size, colour, 1, cv2.LINE_AA)
    return at[0] + width_of(plain, size)


def width_of(text: str, size: float = 0.4) -> int:
    """Return the width of text, pixels."""
    return int(cv2.getTextSize(readable(text), _FONT, size, 1)[0][0])


def readable(text: str) -> str:
    """Return text in the font's letters: ASCII, with ? where there is no nearest letter."""
    decomposed = unicodedata.normalize("NFKD", text.replace("\u2019", "'"))
    base = "".join(c for c in decomposed if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" else "?" for c in base)


def draw_face(image: Image, face: Face, scale: float, *, measured: bool) -> None:
    """Draw box, contours and landmarks of a face onto the (scaled) frame.

    Args:
        image: changed in place.
        face: landmarks in pixels of the frame before scaling.
        scale: pixels of ``image`` per pixel of the frame.
        measured: whether this is the face whose columns are shown.
    """
    points = (face.landmarks[:, :2] * scale).astype(np.float64)
    colour = GOOD if measured else DIM
    for x, y in points.round().astype(int).tolist():
        if 0 <= x < image.shape[1] and 0 <= y < image.shape[0]:
            image[y, x] = colour
    for group, indices in POINT_GROUPS.items():
        line = points[list(indices)].round().astype(np.int32)
        cv2.polylines(image, [line], group in _CLOSED, colour, 1, cv2.LINE_AA)
    x0, y0, x1, y1 = (round(float(v)) for v in face.box * scale)
    cv2.rectangle(image, (x0, y0), (x1, y1), colour, 1)


def draw_bars(image: Image, values: Sequence[float] | None) -> None:
    """Draw the evidence of 10 emotions and 20 action units as bars around zero.

    Args:
        image: the panel, changed in place.
        values: in the order of ``EMOTIONS`` and ``ACTION_UNITS``; None where there is no face.
    """
    names = (*EMOTIONS, *ACTION_UNITS)
    row = (image.shape[0] - 20) / (len(names) + 1)
    zero, reach = 160, PANEL_WIDTH - 168
    cv2.line(image, (zero, 4), (zero, image.shape[0] - 16), GRID, 1)
    write(
        image,
        f"log10 odds, -{MAX_EVIDENCE:g} to {MAX_EVIDENCE:g}",
        (8, image.shape[0] - 4),
        DIM,
        0.3,
    )
    for n, name in enumerate(names):
        # A gap between emotions and units.
        y = int(6 + row * (n + (0.7 if n >= len(EMOTIONS) else 0)))
        write(image, name, (8, y + int(0.75 * row)), TEXT if values else DIM, 0.36)
        if values:
            length = int(reach * np.clip(values[n] / MAX_EVIDENCE, -1, 1))
            box = (min(zero, zero + length), y + 2), (max(zero, zero + length), y + int(row) - 2)
            cv2.rectangle(image, *box, GOOD if length > 0 else LOW, -1)


def draw_strip(
    image: Image,
    time_s: float,
    loudness_db: Floats32,
    pitch: Floats32,
    words: Sequence[Word],
    *,
    step_s: float,
) -> None:
    """Draw loudness and pitch around the present, with word borders.

    Args:
        image: the strip, changed in place.
        time_s: the present, in the middle.
        loudness_db: (N,) one value every ``step_s`` from time 0, dB below full scale.
        pitch: (M, 2) time in seconds and frequency in Hz of the voiced frames.
        words: in order, with times.
        step_s: seconds between loudness values.
    """
    height, width = image.shape[:2]
    left_s = time_s - WINDOW_S / 2

    def column(seconds: float) -> int:
        return int((seconds - left_s) / WINDOW_S * width)

    times = left_s + (np.arange(width) + 0.5) / width * WINDOW_S
    rows = np.floor(times / step_s).astype(int)
    inside = (rows >= 0) & (rows < len(loudness_db))
    share = np.zeros(width)
    share[inside] = np.clip(1 - loudness_db[rows[inside]] / QUIET_DB, 0, 1)
    above_floor = height - 1 - np.arange(height)
    image[above_floor[:, None] < share * (height - 4)] = SOUND
    first, last = np.searchsorted(pitch[:, 0], (left_s, left_s + WINDOW_S))
    heights = np.log(np.maximum(pitch[first:last, 1], 1) / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ)
    heights = np.clip(heights, 0, 1) * (height - 8)
    for at_s, up in zip(pitch[first:last, 0].tolist(), heights.tolist(), strict=True):
        cv2.circle(image, (column(at_s), height - 4 - int(up)), 1, PITCH, -1)
    after = bisect.bisect_left(words, left_s + WINDOW_S, key=lambda word: word.start)
    near = (words[at] for at in range(after - 1, -1, -1))
    for word in itertools.takewhile(lambda word: word.end >= left_s, near):
        x = column(word.start)
        cv2.line(image, (x, 0), (x, height), GRID, 1)
        if column(word.end) - x > width_of(word.text, 0.3) // 2:
            write(image, word.text, (x + 2, 10), DIM, 0.3)
    cv2.line(image, (width // 2, 0), (width // 2, height), MARK, 1)
    cv2.rectangle(image, (0, height - 27), (82, height), BACK, -1)
    write(image, f"pitch {LOW_HZ:g}-{HIGH_HZ:g} Hz", (4, height - 16), PITCH, 0.3)
    write(image, "loudness", (4, height - 5), DIM, 0.3)


def draw_words(image: Image, words: Sequence[Word], time_s: float) -> None:
    """Write the words around the present in two lines, the current one marked."""
    lines: list[list[Word]] = [[]]
    used = 0
    for word in words:
        length = width_of(word.text + " ", 0.55)
        if used + length > image.shape[1] - 20 and lines[-1]:
            lines.append([])
            used = 0
        lines[-1].append(word)
        used += length
    current = next((n for n, line in enumerate(lines) if line and line[-1].end > time_s), 0)
    for row, line in enumerate(lines[current : current + 2]):
        total = sum(width_of(word.text + " ", 0.55) for word in line)
        x = max(10, (image.shape[1] - total) // 2)
        for word in line:
            now = word.start <= time_s < word.end
            colour = MARK if now else TEXT if word.start > time_s else DIM
            y = 22 + 26 * row
            end = write(image, word.text, (x, y), colour, 0.55)
            if now:
                cv2.line(image, (x, y + 4), (end, y + 4), MARK, 2)
            x += width_of(word.text + " ", 0.55)
