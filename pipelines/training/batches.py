"""The batches of an epoch: data sets in their shares, videos whole, little padding."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mmemo.batching.batch import ClipArrays, by_video
from mmemo.inference import batched

STRETCH = 20
"""Batches' worth of clips that are sorted by length together: enough to spare padding, too few to
make every epoch the same."""


def epoch_batches(
    clips: Sequence[ClipArrays],
    batch_size: int,
    sampling: Mapping[str, float],
    order: np.random.Generator,
) -> Iterator[list[ClipArrays]]:
    """Shuffle, then sort stretches of many batches by length, so that batches need little padding.

    Whole videos are shuffled, so clips that are to see each other stay together.

    Args:
        clips: the training clips.
        batch_size: clips per batch, about.
        sampling: data set -> how often its videos are shown, on average; 1 for all others.
        order: the epoch's randomness.
    """
    batches: list[list[int]] = []
    for videos in _rounds(by_video(clips), clips, sampling, order):
        stretch = max(1, batch_size * STRETCH * len(videos) // max(1, sum(map(len, videos))))
        shuffled = order.permutation(len(videos))
        for first in range(0, len(videos), stretch):
            part = [videos[number] for number in shuffled[first : first + stretch]]
            batches += batched(clips, part, batch_size)
    for number in order.permutation(len(batches)):
        yield [clips[place] for place in batches[number]]


def clips_per_epoch(clips: Sequence[ClipArrays], sampling: Mapping[str, float]) -> int:
    """Return about how many clips an epoch shows."""
    return max(1, round(sum(sampling.get(clip.dataset, 1.0) for clip in clips)))


def _rounds(
    videos: Sequence[list[int]],
    clips: Sequence[ClipArrays],
    sampling: Mapping[str, float],
    order: np.random.Generator,
) -> Iterator[list[list[int]]]:
    """Draw videos as often as their data set is to be shown; a fraction is a chance.

    Each round shows a video at most once, so that no batch holds it twice.
    """
    often = [sampling.get(clips[places[0]].dataset, 1.0) for places in videos]
    times = [
        int(value) + int(order.random() < value % 1) if value % 1 else int(value) for value in often
    ]
    for number in range(max(times)):
        yield [places for places, n in zip(videos, times, strict=True) if n > number]
