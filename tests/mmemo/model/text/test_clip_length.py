"""How long a clip is: what it adds, where it comes from; what is not known adds nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mmemo.batching.batch import ClipArrays
from mmemo.batching.rows import arrange
from mmemo.config import (
    ContextOptions,
    DataConfig,
    DecoderOptions,
    EncoderOptions,
    ModelConfig,
    TextOptions,
)
from mmemo.features import Clip, ClipFeatures, Features, Word
from mmemo.labels import EMOTIONS
from mmemo.model.emotion_model import build_model
from mmemo.model.text.clip_length import ClipLength

WORDS = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)


def clip(number, seconds, words=4, labels=None, video="a"):
    """A clip that says the first words of all."""
    return ClipArrays(
        str(number),
        {"text": WORDS[:words], "audio": WORDS[:2, :3]},
        {"text": np.ones(words, dtype=bool), "audio": np.ones(2, dtype=bool)},
        np.arange(6) % 2 if labels is None else labels,
        video=video,
        start_s=float(number),
        seconds=seconds,
    )


CLIPS = [clip(0, 2.0), clip(1, 4.0, 6), clip(2, 8.0, 8, video="b"), clip(3, 5.0, 3, video="b")]


def build(decoder="lattice", context="video", dropout=0.1):
    torch.manual_seed(0)
    config = ModelConfig(
        modalities=("text", "audio"),
        encoder=EncoderOptions(hidden=8, heads=2, modality_dropout=0.0, dropout=dropout),
        decoder=DecoderOptions(kind=decoder),
        text=TextOptions(clip_length=True),
        context=ContextOptions(kind=context),
    )
    built = build_model(config, {"text": 5, "audio": 3}, EMOTIONS).eval()
    built.fit_statistics(CLIPS)
    return built


def read(built, clips):
    with torch.inference_mode():
        return built(built.collate(clips)).set_log_probs


@pytest.mark.parametrize("decoder", ["lattice", "binary", "sequence"])
def test_clips_that_say_the_same_for_longer_are_told_apart(decoder):
    built = build(decoder, context="none")
    short, long, unknown = read(built, [clip(0, 2.0), clip(1, 9.0), clip(2, math.nan)])
    assert not torch.allclose(short, long, atol=1e-3)
    assert unknown.isfinite().all()


def test_what_depends_on_the_length_alone_is_learned_only_with_it():
    rng = np.random.default_rng(0)
    clips = []
    for number in range(64):
        long = number % 2
        labels = np.array([long, 0, 1 - long, 0, 0, 0])
        clips.append(clip(number, rng.uniform(6, 9) if long else rng.uniform(2, 4), 4, labels))
    losses = {}
    for with_length in (True, False):
        torch.manual_seed(0)
        config = ModelConfig(
            modalities=("text",),
            encoder=EncoderOptions(hidden=8, heads=2, dropout=0.0, modality_dropout=0.0),
            text=TextOptions(clip_length=with_length),
        )
        built = build_model(config, {"text": 5}, EMOTIONS)
        built.fit_statistics(clips)
        batch = built.collate([replace(c, video=None) for c in clips])
        optimizer = torch.optim.Adam(built.parameters(), 0.01)
        for _ in range(60):
            optimizer.zero_grad()
            loss = built.loss(batch)
            loss.backward()
            optimizer.step()
        losses[with_length] = loss.item()
    assert losses[True] < 0.1
    assert losses[False] > math.log(2) - 0.01  # two sets of labels, each in half of the clips


def test_company_and_padding_change_nothing():
    built = build(context="none")
    together = read(built, CLIPS)
    for number, alone in enumerate(CLIPS):
        torch.testing.assert_close(read(built, [alone])[0], together[number], atol=1e-5, rtol=0)


def test_text_that_training_hides_says_nothing(monkeypatch):
    built = build(context="none", dropout=0.0).train()
    built.modality_dropout = 0.5
    hidden = torch.tensor([[True, False], [False, False]])
    monkeypatch.setattr("mmemo.model.emotion_model.draw_absent", lambda *_: hidden)
    short, long = (read(built, [clip(0, s), clip(1, s)]) for s in (2.0, 9.0))
    torch.testing.assert_close(short[0], long[0], atol=0, rtol=0)
    assert not torch.allclose(short[1], long[1], atol=1e-3)


def test_without_text_it_says_nothing():
    built = build(context="none")
    silent = [
        replace(c, values={"audio": c.values["audio"]}, masks={"audio": c.masks["audio"]})
        for c in CLIPS
    ]
    longer = [replace(c, seconds=10 * c.seconds) for c in silent]
    torch.testing.assert_close(read(built, silent), read(built, longer), atol=0, rtol=0)


@pytest.mark.parametrize("not_known", [math.nan, 0.0])
def test_a_length_that_is_not_known_stands_for_the_mean(not_known):
    clip_length = ClipLength(4)
    clip_length.fit(CLIPS)
    mean = torch.exp(clip_length.mean)
    memory = build().collate(CLIPS[:1]).sequences["text"]
    memory = memory._replace(values=torch.zeros(1, 4, 4))
    words = mean[1:]  # a mean of logarithms need not be a whole number
    known, unknown = (clip_length(memory, s, words) for s in (mean[:1], torch.tensor([not_known])))
    torch.testing.assert_close(known.values, unknown.values)


def test_clips_that_are_to_be_learned_from_may_not_say_how_long_they_are():
    clip_length, known = ClipLength(4), ClipLength(4)
    clip_length.fit([replace(c, seconds=math.nan) for c in CLIPS])
    known.fit(CLIPS)
    assert clip_length.mean.tolist() == [0.0, known.mean[1]]
    assert clip_length.std.tolist() == [1.0, known.std[1]]


def test_lengths_of_the_training_clips_come_out_with_mean_zero_and_deviation_one():
    clip_length = ClipLength(4)
    clip_length.fit(CLIPS)
    lengths = np.log([[2, 4], [4, 6], [8, 8], [5, 3]])
    np.testing.assert_allclose(clip_length.mean, lengths.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(clip_length.std, lengths.std(axis=0), rtol=1e-5)


def rows(seconds):
    times = np.array([[0.0, seconds / 2], [seconds / 2, seconds]])
    return Features(WORDS[:2], times, np.ones(2, dtype=bool), tuple("abcde"), "test")


@pytest.mark.parametrize(
    ("start", "end", "said_until", "expected"),
    [
        (3.0, 7.5, 2.0, 4.5),  # what the data set says
        (0.0, None, 2.0, 3.0),  # to the end of the file: what was measured
        (0.0, None, 6.0, 6.0),  # or said
        (0.0, 0.0, 2.0, 0.0),  # a table without times
    ],
)
def test_seconds_come_from_the_clip_or_from_what_is_in_it(start, end, said_until, expected):
    words = (Word("hello", 0.0, said_until),)
    known = Clip("a", "a", start=start, end=end, words=words)
    arranged = arrange(ClipFeatures(known, {"audio": rows(3.0)}), DataConfig(), reads_words=True)
    assert arranged.seconds == pytest.approx(expected)


def test_nothing_is_known_of_a_clip_with_nothing_in_it():
    assert math.isnan(arrange(ClipFeatures(Clip("a", "a"), {}), DataConfig()).seconds)
