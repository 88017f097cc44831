"""MulT's pickles ``mosei_senti_data.pkl`` and ``mosei_senti_data_noalign.pkl``.

(github.com/yaohungt/Multimodal-Transformer.) ``{"train", "valid", "test"}``, each with ``text``
(N, 50, 300), ``audio`` (N, T, 74), ``vision`` (N, T, 35), ``labels`` (N, 1, 1) sentiment, and
``id`` (N, 3): video, start, end. Emotions come from a label file, found by video and times, unless
``labels`` are the SDK's: (N, 7) or (N, 1, 7), sentiment first, or the six emotions alone.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmemo.datasets.foreign.dataset import (
    EARLY_START,
    Foreign,
    Tally,
    as_text,
    checked_intensities,
    described,
    is_listed,
    padded_clip,
    splits_of,
    tables_of,
)
from mmemo.datasets.foreign.label_table import LabelTable
from mmemo.datasets.foreign.naming import data_set_name, has_moseis_videos, is_named_mosei
from mmemo.errors import DataError
from mmemo.features import Clip, ClipFeatures
from mmemo.labels import EMOTIONS

KIND = "MulT pickle"
K = len(EMOTIONS)
NEEDED = ("text", "audio", "vision", "labels")
_KEYS = {"text": "text", "audio": "audio", "visual": "vision"}


def is_mult(data: Any) -> bool:
    """Return whether the keys of unpickled data are MulT's (or MMESGN's, which is alike)."""
    first = next(iter(data.values()), None) if isinstance(data, dict) else None
    return isinstance(first, dict) and set(NEEDED) <= set(first)


def read_mult(path: Path, data: Any, labels: LabelTable | None) -> Foreign:
    """Return the data set of an unpickled file.

    Six label columns are emotions in the SDK's order; of seven, the first is the sentiment.

    Raises:
        DataError: an array is missing or of the wrong shape, or the labels are of another set.
    """
    splits = splits_of(path, data, NEEDED)
    tables, targets = {}, {}
    for split, part in splits.items():
        tables[split] = tables_of(path, split, part, _KEYS)
        targets[split] = _targets(path, split, part["labels"], len(tables[split]["text"]))
        if labels is None:
            _check_columns(path, split, targets[split])
    aligned = all(len({t.shape[1] for t in arrays.values()}) == 1 for arrays in tables.values())
    count = sum(len(arrays["text"]) for arrays in tables.values())
    with_ids = all(_has_ids(part, len(tables[split]["text"])) for split, part in splits.items())

    def make(tally: Tally) -> Iterator[ClipFeatures]:
        for split, part in splits.items():
            for row in range(len(tables[split]["text"])):
                clip = _clip(part if with_ids else {}, row, split, labels, tally)
                if targets[split].shape[1] in (K, 1 + K) and clip.intensities is None:
                    intensities = checked_intensities(targets[split][row, -K:], tally)
                    clip = replace(clip, intensities=intensities)
                arrays = {m: t[row] for m, t in tables[split].items()}
                yield padded_clip(
                    clip, arrays, KIND, tally, aligned=aligned, duration_s=clip.stated_s
                )

    emotions = all(t.shape[1] in (K, 1 + K) for t in targets.values())
    notes = (
        () if emotions or labels else ("sentiment only: give the emotions with --labels FILE.csv",)
    )
    parts = [part["id"] for part in splits.values()] if with_ids else []
    videos = {as_text(cell) for ids in parts for entry in ids for cell in _cells(entry)[:1]}
    is_mosei = has_moseis_videos(videos) if with_ids else is_named_mosei(path)
    name = data_set_name(path, "MulT's splits", is_mosei=is_mosei)
    return Foreign(KIND, name, count, make, video_ids=with_ids, notes=notes)


def _targets(path: Path, split: str, labels: Any, rows: int) -> Any:
    numbers = isinstance(labels, np.ndarray) and labels.dtype.kind in "fiu" and labels.ndim > 0
    if not numbers or len(labels) != rows:
        raise DataError(
            f"{path}: expected {split} labels as {rows} rows of numbers; got {described(labels)}"
        )
    return labels.reshape(rows, math.prod(labels.shape[1:]))


def _check_columns(path: Path, split: str, labels: NDArray[Any]) -> None:
    """Refuse the classes of another data set, such as IEMOCAP's four."""
    if labels.shape[1] not in (1, K, 1 + K):
        raise DataError(
            f"{path}: expected {split} labels of 1 column (sentiment), {K} "
            f"({', '.join(EMOTIONS)}) or {1 + K} (sentiment first); got {labels.shape[1]}, whose "
            "meaning is not known; bring the emotions with --labels FILE.csv"
        )


def _has_ids(part: dict[str, Any], rows: int) -> bool:
    ids = part.get("id")
    return is_listed(ids, -1) and len(part["id"]) == rows


def _clip(
    part: dict[str, Any], row: int, split: str, labels: LabelTable | None, tally: Tally
) -> Clip:
    if not part:
        return Clip(f"{split}-{row:05d}", f"{split}-{row:05d}", split=split)
    cells = _cells(part["id"][row])
    video = as_text(cells[0]) if len(cells) else f"{split}-{row:05d}"
    start, end = _times(cells, tally)
    label = None if labels is None else labels.find(video, None, start, end)
    if labels is not None and label is None:
        tally.add("segments that the label file does not have")
    # The file has no segment numbers; the row tells segments of a video apart.
    name = f"{video}[{split}-{row:05d}]"
    return Clip(
        name,
        video,
        start=max(start or 0.0, 0.0),
        end=end,
        split=split,
        intensities=label and label.intensities,
    )


def _cells(entry: Any) -> list[Any]:
    """Return video, start and end of an id, as far as it has them."""
    entry = entry.ravel() if isinstance(entry, np.ndarray) else entry
    return list(entry) if isinstance(entry, list | tuple | np.ndarray) else [entry]


def _times(cells: Any, tally: Tally) -> tuple[float | None, float | None]:
    try:
        start, end = float(as_text(cells[1])), float(as_text(cells[2]))
    except (IndexError, ValueError):
        return None, None
    if not (math.isfinite(start) and math.isfinite(end)) or end <= max(start, 0.0):
        tally.add("segments whose times are impossible")
        return None, None
    tally.add(EARLY_START, start < 0)
    return start, end
