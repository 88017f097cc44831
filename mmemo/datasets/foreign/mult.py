"""MulT's pickles ``mosei_senti_data.pkl`` and ``mosei_senti_data_noalign.pkl``.

(github.com/yaohungt/Multimodal-Transformer.) ``{"train", "valid", "test"}``, each with ``text``
(N, 50, 300), ``audio`` (N, T, 74), ``vision`` (N, T, 35), ``labels`` (N, 1, 1) sentiment, and
``id`` (N, 3): video, start, end. Emotions come from a label file, found by video and times.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmemo.datasets.annotation import annotated
from mmemo.datasets.foreign.dataset import (
    Foreign,
    Tally,
    as_text,
    check_table,
    is_listed,
    padded_clip,
    splits_of,
)
from mmemo.datasets.foreign.label_table import LabelTable
from mmemo.datasets.mosei import NAME
from mmemo.errors import DataError
from mmemo.features import Clip, ClipFeatures

KIND = "MulT pickle"
NEEDED = ("text", "audio", "vision", "labels")
_KEYS = (("text", "text"), ("audio", "audio"), ("visual", "vision"))


def is_mult(data: Any) -> bool:
    """Tell by its keys whether unpickled data is MulT's (or MMESGN's, which is like it)."""
    first = next(iter(data.values()), None) if isinstance(data, dict) else None
    return isinstance(first, dict) and set(NEEDED) <= set(first)


def read_mult(path: Path, data: Any, labels: LabelTable | None) -> Foreign:
    """Take up unpickled data. Six label columns (as MMESGN has them) are emotions in SDK order.

    Raises:
        DataError: an array is missing or of the wrong shape.
    """
    splits = splits_of(path, data, NEEDED)
    tables, targets = {}, {}
    for split, part in splits.items():
        rows = len(check_table(path, f"{split} text", part["text"], None))
        tables[split] = {m: check_table(path, f"{split} {m}", part[k], rows) for m, k in _KEYS}
        targets[split] = _targets(path, split, part["labels"], rows)
    aligned = all(len({t.shape[1] for t in found.values()}) == 1 for found in tables.values())
    count = sum(len(found["text"]) for found in tables.values())
    with_ids = all(_has_ids(part, len(tables[split]["text"])) for split, part in splits.items())

    def make(tally: Tally) -> Iterator[ClipFeatures]:
        for split, part in splits.items():
            for row in range(len(tables[split]["text"])):
                clip = _clip(part if with_ids else {}, row, split, labels, tally)
                if targets[split].shape[1] == 6 and clip.intensities is None:
                    clip = _with(clip, targets[split][row], tally)
                arrays = {m: t[row] for m, t in tables[split].items()}
                yield padded_clip(
                    clip, arrays, KIND, tally, aligned=aligned, duration_s=clip.stated_s
                )

    emotions = all(t.shape[1] == 6 for t in targets.values())
    notes = (
        () if emotions or labels else ("sentiment only: give the emotions with --labels FILE.csv",)
    )
    name = f"{NAME} ({path.name}, MulT's splits)"
    return Foreign(KIND, name, count, make, video_ids=with_ids, notes=notes)


def _targets(path: Path, split: str, labels: Any, rows: int) -> Any:
    numbers = isinstance(labels, np.ndarray) and labels.dtype.kind in "fiu" and labels.ndim > 0
    if not numbers or len(labels) != rows:
        raise DataError(f"{path}: expected {split} labels as {rows} rows of numbers")
    return labels.reshape(rows, math.prod(labels.shape[1:]))


def _has_ids(part: dict[str, Any], rows: int) -> bool:
    ids = part.get("id")
    return is_listed(ids, -1) and len(part["id"]) == rows


def _clip(
    part: dict[str, Any], row: int, split: str, labels: LabelTable | None, tally: Tally
) -> Clip:
    if not part:
        return Clip(f"{split}-{row:05d}", f"{split}-{row:05d}", split=split)
    held = part["id"][row]
    given = held.ravel() if isinstance(held, np.ndarray) else held
    given = list(given) if isinstance(given, list | tuple | np.ndarray) else [given]
    video = as_text(given[0]) if len(given) else f"{split}-{row:05d}"
    start, end = _times(given, tally)
    found = None if labels is None else labels.find(video, None, start, end)
    if labels is not None and found is None:
        tally.add("segments that the label file does not have")
    # The file has no segment number; rows of one video are told apart by their place.
    name = f"{video}[{split}-{row:05d}]"
    return Clip(
        name,
        video,
        start=max(start or 0.0, 0.0),
        end=end,
        split=split,
        intensities=found and found.intensities,
    )


def _times(given: Any, tally: Tally) -> tuple[float | None, float | None]:
    try:
        start, end = float(as_text(given[1])), float(as_text(given[2]))
    except (IndexError, ValueError):
        return None, None
    if not (math.isfinite(start) and math.isfinite(end)) or end <= max(start, 0.0):
        tally.add("segments whose times make no sense")
        return None, None
    tally.add("segments that start before their video, begun at 0 s", start < 0)
    return start, end


def _with(clip: Clip, values: Any, tally: Tally) -> Clip:
    return replace(clip, intensities=annotated(values, tally))
