"""Emotion labels in a file of their own: for data that comes without them.

Three forms: a CSV with ``video_id``, ``segment_id`` (or ``clip_id``) or ``start`` and ``end`` in
seconds, and the six emotions by name (``happy``, ``sad``, ... are understood); a CSV as Mechanical
Turk gives it, one line an annotator (``Input.VIDEO_ID``, ``Input.CLIP``, ``Answer.happiness`` and
so on), which are averaged; a ``.csd`` of labels.
"""

import csv
import gzip
import logging
import math
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmemo.csd.reader import CsdFile
from mmemo.csd.sequence import video_of
from mmemo.datasets.annotation import annotated
from mmemo.datasets.csv_rows import Row, read_rows
from mmemo.datasets.foreign.dataset import Tally
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS

ALIKE_S = 0.06
"""Times of one segment in two files differ by less: some are rounded to a tenth of a second."""

_ALIASES = {
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "surprised": "surprise",
    "disgusted": "disgust",
    "fearful": "fear",
}
_PLACE = {"segment_id", "clip_id", "start", "end", "text"}
_TURK_VIDEO, _TURK_CLIP = "Input.VIDEO_ID", "Input.CLIP"


class LabelRow(NamedTuple):
    """One segment's emotions; times are NaN and the number empty where not known."""

    video: str
    segment: str
    start: float
    end: float
    intensities: tuple[float, ...]
    text: str = ""


class LabelTable:
    """Emotion intensities, found by video and times, or by video and segment number."""

    def __init__(self, rows: Iterable[LabelRow]) -> None:
        self.rows = tuple(rows)
        self._by_segment = {(row.video, row.segment): row for row in self.rows if row.segment}
        self._by_video: dict[str, list[LabelRow]] = defaultdict(list)
        for row in self.rows:
            if math.isfinite(row.start) and math.isfinite(row.end):
                self._by_video[row.video].append(row)

    @classmethod
    def read(cls, path: Path) -> "LabelTable":
        """Read any of the three forms.

        Raises:
            DataError: the file cannot be read, lacks columns, or an intensity is no number of 0 or
                above.
        """
        if path.suffix == ".csd":
            return cls(_from_csd(path))
        is_turk = _TURK_VIDEO in _header(path)
        return cls(_from_turk(path) if is_turk else _from_csv(path))

    def find(
        self,
        video: str,
        segment: str | None = None,
        start: float | None = None,
        end: float | None = None,
        text: str = "",
    ) -> LabelRow | None:
        """Find a segment by its times if they are known, else by its number.

        Where both sides have a text and it is another one, the numbers do not mean the same
        segment, and nothing is found.
        """
        if start is not None and end is not None:
            for row in self._by_video.get(video, ()):
                if abs(row.start - start) <= ALIKE_S and abs(row.end - end) <= ALIKE_S:
                    return row
        found = None if segment is None else self._by_segment.get((video, plain_number(segment)))
        return None if found and not _alike(found.text, text) else found


def plain_number(segment: str) -> str:
    """Write a segment number as all write it: ``3.0`` is ``3``."""
    text = segment.strip()
    return text[:-2] if text.endswith(".0") else text


def _alike(one: str, other: str) -> bool:
    """Tell whether two transcripts may be of one segment: pauses and punctuation aside."""
    first, second = _tokens(one), _tokens(other)
    if not first or not second:
        return True
    return len(first & second) >= 0.5 * min(len(first), len(second))


def _tokens(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9']+", text.lower())) - {"sp"}


def _header(path: Path) -> list[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            return next(csv.reader([file.readline(1 << 20)]), [])
    except (OSError, UnicodeDecodeError, EOFError, csv.Error, zlib.error) as error:
        raise DataError(f"{path}: expected a CSV or .csd file of labels ({error})") from None


def _from_csv(path: Path) -> Iterator[LabelRow]:
    for row in _rows(path, {"video_id"}, {"video_id", *_PLACE, *EMOTIONS, *_ALIASES}):
        cells = {_ALIASES.get(name, name): value for name, value in row.cells.items()}
        if not set(EMOTIONS) <= set(cells):
            raise DataError(f"{path}: expected a column for each of {', '.join(EMOTIONS)}")
        segment = cells.get("segment_id") or cells.get("clip_id") or ""
        yield LabelRow(
            row.text("video_id"),
            plain_number(segment),
            row.number("start", math.nan),
            row.number("end", math.nan),
            tuple(_intensity(cells[name], name, row.where) for name in EMOTIONS),
            cells.get("text", ""),
        )


def _from_turk(path: Path) -> Iterator[LabelRow]:
    """Average over annotators; an answer that is empty counts as none given."""
    answers = [f"Answer.{name}" for name in EMOTIONS]
    given: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for row in _rows(path, {_TURK_VIDEO, _TURK_CLIP, *answers}, set()):
        if not all(row.cells[answer].strip() for answer in answers):
            continue
        values = [_intensity(row.cells[answer], answer, row.where) for answer in answers]
        given[row.text(_TURK_VIDEO), plain_number(row.text(_TURK_CLIP))].append(values)
    for (video, clip), every in given.items():
        mean = np.mean(every, axis=0).tolist()
        yield LabelRow(video, clip, math.nan, math.nan, tuple(mean))


def _from_csd(path: Path) -> Iterator[LabelRow]:
    # Rows have no segment number of the raw archive: they are found by their times alone.
    with CsdFile(path) as file:
        for entry_id in file:
            times, values = file[entry_id]
            if values.ndim != 2 or values.shape[1] not in (6, 7) or values.dtype.kind not in "fiu":
                raise DataError(f"{path}: expected 7 label columns; got {values.shape}")
            for (start, end), answers in zip(times.tolist(), values[:, -6:], strict=True):
                found = annotated(answers, Tally())
                if found is not None:
                    yield LabelRow(video_of(entry_id), "", start, end, found)


def _rows(path: Path, required: set[str], known: set[str]) -> list[Row]:
    # Label files of others have many more columns; naming each helps nobody.
    logger = logging.getLogger("mmemo.datasets.csv_rows")
    logger.addFilter(_quiet)
    try:
        return read_rows(path, required=required, known=known)
    finally:
        logger.removeFilter(_quiet)


def _quiet(record: logging.LogRecord) -> bool:
    return "unknown column" not in record.getMessage()


def _intensity(text: str, name: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise DataError(f"{where}: expected an intensity of 0 or above for {name}; got {text!r}")
    return value
