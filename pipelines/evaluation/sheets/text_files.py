"""Truth and predictions as text: CSV, and plain lists of label names, one line per clip.

CSV columns, all optional but the labels:

- ``id``, or ``video_id`` and ``segment_id`` (the id is then ``VIDEO[SEGMENT]``, as in a table of
  segments); without any, clips are matched by their order;
- ``video_id`` or ``video``: the recording; ``start`` and ``end``, or ``length_s``: seconds;
- one column per label: intensities in a file of truth; decisions or probabilities in predictions;
- ``p_LABEL``: a probability;
- ``truth``, and ``labels``, ``label``, ``emotion``, ``answer`` or ``answer_NAME``: names of labels,
  separated by blanks;
- ``modalities``: names of those present.
"""

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmemo.arrays import LabelSets, first_wrong
from mmemo.datasets.csv_rows import Row, read_header, read_rows
from mmemo.errors import DataError
from mmemo.input_files import LARGEST_TABLE_BYTES, read_text
from mmemo.labels import label_index, plain_name
from pipelines.evaluation.sheets.classes import multihots
from pipelines.evaluation.sheets.sheet import ONLY_ANSWER, Floats, Sheet

logger = logging.getLogger(__name__)

_ABOUT = ("id", "video_id", "video", "segment_id", "start", "end", "length_s", "modalities")
_ANSWER_COLUMNS = ("labels", "prediction", "pred", ONLY_ANSWER)
_CLASS_COLUMNS = ("label", "emotion", "emotions")
"""Read where no column has the numbers of a label."""
_IGNORED = {"text", "sentiment", "split", "media", "dataset", "note"}
_KNOWN = {*_ABOUT, *_ANSWER_COLUMNS, *_CLASS_COLUMNS, *_IGNORED, "truth"}
_CELLS = re.compile(r"\s*[,;\s]\s*")
_SEPARATORS = re.compile(r"[\s,;|+]+")


def read_csv(path: Path, labels: Sequence[str]) -> Sheet:
    """Return the sheet of a CSV file (also gzipped) with the columns above.

    Raises:
        DataError: it cannot be read, or a value is invalid.
    """
    header = _header(path)
    labels = _own_labels(header, labels)
    rows = _rows(path)
    if not rows:
        raise DataError(f"{path}: expected one row per clip; the table is empty")
    plain, probs = _label_columns(header, labels, ""), _label_columns(header, labels, "p_")
    answers = {
        name.removeprefix("answer_") if name.startswith("answer_") else ONLY_ANSWER: name
        for name in header
        if name in _ANSWER_COLUMNS
        or name.startswith("answer_")
        or (name in _CLASS_COLUMNS and not plain)
    }
    used = {*_ABOUT, *_IGNORED, "truth", *plain.values(), *probs.values(), *answers.values()}
    for name in header:
        if name not in used:
            logger.info("%s: ignoring the column %r", path, name)
    truth = _sets(rows, "truth", labels).astype(np.float64) if "truth" in header else None
    return Sheet(
        where=str(path),
        labels=tuple(labels),
        ids=_ids(rows, header),
        videos=_texts(rows, header, "video_id") or _texts(rows, header, "video"),
        values=_numbers(path, rows, plain, labels),
        truth=truth,
        answers={name: _sets(rows, column, labels) for name, column in answers.items()},
        probs=_numbers(path, rows, probs, labels),
        lengths_s=_lengths(rows, header),
        modalities=_modalities(rows, header),
    )


def read_list(path: Path, labels: Sequence[str]) -> Sheet:
    """Return the sheet of a list: per clip one line of label names, an empty one for none.

    Raises:
        DataError: it cannot be read, or a word is not a label.
    """
    try:
        lines = read_text(path, LARGEST_TABLE_BYTES, "utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot read it ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected a list of label names in UTF-8") from None
    if not lines:
        raise DataError(f"{path}: expected one line per clip; the file is empty")
    matrix = _matrix(path, lines, labels)
    if matrix is not None:
        return Sheet(str(path), tuple(labels), values=matrix)
    places = [f"{path}, line {number}" for number in range(1, len(lines) + 1)]
    names = [_label_names(line, labels) for line in lines]
    answer = multihots(names, labels, places, str(path))
    return Sheet(str(path), tuple(labels), answers={ONLY_ANSWER: answer})


def labels_in_table(path: Path, labels: Sequence[str]) -> Sequence[str]:
    """Return the names that a table of truth has in its one column of labels.

    Args:
        path: a CSV file.
        labels: K names; returned if the table has no such column, or no other names.

    Raises:
        DataError: it cannot be read.
    """
    header = _header(path)
    names_columns = ("truth", *_ANSWER_COLUMNS, *_CLASS_COLUMNS)
    columns = [name for name in names_columns if name in header]
    with_numbers = any(_label_columns(header, labels, prefix) for prefix in ("", "p_"))
    if len(columns) != 1 or with_numbers or _own_labels(header, labels) is not labels:
        return labels
    rows = _rows(path)
    names = {plain_name(n): n for row in rows for n in _label_names(row.cells[columns[0]], labels)}
    if all(label_index(name, labels) is not None for name in names):
        return labels
    logger.warning(
        "%s: its column %r has the labels %s; expected others? Name all with --labels",
        path,
        columns[0],
        ", ".join(sorted(names)),
    )
    return sorted(names, key=lambda name: (len(name) if name.isdigit() else 0, name))


def _matrix(path: Path, lines: Sequence[str], labels: Sequence[str]) -> Floats | None:
    """Return lines of numbers as (N, K); None if the lines have names or numbers of labels."""
    cells = [_CELLS.split(line.strip()) for line in lines if line.strip()]
    try:
        numbers = [[float(cell) for cell in row] for row in cells]
    except ValueError:
        return None
    if not numbers or all(label_index(c, labels) is not None for row in cells for c in row):
        return None
    if _are_classes(cells, len(labels)):
        return None
    for number, row in enumerate(numbers, 1):
        if len(row) != len(labels):
            raise DataError(
                f"{path}, row {number}: expected {len(labels)} numbers, for {', '.join(labels)}; "
                f"got {len(row)}; other labels are named with --labels"
            )
    values = np.array(numbers, dtype=np.float64)
    wrong = first_wrong(values, np.isfinite(values))
    if wrong is not None:
        raise DataError(f"{path}: expected finite numbers; got {wrong}")
    return values


def _are_classes(cells: Sequence[Sequence[str]], n_labels: int) -> bool:
    """Return whether lines are lists of class numbers, not rows of a matrix.

    Each list has a number once, and their lengths differ, unless each has a single one.
    """
    lengths = {len(row) for row in cells}
    differ = lengths == {1} or (len(lengths) > 1 and n_labels not in lengths)
    whole = all(cell.isascii() and cell.isdigit() for row in cells for cell in row)
    return n_labels > 1 and differ and whole and all(len(set(row)) == len(row) for row in cells)


def _header(path: Path) -> list[str]:
    """Return the names of the columns; those with a meaning in small letters."""
    return [_column(name) for name in read_header(path)]


def _rows(path: Path) -> list[Row]:
    """Return the rows, under the names of ``_header``."""
    rows = read_rows(path, required=(), known=read_header(path))
    return [
        replace(row, cells={_column(name): cell for name, cell in row.cells.items()})
        for row in rows
    ]


def _column(name: str) -> str:
    plain = plain_name(name)
    return plain if plain in _KNOWN or plain.startswith("p_") else name


def _label_columns(header: Sequence[str], labels: Sequence[str], prefix: str) -> dict[str, str]:
    """Return the column of each label that has one."""
    columns: dict[str, str] = {}
    for name in header:
        plain = plain_name(name)
        if not plain.startswith(prefix):
            continue
        place = label_index(plain.removeprefix(prefix), labels)
        if place is not None:
            columns.setdefault(labels[place], name)
    return columns


def _own_labels(header: Sequence[str], labels: Sequence[str]) -> Sequence[str]:
    """Return the labels of the columns of probabilities, if ``labels`` are not those of a file."""
    probs = [name.removeprefix("p_") for name in header if name.startswith("p_")]
    most = max(len(_label_columns(header, labels, prefix)) for prefix in ("", "p_"))
    return probs if probs and most < len(labels) else labels


def _numbers(
    path: Path, rows: Sequence[Row], columns: dict[str, str], labels: Sequence[str]
) -> Floats | None:
    if not columns:
        return None
    missing = [label for label in labels if label not in columns]
    if missing:
        raise DataError(f"{path}: expected a column for every label; {missing[0]!r} has none")
    values = [[row.number(columns[label], math.nan) for label in labels] for row in rows]
    return np.array(values, dtype=np.float64)


def _sets(rows: Sequence[Row], column: str, labels: Sequence[str]) -> LabelSets:
    names = [_label_names(row.cells[column], labels) for row in rows]
    where = rows[0].where.rpartition(", line ")[0]
    return multihots(names, labels, [row.where for row in rows], where)


def _names(text: str) -> list[str]:
    return [name for name in _SEPARATORS.split(text.strip()) if name]


def _ids(rows: Sequence[Row], header: Sequence[str]) -> tuple[str, ...] | None:
    if "id" in header:
        return tuple(row.text("id") for row in rows)
    if "video_id" in header and "segment_id" in header:
        return tuple(f"{row.text('video_id')}[{row.text('segment_id')}]" for row in rows)
    return None


def _label_names(cell: str, labels: Sequence[str]) -> list[str]:
    """Return the names in a cell; labels may contain the blanks that separate them.

    ``write_predictions`` puts a semicolon after each of such names.
    """
    long_first = sorted(map(plain_name, labels), key=len, reverse=True)
    with_blanks = [label for label in long_first if len(_names(label)) > 1]
    if with_blanks and ";" in cell:
        return [name for name in map(str.strip, cell.split(";")) if name]
    names: list[str] = []
    parts = _names(plain_name(cell))
    while parts:
        fitting = (_names(label) for label in with_blanks)
        own = next((words for words in fitting if parts[: len(words)] == words), parts[:1])
        names.append(next((label for label in with_blanks if _names(label) == own), own[0]))
        parts = parts[len(own) :]
    return names


def _texts(rows: Sequence[Row], header: Sequence[str], column: str) -> tuple[str, ...] | None:
    return tuple(row.text(column) for row in rows) if column in header else None


def _lengths(rows: Sequence[Row], header: Sequence[str]) -> Floats | None:
    if "length_s" in header:
        return np.array([row.number("length_s", math.nan) for row in rows])
    if "start" in header and "end" in header:
        return np.array(
            [row.number("end", math.nan) - row.number("start", math.nan) for row in rows]
        )
    return None


def _modalities(rows: Sequence[Row], header: Sequence[str]) -> tuple[tuple[str, ...], ...] | None:
    if "modalities" not in header:
        return None
    return tuple(tuple(_names(row.cells["modalities"])) for row in rows)
