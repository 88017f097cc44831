"""A fingerprint of the data of a run: an interrupted run goes on with the same data only."""

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from mmemo.features import ClipFeatures


def data_key(clips: Sequence[ClipFeatures], labels: Sequence[str]) -> str:
    """Return a hash of clips in their order: ids, splits, annotations, words, columns, values.

    Args:
        clips: those that a run trains and chooses on.
        labels: names of their intensities.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps(list(labels)).encode())
    for clip in clips:
        own = clip.clip
        words = None if own.words is None else [(w.text, w.start, w.end) for w in own.words]
        about = [own.id, own.video_id, own.split, own.intensities, words]
        digest.update(json.dumps(about).encode())
        for modality, features in sorted(clip.features.items()):
            columns = [modality, features.names, features.source, features.values.shape]
            digest.update(json.dumps(columns).encode())
            for array in (features.values, features.times, features.valid):
                digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
