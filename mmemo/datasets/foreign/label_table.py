"""Emotion labels in a separate file, for data sets that come without them.

Three forms: a CSV with ``video_id``, ``segment_id`` (or ``clip_id``) or ``start`` and ``end`` in
seconds, and the six emotions by name (``happy``, ``sad``, ... are understood); a CSV of Mechanical
Turk with one line per annotator (``Input.VIDEO_ID``, ``Input.CLIP``, ``Answer.happiness`` and so
on), averaged per segment; a ``.csd`` of labels.
"""

import logging
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmemo.csd.reader import CsdFile
from mmemo.csd.sequence import video_of
from mmemo.datasets.csv_rows import Row, read_header, read_rows
from mmemo.datasets.foreign.dataset import Tally, checked_intensities
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS, label_index

logger = logging.getLogger(__name__)

ALIKE_S = 0.06
"""Times of a segment differ by less than this between files: some round to 0.1 s."""

_PLACE = {"segment_id", "clip_id", "start", "end", "text"}
_TURK_VIDEO, _TURK_CLIP = "Input.VIDEO_ID", "Input.CLIP"


class LabelRow(NamedTuple):
    """Emotions of one segment; unknown times are NaN, an unknown number is empty."""

    video: str
    segment: str
    start: float
    end: float
    intensities: tuple[float, ...]
    text: str = ""


class LabelTable:
    """Emotion intensities by video and times, or by video and segment number."""

    def __init__(self, rows: Iterable[LabelRow]) -> None:
        self.rows = tuple(rows)
        _warn_two_labels(self.rows)
        self._by_segment = {
            (row.video, row.segment): row for row in reversed(self.rows) if row.segment
        }
        self._by_video: dict[str, list[LabelRow]] = defaultdict(list)
        for row in self.rows:
            if math.isfinite(row.start) and math.isfinite(row.end):
                self._by_video[row.video].append(row)

    @classmethod
    def read(cls, *paths: Path) -> "LabelTable":
        """Read files of any of the three forms as one table.

        Raises:
            DataError: the file cannot be read, lacks columns, or an intensity is no number of 0 or
                above.
        """
        return cls(row for path in paths for row in _rows_of(path))

    def find(
        self,
        video: str,
        segment: str | None = None,
        start: float | None = None,
        end: float | None = None,
        text: str = "",
    ) -> LabelRow | None:
        """Return a segment by its times if they are known, else by its number; None if absent.

        Segments whose texts differ are not the same segment, even if their numbers agree.
        """
        if start is not None and end is not None:
            for timed in self._by_video.get(video, ()):
                if abs(timed.start - start) <= ALIKE_S and abs(timed.end - end) <= ALIKE_S:
                    return timed
        row = None if segment is None else self._by_segment.get((video, plain_number(segment)))
        return None if row and not _alike(row.text, text) else row


def _rows_of(path: Path) -> Iterator[LabelRow]:
    if path.suffix.lower() == ".csd":
        return _from_csd(path)
    return _from_turk(path) if _TURK_VIDEO in read_header(path) else _from_csv(path)


def _warn_two_labels(rows: Iterable[LabelRow]) -> None:
    """Count the segments that two rows label differently."""
    first_of: dict[tuple[str, str, float, float], LabelRow] = {}
    others = []
    for row in rows:
        # A time that is not known is NaN, which is unlike itself.
        start, end = (time if math.isfinite(time) else -math.inf for time in (row.start, row.end))
        if row.segment or math.isfinite(start):
            first = first_of.setdefault((row.video, row.segment, start, end), row)
            others += [row] if first.intensities != row.intensities else []
    if others:
        logger.warning(
            "labels: %d rows label a segment unlike a row before, such as %s[%s]; the first counts",
            len(others),
            others[0].video,
            others[0].segment or f"{others[0].start:g} s",
        )


def plain_number(segment: str) -> str:
    """Return a segment number without a decimal part: ``3.0`` becomes ``3``."""
    text = segment.strip()
    return text[:-2] if text.endswith(".0") else text


def _alike(one: str, other: str) -> bool:
    """Return whether two transcripts may be of one segment, ignoring pauses and punctuation."""
    first, second = _tokens(one), _tokens(other)
    if not first or not second:
        return True
    return len(first & second) >= 0.5 * min(len(first), len(second))


def _tokens(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9']+", text.lower())) - {"sp"}


def _from_csv(path: Path) -> Iterator[LabelRow]:
    for row in _rows(path, {"video_id"}, {"video_id", *_PLACE}):
        column_of = {_emotion(name): name for name in reversed(row.cells)}
        cells = row.cells
        if not set(EMOTIONS) <= set(column_of):
            raise DataError(
                f"{path}: expected a column for each of {', '.join(EMOTIONS)}; the header has "
                f"{', '.join(cells)}"
            )
        segment = cells.get("segment_id") or cells.get("clip_id") or ""
        yield LabelRow(
            row.text("video_id"),
            plain_number(segment),
            row.number("start", math.nan),
            row.number("end", math.nan),
            tuple(_intensity(row, column_of[name]) for name in EMOTIONS),
            cells.get("text", ""),
        )


def _emotion(column: str) -> str | None:
    place = label_index(column, EMOTIONS)
    return None if place is None else EMOTIONS[place]


def _from_turk(path: Path) -> Iterator[LabelRow]:
    """Yield the mean over annotators per segment, without those who left an answer empty."""
    answers = [f"Answer.{name}" for name in EMOTIONS]
    answers_of: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for row in _rows(path, {_TURK_VIDEO, _TURK_CLIP, *answers}, set()):
        if not all(row.cells[answer].strip() for answer in answers):
            continue
        values = [_intensity(row, answer) for answer in answers]
        answers_of[row.text(_TURK_VIDEO), plain_number(row.text(_TURK_CLIP))].append(values)
    for (video, clip), values_of_all in answers_of.items():
        mean = np.mean(values_of_all, axis=0).tolist()
        yield LabelRow(video, clip, math.nan, math.nan, tuple(mean))


def _from_csd(path: Path) -> Iterator[LabelRow]:
    # Rows lack the raw archive's segment number: only their times identify them.
    with CsdFile(path) as file:
        for entry_id in file:
            times, values = file[entry_id]
            if values.ndim != 2 or values.shape[1] not in (6, 7) or values.dtype.kind not in "fiu":
                raise DataError(f"{path}: expected 7 label columns; got {values.shape}")
            for (start, end), answers in zip(times.tolist(), values[:, -6:], strict=True):
                intensities = checked_intensities(answers, Tally())
                if intensities is not None:
                    yield LabelRow(video_of(entry_id), "", start, end, intensities)


def _rows(path: Path, required: set[str], known: set[str]) -> list[Row]:
    # Published label files have many more columns; a warning per column would be noise.
    logger = logging.getLogger("mmemo.datasets.csv_rows")
    logger.addFilter(_not_about_columns)
    try:
        return read_rows(path, required=required, known=known)
    finally:
        logger.removeFilter(_not_about_columns)


def _not_about_columns(record: logging.LogRecord) -> bool:
    return "unknown column" not in record.getMessage()


def _intensity(row: Row, column: str) -> float:
    value = row.number(column, None)
    if value is None or value < 0:
        raise DataError(
            f"{row.where}: expected an intensity of 0 or above for {column!r}; got "
            f"{row.cells[column]!r}"
        )
    return value
