"""Rows of a table (gzipped or not) with typed access and errors that name file and line.

Cells are separated by commas, or by semicolons or tabs where the header has more of those.
"""

import csv
import io
import logging
import math
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

from mmemo.csv_cells import as_written
from mmemo.datasets.splits import SPLITS, split_named
from mmemo.errors import DataError
from mmemo.input_files import LARGEST_TABLE_BYTES, open_gzipped, open_regular
from mmemo.labels import label_index

logger = logging.getLogger(__name__)

Default = TypeVar("Default", float, None)

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
"""Ends of the names of tables, in small letters."""
LONGEST_HEADER = 1 << 20
"""Characters of the line that shows what separates the cells."""
MAX_CELLS = 10_000_000
"""They take about a gigabyte of memory; CMU-MOSEI's segments are 400,000."""

_TRUTH_VALUES = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class Row:
    """One line of a table; ``where`` is its file and line for errors."""

    cells: dict[str, str]
    where: str

    def text(self, column: str, default: str | None = None) -> str:
        """Return a cell; the default if it is empty, an error if there is no default."""
        value = self.cells.get(column, "").strip()
        if value:
            return value
        if default is None:
            raise DataError(f"{self.where}: expected a value for {column!r}; it is empty")
        return default

    def number(self, column: str, default: Default) -> float | Default:
        """Return a finite number; the default if the cell is empty or missing.

        True and False, in any letters, are 1 and 0.
        """
        value = self.cells.get(column, "").strip()
        if not value:
            return default
        if value.casefold() in _TRUTH_VALUES:
            return _TRUTH_VALUES[value.casefold()]
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise DataError(f"{self.where}: expected a number for {column!r}; got {value!r}")
        return number

    def split(self, column: str = "split") -> str | None:
        """Return the name of a split; None if the cell is empty or missing."""
        value = self.cells.get(column, "").strip()
        split = split_named(value)
        if value and split is None:
            raise DataError(
                f"{self.where}: expected {column!r} among {', '.join(SPLITS)}; got {value!r}"
            )
        return split

    def labels(self, labels: Sequence[str]) -> list[float | None]:
        """Return the number of each label, None where its cell is empty or missing.

        Columns are compared with the labels as ``label_index`` does.
        """
        column_of = {label_index(column, labels): column for column in reversed(self.cells)}
        return [
            self.number(column_of[place], None) if place in column_of else None
            for place in range(len(labels))
        ]


def is_table(path: Path) -> bool:
    """Return whether a path has the name of a table, in any letters."""
    return path.name.lower().endswith(TABLES)


def open_table(path: Path) -> TextIO:
    """Open a table as text in UTF-8, gzipped if its name ends in ``.gz`` in any letters.

    Raises:
        OSError: it is no regular file, or, also while it is read, too large.
    """
    opener = open_gzipped if path.suffix.lower() == ".gz" else open_regular
    return io.TextIOWrapper(opener(path, LARGEST_TABLE_BYTES), "utf-8-sig", newline="")


def delimiter_of(file: TextIO) -> str:
    """Return what separates the cells of an open table's header; the file is then at its start."""
    header = file.readline(LONGEST_HEADER)
    file.seek(0)
    return max(",;\t", key=header.count)


def read_header(path: Path) -> list[str]:
    """Return the names of a table's columns; none for an empty file.

    Raises:
        DataError: missing file, wrong encoding, no table.
    """
    with _one_line_errors(path), open_table(path) as file:
        delimiter = delimiter_of(file)
        return next(csv.reader([file.readline(LONGEST_HEADER)], delimiter=delimiter), [])


@contextmanager
def _one_line_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{path}: expected a readable CSV file ({reason})") from None
    except (UnicodeDecodeError, csv.Error, EOFError, zlib.error) as error:
        raise DataError(f"{path}: expected a CSV file in UTF-8 ({error})") from None


def read_rows(
    path: Path, *, required: Collection[str], known: Collection[str], labels: Sequence[str] = ()
) -> list[Row]:
    """Return the rows of a CSV file with a header line, gzipped if its name ends in ``.gz``.

    Args:
        path: the file, UTF-8.
        required: columns that must be present.
        known: columns that may be present; others are ignored with a warning.
        labels: further columns that may be present, under any name of ``label_index``.

    Raises:
        DataError: missing file, missing column, broken line, wrong encoding.
    """
    with _one_line_errors(path):
        return list(_rows(path, required, set(known) | set(required), labels))


def _rows(
    path: Path, required: Collection[str], known: Collection[str], labels: Sequence[str]
) -> Iterator[Row]:
    with open_table(path) as file:
        delimiter = delimiter_of(file)
        reader = csv.DictReader(file, strict=True, delimiter=delimiter)
        header = list(reader.fieldnames or [])
        missing = [name for name in required if name not in header]
        if missing:
            raise DataError(
                f"{path}: expected a column {missing[0]!r}; the header has {', '.join(header)}"
            )
        label_columns = [label_index(name, labels) for name in header]
        for place in set(label_columns) - {None}:
            if label_columns.count(place) > 1:
                same = [n for n, p in zip(header, label_columns, strict=True) if p == place]
                raise DataError(
                    f"{path}: expected one column for {labels[place or 0]!r}; got "
                    f"{' and '.join(map(repr, same))}: remove or rename one"
                )
        for name, place in zip(header, label_columns, strict=True):
            if name not in known and place is None:
                logger.warning("%s: ignoring the unknown column %r", path, name)
        for number, cells in enumerate(reader, 1):
            if number * len(header) > MAX_CELLS:
                raise DataError(f"{path}: expected at most {MAX_CELLS:,} cells; it has more")
            where = f"{path}, line {reader.line_num}"
            extra = len(cells.pop(None, ()))
            missing_cells = sum(cell is None for cell in cells.values())
            if extra or missing_cells:
                raise DataError(
                    f"{where}: expected {len(header)} cells, as in the header; got "
                    f"{len(header) + extra - missing_cells}: a text with {delimiter!r} "
                    'needs quotes (")'
                )
            yield Row({name: as_written(cell) for name, cell in cells.items()}, where)
