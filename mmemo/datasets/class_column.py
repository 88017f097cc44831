"""Tables whose labels stand in one column, by name: ``emotion`` with "joy" or "joy; surprise"."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmemo.datasets.csv_rows import Row, read_header, read_rows
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS, label_index, plain_name

CLASS_COLUMNS = ("label", "labels", "emotion", "emotions")
_SEPARATORS = re.compile(r"[;,|+]")


def class_column(path: Path, labels: Sequence[str] = EMOTIONS) -> str | None:
    """Return the column of a table that names labels; None if a label has a column of its own.

    Raises:
        DataError: the table cannot be read.
    """
    header = read_header(path)
    if any(label_index(name, labels) is not None for name in header):
        return None
    return next((name for name in header if plain_name(name) in CLASS_COLUMNS), None)


def table_labels(paths: Iterable[Path], labels: Sequence[str] = EMOTIONS) -> tuple[str, ...]:
    """Return the labels of tables that are parts of one data set.

    Args:
        paths: the tables.
        labels: those of the model or the configuration, or the six emotions.

    Returns:
        ``labels``, if the tables have a column for each, or name no others; else, of tables with
        columns of numbers, the six emotions; and of those with names, all names in order.

    Raises:
        DataError: a table cannot be read.
    """
    names: dict[str, str] = {}
    with_columns = True
    for path in paths:
        column = class_column(path, labels)
        if column is None:
            places = {label_index(name, labels) for name in read_header(path)}
            with_columns = with_columns and places >= set(range(len(labels)))
        else:
            rows = read_rows(path, required=(), known=read_header(path))
            names |= {plain_name(name): name for row in rows for name in _names(row, column)}
    if names:
        is_known = all(label_index(name, labels) is not None for name in names)
        return tuple(labels) if is_known else tuple(names[name] for name in sorted(names))
    return tuple(labels) if with_columns else EMOTIONS


def named_intensities(row: Row, column: str, labels: Sequence[str]) -> tuple[float, ...] | None:
    """Return 1 for each label that a cell names, 0 for the others; None for an empty cell.

    Raises:
        DataError: it names another label.
    """
    names = _names(row, column)
    places = [label_index(name, labels) for name in names]
    for name, place in zip(names, places, strict=True):
        if place is None:
            raise DataError(f"{row.where}: expected labels among {', '.join(labels)}; got {name!r}")
    if not names:
        return None
    return tuple(float(place in places) for place in range(len(labels)))


def _names(row: Row, column: str) -> list[str]:
    return [name.strip() for name in _SEPARATORS.split(row.cells[column]) if name.strip()]
