"""Genuine FACET tracks of labelled videos as features of our extractor: real faces with labels.

FACET's action units replace ours, which imitate them (docs/facet.md). Emotions are computed from
them alone, which our extractor does only for their changes, and there is no pose. This tests a
model on real talking faces without the errors of our own measurement.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.facet_calibration import read_facet
from extractors.facet.action_units import ACTION_UNITS, EMOTIONS, emotion_evidence, load_calibration
from extractors.facet.extractor import FacetExtractor
from mmemo.features import Clip, ClipFeatures, Features

SUFFIX = ".facet42_au.csv.gz"


def read_track(path: Path, source: str) -> Features:
    """Read the frames of one track with a face."""
    starts, units = read_facet(path)
    names = FacetExtractor.names
    values = np.zeros((len(units), len(names)), np.float32)
    values[:, [names.index(unit) for unit in ACTION_UNITS]] = units
    emotions = emotion_evidence(units, load_calibration())
    values[:, [names.index(emotion) for emotion in EMOTIONS]] = emotions
    times = np.column_stack([starts, starts + np.median(np.diff(starts))])
    return Features(values, times, np.ones(len(values), bool), names, source)


def labelled_faces(folder: Path, segments: Iterable[Clip], source: str) -> Sequence[ClipFeatures]:
    """Cut labelled segments out of the tracks of a folder, named ``v`` and the video's id.

    Args:
        folder: of the tracks.
        segments: labelled segments of any videos.
        source: fingerprint of the extractor that the model was trained with.
    """
    tracks = {path.name.removesuffix(SUFFIX): path for path in folder.glob(f"*{SUFFIX}")}
    clips = []
    for segment in segments:
        name = f"v{segment.video_id}"
        if name in tracks and segment.end is not None:
            whole = read_track(tracks[name], source)
            cut = whole.between(segment.start, segment.end)
            clips.append(ClipFeatures(segment, {"visual": cut}))
    return clips
