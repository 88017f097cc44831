"""A table of transcribed segments without media: CMU-MOSEI's words and labels as CSV.

Columns: ``video_id``, ``segment_id``, ``start``, ``end`` (seconds in the video), ``text`` (with
``sp`` for a pause), ``sentiment`` (-3 to 3), the intensities of the labels, or one column
(``emotion``, ``label``) with their names, and optionally ``split``; without it the split is the
file's name (``train.csv.gz``, ``valid.csv``, ...).

Such a table has no word times. The words are spread evenly over the segment, which keeps their
order; audio and visual are absent anyway.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmemo.datasets.class_column import class_column, named_intensities
from mmemo.datasets.clips import check_ids, check_splits, intensities
from mmemo.datasets.csv_rows import Row, read_rows
from mmemo.datasets.splits import split_named
from mmemo.errors import DataError
from mmemo.features import Clip, Word
from mmemo.labels import EMOTIONS

_REQUIRED = {"video_id", "text"}
_KNOWN = {"segment_id", "start", "end", "sentiment", "split", "answer_model", "note"}
"""The last two are in the labels that are saved from the page about a video."""


def read_table(path: Path, labels: Sequence[str] = EMOTIONS) -> list[Clip]:
    """Return the segments of a table, in its order.

    Args:
        path: the table.
        labels: those of its columns, or of the names in its one column of labels
            (``mmemo.datasets.class_column.table_labels``).

    Raises:
        DataError: the file is missing, lacks columns, or has invalid values.
    """
    file_split = path.name.split(".")[0]
    column = class_column(path, labels)
    known = _KNOWN if column is None else {*_KNOWN, column}
    rows = read_rows(path, required=_REQUIRED, known=known, labels=labels)
    clips = []
    for number, row in enumerate(rows):
        if column is None:
            values = intensities(row, labels)
        else:
            values = named_intensities(row, column, labels)
        clips.append(replace(_clip(row, number, file_split), intensities=values))
    if not clips:
        raise DataError(f"{path}: expected segments; the table is empty")
    check_ids(path, clips)
    check_splits(path, clips)
    return clips


def _clip(row: Row, number: int, file_split: str) -> Clip:
    start = row.number("start", 0.0)
    end = row.number("end", start)
    if end < start:
        raise DataError(f"{row.where}: expected start <= end; got {start} and {end}")
    video_id = row.text("video_id")
    split = row.split() or split_named(file_split)
    return Clip(
        id=f"{video_id}[{row.text('segment_id', str(number))}]",
        video_id=video_id,
        start=start,
        end=end,
        words=_spread(row.cells["text"].split(), end - start),
        split=split,
        sentiment=row.number("sentiment", None),
    )


def _spread(tokens: list[str], duration_s: float) -> tuple[Word, ...]:
    edges = np.linspace(0.0, duration_s, len(tokens) + 1).tolist()
    return tuple(
        Word(token, start, end)
        for token, start, end in zip(tokens, edges[:-1], edges[1:], strict=True)
    )
