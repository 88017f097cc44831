"""What an epoch shows: every clip as often as its data set is to be shown, videos whole."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mmemo.batching.batch import ClipArrays
from pipelines.training.batches import clips_per_epoch, epoch_batches


def clips(n_videos=20, per_video=3):
    rng = np.random.default_rng(0)
    made = []
    for video in range(n_videos):
        for number in range(per_video):
            rows = int(rng.integers(1, 30))
            made.append(
                ClipArrays(
                    id=f"{video}-{number}",
                    values={"text": np.zeros((rows, 2), np.float32)},
                    masks={"text": np.ones(rows, bool)},
                    video=f"v{video}",
                    start_s=float(number),
                    dataset="acted" if video % 4 == 0 else "found",
                )
            )
    return made


def shown(all_clips, sampling, seed=0, batch_size=8):
    return list(epoch_batches(all_clips, batch_size, sampling, np.random.default_rng(seed)))


def test_without_sampling_every_clip_is_shown_once():
    all_clips = clips()
    ids = [clip.id for batch in shown(all_clips, {}) for clip in batch]
    assert sorted(ids) == sorted(clip.id for clip in all_clips)


def test_the_clips_of_a_video_stay_together():
    for batch in shown(clips(), {}):
        assert set(Counter(clip.video for clip in batch).values()) == {3}


@pytest.mark.parametrize("often", [0.5, 1.0, 2.0, 2.5])
def test_a_data_set_is_shown_as_often_as_asked(often):
    all_clips = clips(n_videos=200)
    batches = shown(all_clips, {"acted": often})
    counts = Counter(clip.dataset for batch in batches for clip in batch)
    assert counts["found"] == 450
    assert counts["acted"] == pytest.approx(150 * often, rel=0.2)
    assert clips_per_epoch(all_clips, {"acted": often}) == pytest.approx(450 + 150 * often)
    for batch in batches:
        assert max(Counter(clip.id for clip in batch).values()) == 1


def test_the_order_is_the_seeds_and_differs_between_epochs():
    all_clips = [replace(clip, video=None) for clip in clips()]
    first, again, other = (
        [clip.id for batch in shown(all_clips, {}, seed) for clip in batch] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_batches_hold_clips_of_similar_length():
    all_clips = [replace(clip, video=None) for clip in clips(n_videos=100)]
    spreads = [
        np.ptp([len(clip.values["text"]) for clip in batch]) for batch in shown(all_clips, {})
    ]
    assert np.mean(spreads) < 8
