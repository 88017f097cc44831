"""A bag of words beside the decoder: what it adds, to whom, and to nobody else."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.feature_extraction.text import TfidfTransformer

from mmemo.batching.batch import ClipArrays
from mmemo.config import (
    ContextOptions,
    DecoderOptions,
    EncoderOptions,
    ModelConfig,
    PretrainedOptions,
    TextOptions,
)
from mmemo.labels import EMOTIONS
from mmemo.model.emotion_model import build_model
from mmemo.model.text.word_bag import SCALE, WordBag

VECTORS = np.random.default_rng(0).normal(size=(8, 50)).astype(np.float32)
"""The fixed vector of word n is row n."""


def clip(number, video, words):
    return ClipArrays(
        str(number),
        {"text": VECTORS[list(words)]},
        {"text": np.ones(len(words), dtype=bool)},
        np.arange(6) % 2,
        video=video,
        start_s=float(number),
        words=tuple(f"word{word}" for word in words),
    )


CLIPS = [
    clip(0, "a", (0, 1, 1, 2)),
    clip(1, "a", (2, 3, 0)),
    clip(2, "b", (3, 3, 4, 0, 5)),
    clip(3, "b", (1, 2, 4)),
]


def build(decoder="lattice", context="video"):
    torch.manual_seed(0)
    config = ModelConfig(
        modalities=("text",),
        encoder=EncoderOptions(hidden=8, heads=2, modality_dropout=0.0),
        decoder=DecoderOptions(kind=decoder),
        text=TextOptions(known_words=5, word_bag=True),
        context=ContextOptions(kind=context),
    )
    built = build_model(config, {"text": 50}, EMOTIONS).eval()
    built.fit_statistics(CLIPS)
    return built


def read(built, clips):
    with torch.inference_mode():
        return built(built.collate(clips))


@pytest.mark.parametrize("decoder", ["lattice", "binary", "sequence"])
def test_untrained_it_says_nothing_and_with_each_decoder_sets_stay_a_distribution(decoder):
    built = build(decoder)
    silent = read(built, CLIPS).set_log_probs
    bag, built.bag = built.bag, None
    torch.testing.assert_close(silent, read(built, CLIPS).set_log_probs)
    built.bag = bag
    torch.nn.init.normal_(bag.of_clip)
    loud = read(built, CLIPS).set_log_probs
    assert not torch.allclose(loud, silent, atol=1e-2)
    torch.testing.assert_close(loud.exp().sum(dim=1), torch.ones(len(CLIPS)))


def test_log_odds_of_independent_labels_move_by_what_the_words_say():
    built = build("binary", context="none")
    before = read(built, CLIPS).marginals.logit()
    [word] = built.vocabulary.ids(["word4"])
    with torch.no_grad():
        built.bag.of_clip[word, 2] = 1.5
    moved = read(built, CLIPS).marginals.logit() - before
    # Clip 3 says the words 1, 2 and 4 once each: only rarity sets them apart.
    rare = {w: math.log(5 / (1 + n)) + 1 for w, n in {1: 2, 2: 3, 4: 2}.items()}
    share = rare[4] / math.sqrt(sum(weight**2 for weight in rare.values()))
    assert float(moved[3, 2]) == pytest.approx(SCALE * 1.5 * share, rel=1e-4)
    assert moved[[0, 1]].abs().max() < 1e-4, "does not say the word"
    assert moved[:, [0, 1, 3, 4, 5]].abs().max() < 1e-4, "another label"


def test_counts_are_those_of_tf_idf():
    bag = WordBag(6, 1, 0.0, videos=False)
    texts = [torch.from_numpy(np.random.default_rng(n).integers(0, 6, 9)) for n in range(12)]
    bag.fit(texts)
    counts = np.stack([np.bincount(text, minlength=6) for text in texts])
    expected = TfidfTransformer(sublinear_tf=True).fit_transform(counts).toarray()
    weighted = bag._weighted(torch.from_numpy(np.pad(counts, ((0, 0), (0, 1)))).float())
    np.testing.assert_allclose(weighted[:, :6].detach(), expected, atol=1e-6)
    assert not weighted[:, 6].any()


@pytest.mark.parametrize("context", ["video", "none"])
def test_company_order_and_padding_change_nothing_and_only_ones_own_video_does(context):
    built = build(context=context)
    for weights in (built.bag.of_clip, built.bag.of_video):
        if weights is not None:
            torch.nn.init.normal_(weights)
    together = read(built, CLIPS).set_log_probs
    torch.testing.assert_close(together, read(built, CLIPS[::-1]).set_log_probs.flip(0))
    alone = [read(built, CLIPS[:2]).set_log_probs, read(built, CLIPS[2:]).set_log_probs]
    torch.testing.assert_close(together, torch.cat(alone))
    other = [*CLIPS[:1], clip(1, "a", (4, 4)), *CLIPS[2:]]
    changed = (read(built, other).set_log_probs - together).abs().amax(dim=1)
    assert (changed[[2, 3]] < 1e-5).all()
    assert (changed[0] > 1e-3) == (context == "video")


def test_words_in_another_order_are_the_same_bag_and_a_clip_without_words_has_none():
    built = build(context="none")
    torch.nn.init.normal_(built.bag.of_clip)
    batch = built.collate(CLIPS)
    with torch.inference_mode():
        shift = built._word_shift(batch, torch.ones(4, 1, dtype=torch.bool))
        turned = built.collate([clip(0, "a", (2, 1, 0, 1)), *CLIPS[1:]])
        torch.testing.assert_close(
            shift, built._word_shift(turned, torch.ones(4, 1, dtype=torch.bool))
        )
        assert not built._word_shift(batch, torch.zeros(4, 1, dtype=torch.bool)).any()
        mute = built.collate([replace(CLIPS[0], values={}, masks={}, words=())])
        assert not built._word_shift(mute, torch.ones(1, 1, dtype=torch.bool)).any()


@pytest.mark.parametrize("decoder", ["lattice", "sequence"])
def test_it_learns_and_rare_words_that_are_not_known_do_not_count(decoder):
    built = build(decoder).train()
    built.loss(built.collate(CLIPS)).backward()
    gradient = built.bag.of_clip.grad.abs().sum(dim=1)
    assert (gradient[:5] > 0).sum() >= 3
    assert gradient[5] == 0, "the word 5 was said once"


def test_it_needs_known_words():
    with pytest.raises(ValidationError, match="word_bag: expected known_words above 0"):
        TextOptions(word_bag=True)
    with pytest.raises(ValidationError, match="known_words: expected 0 with a pretrained encoder"):
        ModelConfig(
            text=TextOptions(word_bag=True, known_words=5),
            pretrained=PretrainedOptions(name="minilm-l6"),
        )
