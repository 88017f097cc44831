"""Measure corpora of labelled voices, as they were recorded and degraded."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmemo.batching.rows import arrange
from mmemo.config import Config
from mmemo.datasets.source import Source, read_source
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS
from mmemo.model.channel_evidence import statistics_of
from mmemo.store import FeatureStore
from pipelines.data.extract import extract
from pipelines.default_model.channel_clips import NONE, ChannelClips, joined
from pipelines.default_model.degrade import write_degraded
from pipelines.progress import track

KIND_OF: Mapping[str, str] = {
    "neutral": "", "calm": "", "happy": "happiness", "sad": "sadness", "angry": "anger",
    "fearful": "fear", "disgusted": "disgust", "surprised": "surprise",
    **{emotion: emotion for emotion in EMOTIONS},
}  # fmt: skip
"""A corpus's name of an emotion -> ours, or "" for none."""
DEGRADED_SEED = 100


def measure_voices(folder: Path, work: Path, config: Config, *, jobs: int) -> ChannelClips:
    """Measure a corpus and a degraded copy of it, or read what was measured before.

    Args:
        folder: that ``read_source`` understands: RAVDESS's files, or a table of voices.
        work: for stores, copies and the result.
        config: its features and rows are those of the model.
        jobs: extracting processes.

    Raises:
        DataError: a clip cannot be measured, or an emotion has a name that is not in ``KIND_OF``.
    """
    cache = work / f"{folder.name}.npz"
    if not cache.exists():
        source = read_source(folder)
        unknown = set(source.info.labels) - set(KIND_OF)
        if unknown:
            raise DataError(f"{folder}: expected {', '.join(KIND_OF)}; got {', '.join(unknown)}")
        work.mkdir(parents=True, exist_ok=True)
        parts = [_measured(source, work / f"{folder.name}-{copy}", config, jobs, degraded=copy > 0)
                 for copy in (0, 1)]  # fmt: skip
        joined(parts).save(cache)
    return ChannelClips.load(cache)


def _measured(
    source: Source, store: Path, config: Config, jobs: int, *, degraded: bool
) -> ChannelClips:
    """Measure the clips of one corpus; those in which no speech is heard are left out."""
    clips = list(source.clips)
    if degraded:
        copies = store.with_name(f"{store.name}-sound")
        files = [clip.media for clip in clips if clip.media is not None]
        copy_of = write_degraded(files, copies, DEGRADED_SEED)
        clips = [
            replace(clip, media=copy_of[file]) for clip, file in zip(clips, files, strict=True)
        ]
    options = config.features.model_copy(update={"modalities": ("audio",)})
    failures = extract(clips, source.info, store, options, jobs=jobs).failures
    if failures:
        raise DataError(f"{store}: {len(failures)} clips failed, first {failures[0].id}")
    statistics, kinds, speakers = [], [], []
    for clip in track(FeatureStore(store), store.name, total=len(clips)):
        arrays = arrange(clip, config.data)
        if "audio" not in arrays.values:
            continue
        assert clip.clip.intensities is not None
        name = KIND_OF[source.info.labels[int(np.argmax(clip.clip.intensities))]]
        statistics.append(statistics_of(arrays, "audio"))
        kinds.append(EMOTIONS.index(name) if name else NONE)
        speakers.append(f"{source.info.dataset}/{clip.clip.video_id}")
    return ChannelClips(
        np.stack(statistics).astype(np.float32),
        np.array(kinds),
        np.array(speakers),
        np.full(len(kinds), source.info.dataset),
        np.full(len(kinds), degraded),
    )
