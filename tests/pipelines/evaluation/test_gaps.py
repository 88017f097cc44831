"""Scores with a stretch of the words, the voice or the face missing."""

import numpy as np
import pytest

from mmemo.batching.batch import ClipArrays
from pipelines.evaluation.gaps import SHARES, with_gap


def clip_of(rows, modalities=("text", "audio")):
    return ClipArrays(
        "c",
        {m: np.ones((rows, 2), np.float32) for m in modalities},
        {m: np.ones(rows, bool) for m in modalities},
        None,
        words=tuple(f"w{row}" for row in range(rows)),
    )


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("place", [0.0, 0.4, 1.0])
def test_one_stretch_of_the_share_is_hidden(share, place):
    clip = with_gap(clip_of(40), ["audio", "visual"], share, place)
    hidden = np.flatnonzero(~clip.masks["audio"])
    assert len(hidden) == round(share * 40)
    assert (np.diff(hidden) == 1).all()
    assert hidden[0] == round(place * (40 - len(hidden)))
    assert clip.masks["text"].all()
    assert "" not in clip.words


def test_hidden_words_are_not_read():
    clip = with_gap(clip_of(10), ["text"], 0.5, 0.0)
    assert clip.words == ("",) * 5 + ("w5", "w6", "w7", "w8", "w9")
