"""MMSA's pickles ``aligned_50.pkl`` and ``unaligned_50.pkl`` (github.com/thuiar/MMSA).

``{"train", "valid", "test"}``, each with ``text`` (N, 50, 768) BERT, ``audio`` (N, T, 74),
``vision`` (N, T, 35), ``id`` (N) as ``video$_$segment``, ``raw_text`` (N), sentiment in
``regression_labels``, and in the unaligned file ``audio_lengths`` and ``vision_lengths``. Emotions
are not included: they come from a label file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmemo.datasets.foreign.dataset import (
    Foreign,
    Tally,
    as_text,
    is_listed,
    padded_clip,
    splits_of,
    tables_of,
)
from mmemo.datasets.foreign.label_table import LabelTable
from mmemo.datasets.foreign.naming import data_set_name, has_moseis_videos
from mmemo.errors import DataError
from mmemo.features import Clip, ClipFeatures

KIND = "MMSA pickle"
NEEDED = ("text", "audio", "vision", "id")
_KEYS = {"text": "text", "audio": "audio", "visual": "vision"}


def is_mmsa(data: Any) -> bool:
    """Return whether the keys of unpickled data are MMSA's."""
    first = next(iter(data.values()), None) if isinstance(data, dict) else None
    return isinstance(first, dict) and {"regression_labels", "vision", "id"} <= set(first)


def read_mmsa(path: Path, data: Any, labels: LabelTable | None) -> Foreign:
    """Return the data set of an unpickled file.

    Raises:
        DataError: an array is missing or of the wrong shape.
    """
    splits = splits_of(path, data, NEEDED)
    tables = {}
    for split, part in splits.items():
        if not is_listed(part["id"], -1):
            raise DataError(
                f"{path}: expected {split} id as a list; got {type(part['id']).__name__}"
            )
        tables[split] = tables_of(path, split, part, _KEYS, len(part["id"]))
    count = sum(len(part["id"]) for part in splits.values())
    aligned = all(len({t.shape[1] for t in arrays.values()}) == 1 for arrays in tables.values())

    def make(tally: Tally) -> Iterator[ClipFeatures]:
        for split, part in splits.items():
            for row in range(len(part["id"])):
                clip = _clip(part, row, split, labels, tally)
                arrays = {m: _cut(part, m, row, t[row]) for m, t in tables[split].items()}
                yield padded_clip(clip, arrays, KIND, tally, aligned=aligned)

    notes = ["no times: rows are spread evenly"]
    if labels is None:
        notes.append("sentiment only: give the emotions with --labels FILE.csv")
    videos = {_video_of(name)[0] for part in splits.values() for name in part["id"]}
    name = data_set_name(path, "MMSA's splits", is_mosei=has_moseis_videos(videos))
    return Foreign(KIND, name, count, make, notes=tuple(notes))


def _video_of(name: Any) -> tuple[str, str, str]:
    """Return the video of an id, the mark, and the segment; both empty where there is no mark."""
    return as_text(name).partition("$_$")


def _clip(
    part: dict[str, Any], row: int, split: str, labels: LabelTable | None, tally: Tally
) -> Clip:
    video, mark, segment = _video_of(part["id"][row])
    if not mark:
        tally.add("ids other than video$_$segment")
        segment = str(row)
    transcript = as_text(part["raw_text"][row]) if is_listed(part.get("raw_text"), row) else ""
    label = None if labels is None else labels.find(video, segment, text=transcript)
    if labels is not None and label is None:
        tally.add("segments that the label file does not have")
    return Clip(f"{video}[{segment}]", video, split=split, intensities=label and label.intensities)


def _cut(part: dict[str, Any], modality: str, row: int, values: Any) -> Any:
    """Return the rows up to the length stated in the file, or all without one."""
    key = "vision_lengths" if modality == "visual" else f"{modality}_lengths"
    lengths: Any = part.get(key)
    if not is_listed(lengths, row):
        return values
    try:
        return values[: max(0, int(lengths[row]))]
    except (TypeError, ValueError, OverflowError):
        return values
