"""Data sets in other projects' formats, in one form: clips with features, made one by one.

Published files hold zero-padded arrays without row times, with -inf in audio columns. Here the
padding is removed, non-finite values become 0 (as in every published loader) and are counted, and
rows without any number are marked as not valid.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmemo.arrays import Bools, Floats32
from mmemo.errors import DataError
from mmemo.features import MODALITIES, Clip, ClipFeatures, Features
from mmemo.labels import STRONGEST

EARLY_START = "segments that start before their video, cut at 0 s"
"""The event of a clip whose start is below zero, as of 15 in CMU-MOSEI's validation split."""

ROW_S = 0.4
"""Duration of a word in data without times: about MOSEI's mean, pauses included."""
_SPLIT_KEYS = {"train": ("train",), "valid": ("valid", "dev", "val"), "test": ("test",)}
MOST_ROWS, MOST_COLUMNS = 100_000, 20_000


@dataclass
class Tally:
    """Counts of irregularities in a data set, such as ``audio: values of -inf, set to 0``."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, event: str, count: int = 1) -> None:
        """Add ``count`` to an event."""
        if count:
            self.counts[event] += int(count)


@dataclass(frozen=True)
class Foreign:
    """A data set in another project's format.

    Attributes:
        kind: the kind of file, such as ``MMSA pickle``.
        name: its name in results: data set, file and protocol.
        count: number of clips.
        make: yields the clips with features, counting irregularities into a tally.
        video_ids: whether the clips carry the id of their video.
        row_times: whether the rows carry their times.
        notes: facts to report.
    """

    kind: str
    name: str
    count: int
    make: Callable[[Tally], Iterator[ClipFeatures]]
    video_ids: bool = True
    row_times: bool = False
    notes: tuple[str, ...] = ()


def source_of(kind: str, modality: str, columns: int) -> str:
    """Return the fingerprint of foreign features: by kind of file, modality and columns."""
    digest = hashlib.sha256(f"{kind}|{modality}|{columns}".encode()).hexdigest()[:8]
    return f"foreign:1:{digest}"


def column_names(modality: str, columns: int) -> tuple[str, ...]:
    """Return names for columns that have none."""
    return tuple(f"{modality}_{k}" for k in range(columns))


def clean(values: NDArray[Any], modality: str, tally: Tally) -> tuple[Floats32, Bools]:
    """Set non-finite values to 0, counted; return values (T, D) and non-zero rows (T,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        table = np.asarray(values).astype(np.float32)
    finite = np.isfinite(table)
    if not finite.all():
        tally.add(f"{modality}: values of -inf, set to 0", np.isneginf(table).sum())
        tally.add(f"{modality}: values of inf, set to 0", np.isposinf(table).sum())
        tally.add(f"{modality}: values of NaN, set to 0", np.isnan(table).sum())
        table = np.where(finite, table, np.float32(0))
    return table, (table != 0).any(axis=1)


def padded_clip(
    clip: Clip,
    arrays: Mapping[str, NDArray[Any]],
    kind: str,
    tally: Tally,
    *,
    aligned: bool,
    duration_s: float | None = None,
) -> ClipFeatures:
    """Return the features of zero-padded (T, D) arrays, without padding, rows evenly in time.

    Args:
        clip: the clip that the rows belong to.
        arrays: modality -> (T, D).
        kind: the kind of file, for the fingerprint.
        tally: counts the non-finite values.
        aligned: rows of all modalities belong together, so all are cut alike.
        duration_s: duration of the clip; None takes ``ROW_S`` per text row.
    """
    cleaned = {m: clean(values, m, tally) for m, values in arrays.items()}
    spans = {m: _span(valid) for m, (_, valid) in cleaned.items()}
    if aligned:
        occupied = [span for span in spans.values() if span.stop > span.start]
        whole = slice(
            min((s.start for s in occupied), default=0), max((s.stop for s in occupied), default=0)
        )
        spans = dict.fromkeys(spans, whole)
    longest = max((s.stop - s.start for s in spans.values()), default=0)
    words = spans["text"].stop - spans["text"].start if "text" in spans else longest
    length_s = duration_s if duration_s and duration_s > 0 else max(words, 1) * ROW_S
    features, absent = {}, {}
    for modality in MODALITIES:
        if modality not in cleaned or not cleaned[modality][1].any():
            absent[modality] = "the data set has nothing here"
            continue
        values, valid = cleaned[modality]
        values, valid = values[spans[modality]], valid[spans[modality]]
        edges = np.linspace(0.0, length_s, len(values) + 1)
        columns = values.shape[1]
        features[modality] = Features(
            np.where(valid[:, None], values, np.float32(0)),
            np.column_stack([edges[:-1], edges[1:]]),
            valid,
            column_names(modality, columns),
            source_of(kind, modality, columns),
        )
    return ClipFeatures(clip, features, absent)


def _span(valid: Bools) -> slice:
    rows = np.flatnonzero(valid)
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)


def checked_intensities(values: Any, tally: Tally) -> tuple[float, ...] | None:
    """Return emotion intensities clipped to 0..3, in label order, counting those outside.

    Returns:
        None where an intensity is not finite: the clip is then unlabelled.
    """
    intensities = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(intensities).all():
        tally.add("segments whose labels are not finite, taken as unlabelled")
        return None
    tally.add("intensities below 0, set to 0", (intensities < 0).sum())
    tally.add("intensities above 3, set to 3", (intensities > STRONGEST).sum())
    return tuple(np.clip(intensities, 0.0, STRONGEST).tolist())


def check_table(path: Path, where: str, array: Any, rows: int | None) -> NDArray[Any]:
    """Check that ``array`` is an array (N, T, D) of numbers, or a list of N arrays (T, D).

    Raises:
        DataError: it is neither, has another number of rows, or an impossible shape.
    """
    if isinstance(array, list) and array and all(isinstance(row, np.ndarray) for row in array):
        if len({(row.shape, row.dtype) for row in array}) == 1:
            array = np.stack(array)
    if not isinstance(array, np.ndarray) or array.ndim != 3 or array.dtype.kind not in "fiu":
        raise DataError(f"{path}: expected {where} as numbers (N, T, D); got {described(array)}")
    if rows is not None and len(array) != rows:
        raise DataError(f"{path}: expected {rows} segments in {where}; got {len(array)}")
    if array.shape[1] > MOST_ROWS or not 0 < array.shape[2] <= MOST_COLUMNS:
        raise DataError(f"{path}: {where} has an impossible shape {array.shape}")
    return array


def tables_of(
    path: Path,
    split: str,
    part: Mapping[str, Any],
    keys: Mapping[str, str],
    rows: int | None = None,
) -> dict[str, NDArray[Any]]:
    """Return the arrays (N, T, D) of a split by modality.

    Args:
        path: for messages.
        split: its name, for messages.
        part: the content of the split.
        keys: modality -> key in ``part``.
        rows: N; None takes that of the first array.

    Raises:
        DataError: see ``check_table``.
    """
    tables: dict[str, NDArray[Any]] = {}
    for modality, key in keys.items():
        tables[modality] = check_table(path, f"{split} {modality}", part[key], rows)
        rows = len(tables[modality])
    return tables


def splits_of(path: Path, data: Any, needed: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the splits in a dictionary, each a dictionary with the keys ``needed``.

    Raises:
        DataError: there is no split, or a key is missing.
    """
    if not isinstance(data, dict):
        raise DataError(f"{path}: expected a dictionary of splits; got {type(data).__name__}")
    splits = {}
    for name, keys in _SPLIT_KEYS.items():
        part = next((data[key] for key in keys if key in data), None)
        if part is None:
            continue
        missing = sorted(set(needed) - set(part)) if isinstance(part, dict) else needed
        if missing:
            raise DataError(
                f"{path}: expected {', '.join(needed)} in {name}; {', '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} not there"
            )
        splits[name] = part
    if not splits:
        present = ", ".join(str(key)[:20] for key in list(data)[:5])
        raise DataError(f"{path}: expected the splits train, valid, test; got {present or 'none'}")
    return splits


def described(value: Any) -> str:
    """Return what a value is, for a message: the kind and, if it has one, the size."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    size = f" of {len(value)}" if isinstance(value, list | tuple | dict | str) else ""
    return f"{type(value).__name__}{size}"


def as_text(value: Any) -> str:
    """Read an id or a text that may be bytes, a number or a one-element array."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    # Lists may be nested so deep that they cannot be printed.
    return str(value) if isinstance(value, str | int | float | np.generic) else "?"


def is_listed(values: Any, row: int = 0) -> bool:
    """Return whether ``values`` is a list or an array with an element ``row``."""
    is_sequence = isinstance(values, list) or (isinstance(values, np.ndarray) and values.ndim > 0)
    return is_sequence and row < len(values)
