"""Writes a feature store as ``.csd`` files that the CMU SDK opens, in MOSEI's own columns.

Unmeasured columns (always ``Has_Glasses`` and ``Is_Male``) and invalid rows are zeros, as in
MOSEI's files.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractors.covarep.extractor import NAMES as AUDIO_NAMES
from extractors.facet.extractor import FACET_NAMES
from mmemo.csd.sequence import Entry
from mmemo.csd.writer import write_csd
from mmemo.datasets.foreign.csd_folder import SEGMENT_IDS
from mmemo.datasets.mosei import SDK_LABELS
from mmemo.errors import DataError
from mmemo.features import Clip, ClipFeatures, Features
from mmemo.labels import EMOTIONS
from mmemo.store import FeatureStore
from pipelines.outputs import make_folder

_MEASURED = tuple(name for name in AUDIO_NAMES if name != "creak")
COVAREP_NAMES = (*_MEASURED[:10], "creak", *_MEASURED[10:])
"""All 74 columns of CMU-MOSEI's audio file, in its order."""
FILES: Mapping[str, tuple[str, str]] = {
    "text": ("glove_vectors", "TimestampedWordVectors"),
    "audio": ("COVAREP", "COVAREP"),
    "visual": ("FACET 4.2", "VisualFacet42"),
}
"""Modality -> root name, file name."""
WHOLE_COLUMNS = {"audio": COVAREP_NAMES, "visual": FACET_NAMES}


def export_csd(folder: Path, out: Path) -> list[Path]:
    """Write a store's words, features and labels; return the files.

    Times count from the start of the recording. Clips of one video that were cut from one file
    become one entry; clips with a file of their own become one each, under the clip's id. Where
    clips overlap, a row is written once.

    Raises:
        DataError: there is no store, or a modality has different columns in different clips.
    """
    store = FeatureStore(folder)
    clips = store.clips()
    if store.info().labels != EMOTIONS:
        raise DataError(
            f"{folder}: expected a store with the labels {', '.join(EMOTIONS)}, as .csd files have "
            f"them; got {', '.join(store.info().labels)}"
        )
    groups = _groups(clips)
    make_folder(out)
    about: dict[str, Any] = {
        "dataset name": store.info().dataset,
        "computational sequence description": "written by mmemo",
        "alignment compatible": "",
    }
    written = []
    for modality, (name, stem) in FILES.items():
        names = _columns(store, clips, modality)
        if not names:
            continue
        entries = _entries(store, groups, modality, names)
        path = out / f"{stem}.csd"
        write_csd(path, name, entries, {**about, "dimension names": list(names)})
        written.append(path)
    words = [(key, entry) for key, entry in _words(store, groups) if len(entry.intervals)]
    if words:
        written.append(out / "TimestampedWords.csd")
        write_csd(written[-1], "words", words, about)
    labelled = {
        key: [clip for clip in clips if clip.intensities is not None]
        for key, clips in groups.items()
    }
    labels = ((key, _labels(store, clips)) for key, clips in labelled.items() if clips)
    about["dimension names"] = list(SDK_LABELS)
    # A row says where a segment lies, not which one it is: ids by position would be others.
    about[SEGMENT_IDS] = {
        key: [clip.id for clip in members] for key, members in labelled.items() if members
    }
    write_csd(out / "Labels.csd", "All Labels", labels, about)
    return [*written, out / "Labels.csd"]


def _groups(clips: list[Clip]) -> dict[str, list[Clip]]:
    """Return entry id -> clips of one time line, in order."""
    groups: dict[str, list[Clip]] = {}
    for video, video_clips in groupby(sorted(clips, key=lambda c: (c.video_id, c.start)), _video):
        members = list(video_clips)
        whole = len({clip.media for clip in members}) == 1 and all(
            clip.end is not None for clip in members
        )
        if whole or len(members) == 1:
            groups[video.replace("/", "_")] = members
        else:
            groups |= {
                clip.id.replace("/", "_").replace("[", "_").rstrip("]"): [clip] for clip in members
            }
    return groups


def _video(clip: Clip) -> str:
    return clip.video_id


def _columns(store: FeatureStore, clips: list[Clip], modality: str) -> tuple[str, ...]:
    """Return the columns to write: MOSEI's if ours are among them, otherwise ours."""
    names: tuple[str, ...] = ()
    for clip in clips:
        features = store.read(clip).features.get(modality)
        if features is None:
            continue
        if names and features.names != names:
            raise DataError(
                f"clip {clip.id}: its {modality} has other columns than the clips before"
            )
        names = features.names
    whole = WHOLE_COLUMNS.get(modality, ())
    return whole if names and set(names) <= set(whole) else names


def _entries(
    store: FeatureStore, groups: Mapping[str, list[Clip]], modality: str, names: tuple[str, ...]
) -> Iterator[tuple[str, Entry]]:
    for key, clips in groups.items():
        times, values, reached = (
            [np.zeros((0, 2))],
            [np.zeros((0, len(names)), np.float32)],
            -np.inf,
        )
        for clip in clips:
            features = store.read(clip).features.get(modality)
            if features is None:
                continue
            at = features.times + clip.start
            new = at.mean(axis=1) > reached
            times.append(at[new])
            values.append(_spread(features, names)[new])
            reached = max(reached, at[:, 1].max(initial=-np.inf))
        joined = np.concatenate(times)
        if len(joined):
            yield key, Entry(joined, np.concatenate(values))


def _spread(features: Features, names: tuple[str, ...]) -> NDArray[np.float32]:
    """Return the values in the columns ``names``; missing columns and invalid rows are zeros."""
    values = np.zeros((len(features), len(names)), dtype=np.float32)
    values[:, [names.index(name) for name in features.names]] = features.values
    values[~features.valid] = 0
    return values


def _words(store: FeatureStore, groups: Mapping[str, list[Clip]]) -> Iterator[tuple[str, Entry]]:
    for key, clips in groups.items():
        rows, reached = [], -np.inf
        for clip in clips:
            for word in store.read(clip).clip.words or ():
                start, end = word.start + clip.start, word.end + clip.start
                if (start + end) / 2 > reached:
                    rows.append((start, end, word.text.encode()))
            reached = max([reached, *(end for _, end, _ in rows)])
        times = np.array([row[:2] for row in rows], dtype=np.float64).reshape(-1, 2)
        texts = np.array([row[2] for row in rows] or [b""][:0], dtype=np.bytes_).reshape(-1, 1)
        yield key, Entry(times, texts)


def _labels(store: FeatureStore, clips: list[Clip]) -> Entry:
    """Return the seven label columns; sentiment, which a store does not have, is NaN."""
    times = [(clip.start, _end(store.read(clip))) for clip in clips]
    rows = [(np.nan, *(clip.intensities or ())) for clip in clips]
    return Entry(np.array(times), np.array(rows, dtype=np.float32))


def _end(clip: ClipFeatures) -> float:
    if clip.clip.end is not None:
        return clip.clip.end
    ends = [float(f.times[:, 1].max()) for f in clip.features.values() if len(f)]
    return clip.clip.start + max(ends, default=0.0)
