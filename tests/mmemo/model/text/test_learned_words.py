from dataclasses import replace

import numpy as np
import pytest
import torch

from mmemo.batching.batch import ClipArrays, collate
from mmemo.config import EncoderOptions, ModelConfig, TextOptions
from mmemo.errors import FeatureError
from mmemo.labels import EMOTIONS
from mmemo.model.emotion_model import build_model
from mmemo.model.text.learned_words import LearnedWords

VECTORS = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
"""The fixed vector of word n is row n."""


def learned_words(dropout=0.0):
    words = LearnedWords(5, 8, dropout)
    torch.nn.init.normal_(words.vectors)
    return words


def read(words, *ids):
    return words(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.bool))[0]


def test_each_common_word_has_its_own_vector_whatever_stands_beside_it():
    words = learned_words()
    together = read(words, 2, 5, 3, 1, 2)
    for row, id in zip(together, (2, 5, 3, 1, 2), strict=True):
        torch.testing.assert_close(row, read(words, id)[0])
    assert not together[1].any(), "not common"
    assert len({tuple(vector.tolist()) for vector in together}) == 4


def test_masked_rows_have_none():
    ids, mask = torch.tensor([[1, 2]]), torch.tensor([[True, False]])
    assert learned_words()(ids, mask)[0].any(dim=-1).tolist() == [True, False]


def test_it_starts_at_zero():
    assert not read(LearnedWords(5, 8, dropout=0.0), 0, 1, 2, 3, 4, 5).any()


@pytest.mark.parametrize("training", [True, False])
def test_words_are_left_out_in_training_only(training):
    words = LearnedWords(5, 8, dropout=0.5).train(training)
    torch.nn.init.ones_(words.vectors)
    shown = read(words, *[1] * 400)[:, 0] > 0
    assert shown.float().mean().item() == pytest.approx(0.5 if training else 1.0, abs=0.1)


def build():
    config = ModelConfig(
        modalities=("text",),
        encoder=EncoderOptions(hidden=8, heads=2, dropout=0.0, modality_dropout=0.0),
        text=TextOptions(known_words=40, known_dropout=0.0),
    )
    return build_model(config, {"text": 50}, EMOTIONS)


def clip(number):
    """Say word ``number`` twice; even ones and odd ones have different labels."""
    return ClipArrays(
        str(number),
        {"text": VECTORS[[number, number]]},
        {"text": np.ones(2, bool)},
        np.eye(6)[number % 2].astype(np.int8),
        words=(f"word{number}",) * 2,
    )


def test_a_model_learns_a_word_that_its_vector_hides():
    """All vectors look alike after projection to zero; only identity tells them apart."""
    torch.manual_seed(0)
    built = build()
    clips = [clip(number) for number in range(40)]
    built.fit_statistics(clips)
    with torch.no_grad():
        built.encoders["text"].project.weight.zero_()
    built.encoders["text"].project.requires_grad_(False)
    optimizer = torch.optim.Adam(built.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        built.loss(built.collate(clips)).backward()
        optimizer.step()
    assert built.eval().loss(built.collate(clips)).item() < 0.1
    for words in (("unheard", "of"), ()):
        unknown = [replace(clips[0], words=words)]
        assert built.loss(built.collate(unknown)).item() > 0.3


def test_nothing_to_learn_from_is_no_error():
    built = build()
    built.fit_statistics(
        [replace(clip(0), words=()), replace(clip(1), values={}, masks={}, words=())]
    )
    assert built.vocabulary.words == ()
    assert built.loss(built.collate([clip(0)])).isfinite()


def test_a_batch_without_word_ids_is_refused():
    built = build()
    with pytest.raises(FeatureError, match="the model's collate"):
        built(collate([clip(0)], built.dims))
