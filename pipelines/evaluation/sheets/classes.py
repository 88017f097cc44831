"""Labels by name, alias or class number, as rows of 0 and 1."""

import logging
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmemo.arrays import LabelSets
from mmemo.errors import DataError
from mmemo.labels import label_index

logger = logging.getLogger(__name__)

_CLASS_NUMBER = re.compile(r"\d{1,9}(\.0*)?")
"""Tables that once had an empty cell write 3.0 for 3."""


def label_named(name: str, labels: Sequence[str], where: str) -> int:
    """Return the column of a label by its name or an alias.

    Raises:
        DataError: no label has this name.
    """
    place = label_index(name, labels)
    if place is None:
        raise DataError(f"{where}: expected labels among {', '.join(labels)}; got {name!r}")
    return place


def multihots(
    rows: Sequence[Sequence[str]], labels: Sequence[str], places: Sequence[str], where: str
) -> LabelSets:
    """Return rows of names, aliases or class numbers as 0 and 1, (N, K).

    Where all are numbers and none is the name of a label, they count the labels from 0; a warning
    says which number is which label.

    Args:
        rows: N lists of names.
        labels: K names.
        places: N lines or clips, for messages.
        where: the file, for messages.

    Raises:
        DataError: a name is not a label, or a number has none.
    """
    names = {name for row in rows for name in row}
    if names and all(_CLASS_NUMBER.fullmatch(name) for name in names):
        if all(label_index(name, labels) is None for name in names):
            numbers = [[int(float(name)) for name in row] for row in rows]
            return multihots_numbered(numbers, labels, where)
    columns = {name: label_index(name, labels) for name in names}
    result = np.zeros((len(rows), len(labels)), dtype=np.int8)
    for number, (row, place) in enumerate(zip(rows, places, strict=True)):
        for name in row:
            column = columns[name]
            result[number, label_named(name, labels, place) if column is None else column] = 1
    return result


def multihots_numbered(
    rows: Sequence[Sequence[int]], labels: Sequence[str], where: str
) -> LabelSets:
    """Return rows of class numbers from 0 on as 0 and 1, (N, K), with a warning.

    Raises:
        DataError: a number has no label.
    """
    result = np.zeros((len(rows), len(labels)), dtype=np.int8)
    for number, row in enumerate(rows, 1):
        for label in row:
            if not 0 <= label < len(labels):
                raise DataError(
                    f"{where}, clip {number}: expected class numbers from 0 to {len(labels) - 1}, "
                    f"for {', '.join(labels)}; got {label}; other labels are named with --labels"
                )
            result[number - 1, label] = 1
    meaning = ", ".join(f"{number} {label}" for number, label in enumerate(labels))
    logger.warning("%s: class numbers are read as %s; --labels changes it", where, meaning)
    return result


def is_class_array(array: NDArray[np.generic]) -> bool:
    """Return whether an array has one whole number per clip."""
    return array.ndim == 1 and array.dtype.kind in "iu"
