"""A folder of ``.csd`` files: the CMU SDK's download, a mirror, or the output of ``--to csd``.

The role of a file is read from its root name and its columns, so names and folders may differ. One
segment is one row of the labels. Rows of words, vectors, sound and face belong to the segment that
holds their middle. Splits are the standard folds.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmemo.arrays import Floats
from mmemo.csd.reader import CsdFile
from mmemo.csd.sequence import Entry, grouped, joined
from mmemo.csd.tensors import joined_in_order
from mmemo.datasets.clips import files_in
from mmemo.datasets.foreign.dataset import (
    EARLY_START,
    Foreign,
    Tally,
    checked_intensities,
    clean,
    column_names,
    source_of,
)
from mmemo.datasets.foreign.naming import data_set_name, has_moseis_videos
from mmemo.datasets.mosei import SDK_LABELS, explain_count, folds
from mmemo.errors import DataError
from mmemo.features import MODALITIES, Clip, ClipFeatures, Features, Word

logger = logging.getLogger(__name__)

KIND = "csd folder"
BEYOND_S = 0.5
"""Segments may end a pause after a file's last row; further out the times do not belong to it."""
DEEPEST = 4
"""Levels of folders searched; a mirror's cache has snapshots/<commit>/<language>/."""

_ROLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("labels", "fi", ("all labels", "emotion labels", "labels")),
    ("words", "S", ("words", "word")),
    ("text", "f", ("glove", "wordvectors", "vectors")),
    ("audio", "f", ("covarep",)),
    ("visual", "f", ("facet",)),
    ("audio", "f", ("opensmile", "audio")),
    ("visual", "f", ("openface", "visual")),
)
"""Role, dtype kinds, parts of names; the first file that fits takes the role."""


SEGMENT_IDS = "segment ids"
"""Metadata of labels that mmemo wrote: entry id -> the id of the segment in each row."""


class _Part(NamedTuple):
    """A file, its entries by video, and the names of its columns if it has them."""

    file: CsdFile
    entries: Mapping[str, list[str]]
    names: tuple[str, ...]


def csd_files(folder: Path) -> list[Path]:
    """Return the ``.csd`` files in a folder and below it, sorted by path; see ``files_in``."""
    depth = len(folder.parts)
    paths = (
        path
        for path in folder.rglob("*.csd")
        if path.is_file() and len(path.parts) - depth <= DEEPEST
    )
    return files_in(paths, folder)


def read_csd_folder(folder: Path, paths: Sequence[Path]) -> Foreign:
    """Open the ``.csd`` files of a folder as one data set.

    Args:
        folder: named in messages.
        paths: its files, at least one; from ``csd_files``.

    Raises:
        DataError: no file can be read, or none holds labels.
    """
    files: dict[str, CsdFile] = {}
    opened = [CsdFile(path) for path in paths]
    traits = [(file, *_traits(file)) for file in opened]
    for role, kinds, parts in _ROLES:
        fits = [f for f, name, kind in traits if kind in kinds and any(p in name for p in parts)]
        if fits and role not in files:
            files[role] = fits[0]
    ignored = [file.path.name for file in opened if file not in files.values()]
    if "labels" not in files:
        names = ", ".join(file.name for file in opened)
        raise DataError(f"{folder}: expected a .csd file of labels (All Labels); got {names}")
    labels = files.pop("labels")
    columns = _emotion_columns(labels)
    videos = grouped(labels)
    count = sum(len(labels[entry_id].intervals) for entry_id in labels)
    own_ids = _segment_ids(labels)
    outside = len([video for video in videos if video not in folds()])

    def make(tally: Tally) -> Iterator[ClipFeatures]:
        parts = {
            r: _Part(f, grouped(f), _dimension_names(f) if r in MODALITIES else ())
            for r, f in files.items()
        }
        for video, ids in videos.items():
            rows = joined_in_order(labels, ids)
            if rows.features.ndim != 2 or rows.features.dtype.kind not in "fiu":
                raise DataError(
                    f"{labels.path}: {video}: expected numbers (n, {len(columns)}); got "
                    f"{rows.features.dtype} {rows.features.shape}"
                )
            if rows.features.shape[1] <= columns[-1]:
                raise DataError(
                    f"{labels.path}: {video}: expected {columns[-1] + 1} columns, as in its first "
                    f"entry; got {rows.features.shape[1]}"
                )
            entries = {role: _video(part, video, tally) for role, part in parts.items()}
            names = [name for entry_id in ids for name in own_ids.get(entry_id, ())]
            if len(names) != len(rows.intervals):
                names = ids if len(ids) == len(rows.intervals) and "[" in ids[0] else []
            for k, (times, values) in enumerate(zip(*rows, strict=True)):
                clip = _clip(names[k] if names else f"{video}[{k}]", video, times, tally)
                if clip is not None:
                    intensities = checked_intensities(values[columns], tally)
                    yield _segment(clip, intensities, entries, parts, tally)

    notes = [f"{role}: {file.path.name} ({file.name})" for role, file in sorted(files.items())]
    notes += [f"ignored: {', '.join(ignored)}"] if ignored else []
    notes += [f"{outside} of {len(videos)} videos are in no standard fold"] if outside else []
    known = explain_count(count)
    notes += [f"{count} label rows: {known}"] if known else []
    is_mosei = has_moseis_videos(videos)
    about = "SDK's standard folds, every label row" if is_mosei else "every label row"
    name = data_set_name(folder, about, is_mosei=is_mosei)
    return Foreign(KIND, name, count, make, row_times=True, notes=tuple(notes))


def _traits(file: CsdFile) -> tuple[str, str]:
    """Return the name in lower case and the dtype kind of the first entry."""
    first = next(iter(file), None)
    if first is None:
        return file.name.lower(), ""
    kind = file[first].features.dtype.kind
    return f"{file.name} {file.path.stem}".lower(), "f" if kind in "iuf" else kind


def _segment_ids(labels: CsdFile) -> dict[str, list[str]]:
    """Return the ids that the file states; none for a file of another program."""
    try:
        stated = labels.metadata.get(SEGMENT_IDS)
    except DataError:
        return {}
    if not isinstance(stated, dict):
        return {}
    return {
        entry_id: ids
        for entry_id, ids in stated.items()
        if isinstance(ids, list) and all(isinstance(name, str) and name for name in ids)
    }


def _emotion_columns(labels: CsdFile) -> list[int]:
    """Return the columns of the six emotions: after sentiment, or from the first on."""
    first = next(iter(labels), None)
    if first is None:
        raise DataError(f"{labels.path}: expected labels; the file is empty")
    width = labels[first].features.shape[1]
    if width not in (6, 7):
        raise DataError(
            f"{labels.path}: expected 7 label columns ({', '.join(SDK_LABELS)}) or the 6 emotions; "
            f"got {width}"
        )
    return list(range(width - 6, width))


def _video(part: _Part, video: str, tally: Tally) -> Entry | None:
    ids = part.entries.get(video)
    if ids is None:
        return None
    entry = joined(part.file[entry_id] for entry_id in ids)
    plausible = np.isfinite(entry.intervals).all(axis=1)
    plausible &= entry.intervals[:, 1] >= entry.intervals[:, 0]
    tally.add("rows whose times are impossible, left out", (~plausible).sum())
    return Entry(entry.intervals[plausible], entry.features[plausible])


def _clip(name: str, video: str, times: Floats, tally: Tally) -> Clip | None:
    start, end = times.tolist()
    if not np.isfinite(times).all() or end <= max(start, 0.0):
        tally.add("segments whose times are impossible, left out")
        return None
    tally.add(EARLY_START, start < 0)
    return Clip(name, video, start=max(start, 0.0), end=end, split=folds().get(video))


def _segment(
    clip: Clip,
    intensities: tuple[float, ...] | None,
    entries: Mapping[str, Entry | None],
    parts: Mapping[str, _Part],
    tally: Tally,
) -> ClipFeatures:
    cuts = {role: None if e is None else _within(e, clip) for role, e in entries.items()}
    features, absent = {}, {}
    for modality in MODALITIES:
        whole = entries.get(modality)
        if whole is not None and clip.end is not None:
            last = whole.intervals[:, 1].max(initial=0.0)
            tally.add(
                f"{modality}: segments that end after its last row", clip.end > last + BEYOND_S
            )
        cut = cuts.get(modality)
        extracted = None if cut is None else _features(cut, modality, parts[modality], tally)
        if extracted is not None and extracted.valid.any():
            features[modality] = extracted
        elif modality not in parts:
            absent[modality] = "the data set has no file for it"
        else:
            absent[modality] = "no row in this segment"
    words_entry = cuts.get("words")
    words = None if words_entry is None else words_of(words_entry)
    return ClipFeatures(replace(clip, words=words, intensities=intensities), features, absent)


def _within(entry: Entry, clip: Clip) -> Entry:
    middle = entry.intervals.mean(axis=1)
    assert clip.end is not None
    inside = (middle >= clip.start) & (middle < clip.end)
    return Entry(entry.intervals[inside] - clip.start, entry.features[inside])


def _features(entry: Entry, modality: str, part: _Part, tally: Tally) -> Features:
    if entry.features.ndim != 2 or entry.features.dtype.kind not in "fiu":
        raise DataError(f"{part.file.path}: expected numbers (n, d); got {entry.features.dtype}")
    values, valid = clean(entry.features, modality, tally)
    tally.add(f"{modality}: rows of zeros, nothing measured", (~valid).sum())
    columns = values.shape[1]
    named = len(part.names) == columns == len(set(part.names))
    names = part.names if named else column_names(modality, columns)
    source = source_of(f"csd {part.file.name}", modality, columns)
    return Features(values, entry.intervals, valid, names, source)


def _dimension_names(file: CsdFile) -> tuple[str, ...]:
    """Return the names of the columns from the metadata; empty where it has none."""
    try:
        names: Any = file.metadata.get("dimension names")
    except DataError as error:  # the names are optional
        logger.warning("%s", error)
        return ()
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return tuple(names)
    return ()


def words_of(entry: Entry) -> tuple[Word, ...]:
    """Return the words of an entry, with the times of their rows.

    Raises:
        DataError: the rows are not words.
    """
    if entry.features.dtype.kind != "S" or entry.features.ndim != 2 or not entry.features.shape[1]:
        raise DataError(f"expected words (n, 1); got {entry.features.dtype}")
    texts = [bytes(row[0]).decode("utf-8", "replace") for row in entry.features]
    return tuple(
        Word(text, start, end)
        for text, (start, end) in zip(texts, entry.intervals.tolist(), strict=True)
    )
