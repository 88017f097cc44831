"""Reads what ``--data`` accepts, feature stores and tables of transcribed segments."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from extractors.text.glove import GloveExtractor
from mmemo.config import Config
from mmemo.datasets.class_column import table_labels
from mmemo.datasets.clips import check_splits
from mmemo.datasets.csv_rows import is_table
from mmemo.datasets.dataset import Dataset
from mmemo.datasets.label_map import LabelMapper, common_labels
from mmemo.datasets.table import read_table
from mmemo.errors import DataError
from mmemo.features import Clip, ClipFeatures, rows_of_words
from mmemo.labels import EMOTIONS
from mmemo.store import FeatureStore, StoreInfo
from pipelines.progress import track

logger = logging.getLogger(__name__)

TABLES = "tables"
"""Tables are parts of one data set: their videos are the same if their names are."""

NO_MEDIA = "the data set holds words only"


def load_data(paths: Sequence[Path], config: Config, labels: Sequence[str] = ()) -> Dataset:
    """Return one data set of feature stores and tables, in their order.

    Tables contain words only, so their text features are made here; stores are read as they are.

    Args:
        paths: stores and tables.
        config: names the word vectors for tables and maps labels.
        labels: those of a trained model; by default ``config.data.labels``, or else those that all
            data sets share.

    Raises:
        ConfigError: the labels of the data sets differ and no map translates them.
        DataError: a path is neither, or clips of one video are in two splits.
    """
    preferred = tuple(labels or config.data.labels) or EMOTIONS
    tables = [path for path in paths if is_table(path) and path.is_file()]
    own_labels = table_labels(tables, preferred)
    infos = {path: _describe(path, own_labels) for path in paths}
    labels_of = {info.dataset: info.labels for info in infos.values()}
    model_labels = tuple(labels or config.data.labels or common_labels(labels_of))
    clips_of: dict[str, list[ClipFeatures]] = defaultdict(list)
    for path, info in infos.items():
        mapper = LabelMapper(
            info.dataset, info.labels, model_labels, config.data.label_maps.get(info.dataset)
        )
        source = TABLES if is_table(path) else info.dataset
        clips_of[source] += [
            replace(clip, clip=mapper(clip.clip)) for clip in _read(path, config, info.labels)
        ]
    clips = _with_distinct_videos(clips_of)
    check_splits(paths[0], [clip.clip for clip in clips])
    return Dataset(
        name=" + ".join(info.dataset for info in infos.values()),
        demonstration=any(info.demonstration for info in infos.values()),
        clips=tuple(clips),
        labels=model_labels,
    )


def _with_distinct_videos(clips_of: Mapping[str, Sequence[ClipFeatures]]) -> list[ClipFeatures]:
    """Return the clips of all data sets; a video's name that two of them use gets theirs before it.

    Data sets that number their videos would otherwise share them: their clips would be each
    other's context, and lie in two splits.
    """
    videos = Counter(
        video for clips in clips_of.values() for video in {clip.clip.video_id for clip in clips}
    )
    return [
        replace(clip, clip=replace(clip.clip, video_id=f"{source}/{clip.clip.video_id}"))
        if videos[clip.clip.video_id] > 1
        else clip
        for source, clips in clips_of.items()
        for clip in clips
    ]


def _describe(path: Path, own_labels: tuple[str, ...]) -> StoreInfo:
    if is_table(path):
        return StoreInfo(path.name, labels=own_labels)
    if (path / "store.json").is_file():
        return FeatureStore(path).info()
    raise DataError(
        f"{path}: expected a feature store or a table (.csv, .tsv, also .gz); "
        f"for a folder of clips run `mmemo features {path} --out DIR` first"
    )


def _read(path: Path, config: Config, labels: Sequence[str]) -> Iterable[ClipFeatures]:
    if is_table(path):
        vectors = None if config.model.reads_words else config.features.vectors
        return text_features(read_table(path, labels), vectors)
    store = FeatureStore(path)
    return track(store, "reading features", total=len(store.clips()))


def text_features(clips: Sequence[Clip], vectors: str | None) -> list[ClipFeatures]:
    """Return clips with text features, made of their words; they have no other modality.

    Args:
        clips: with their words.
        vectors: name of the word vectors; None for models that take word ids.
    """
    extract = rows_of_words if vectors is None else GloveExtractor.from_name(vectors)
    absent = {"audio": NO_MEDIA, "visual": NO_MEDIA}
    results = []
    for clip in track(clips, "looking up words"):
        if clip.words:
            results.append(ClipFeatures(clip, {"text": extract(clip.words)}, absent))
        else:
            results.append(ClipFeatures(clip, {}, {**absent, "text": "the transcript is empty"}))
    return results
