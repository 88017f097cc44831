from dataclasses import replace

import numpy as np
import pytest
import torch

from mmemo.batching.batch import ClipArrays, Sequence
from mmemo.config import EncoderOptions, ModelConfig, TextOptions
from mmemo.labels import EMOTIONS
from mmemo.model.emotion_model import build_model
from mmemo.model.text.known_rows import KnownRows

WORDS = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
"""A vocabulary: word n is the row n."""


def said(*words):
    return WORDS[list(words)]


def fitted(size=5):
    known = KnownRows(size, 50, 8, dropout=0.0)
    known.fit([said(0, 1, 1, 2), said(2, 2, 3, 3, 3, 3), said(4)])
    torch.nn.init.normal_(known.learned)
    return known


def sequence(values):
    return Sequence(torch.from_numpy(values)[None], torch.ones(1, len(values), dtype=torch.bool))


def test_the_commonest_rows_are_known_and_others_are_not():
    places = fitted().places(torch.from_numpy(said(3, 1, 0, 2, 30, 4, 3))[None])[0].tolist()
    assert places[2] == places[4] == places[5] == 5, "said once, or never"
    assert sorted(places[:2] + places[3:4]) == [0, 1, 2]
    assert places[6] == places[0]
    few = fitted(size=1)
    assert few.places(torch.from_numpy(said(1, 2, 3))[None])[0].tolist() == [1, 1, 0]


def test_known_rows_have_their_own_vector_whatever_stands_beside_them():
    known = fitted()
    alone = {word: known(sequence(said(word)))[0, 0] for word in (1, 2, 3, 30)}
    together = known(sequence(said(2, 30, 3, 1, 2)))[0]
    for row, word in zip(together, (2, 30, 3, 1, 2), strict=True):
        torch.testing.assert_close(row, alone[word])
    assert not alone[30].any()
    assert len({tuple(vector.tolist()) for vector in alone.values()}) == 4


def test_every_word_of_a_large_vocabulary_is_found_by_its_exact_vector():
    rng = np.random.default_rng(1)
    words = rng.normal(size=(5000, 50)).astype(np.float32)
    known = KnownRows(6000, 50, 4, dropout=0.0)
    known.fit([words, words])
    assert sorted(known.places(torch.from_numpy(words)[None])[0].tolist()) == list(range(5000))
    other = words + np.float32(1e-6)
    other = other[(other != words).any(axis=1)]
    assert (known.places(torch.from_numpy(other)[None]) == 6000).all()


def test_it_starts_at_nothing_and_travels_in_the_state():
    known = KnownRows(5, 50, 8, dropout=0.0)
    known.fit([said(1, 1)])
    assert not known(sequence(said(1, 2))).any()
    held = fitted()
    copy = KnownRows(5, 50, 8, dropout=0.0)
    copy.load_state_dict(held.state_dict())
    rows = sequence(said(0, 1, 2, 3, 4))
    torch.testing.assert_close(copy(rows), held(rows))


def test_nothing_to_learn_from_is_no_error():
    known = KnownRows(5, 50, 8, dropout=0.0)
    known.fit([])
    assert (known.places(torch.from_numpy(said(1, 2))[None]) == 5).all()
    assert not known(Sequence(torch.zeros(1, 1, 50), torch.zeros(1, 1, dtype=torch.bool))).any()


@pytest.mark.parametrize("training", [True, False])
def test_words_are_left_out_in_training_only(training):
    known = KnownRows(5, 50, 8, dropout=0.5).train(training)
    known.fit([said(1, 1)])
    torch.nn.init.ones_(known.learned)
    shown = known(sequence(said(*[1] * 400)))[0, :, 0] > 0
    assert shown.float().mean().item() == pytest.approx(0.5 if training else 1.0, abs=0.1)


def test_a_model_learns_a_word_that_its_vector_hides():
    """All vectors look alike after projection to one column; only identity tells them apart."""
    torch.manual_seed(0)
    config = ModelConfig(
        modalities=("text",),
        encoder=EncoderOptions(hidden=8, heads=2, dropout=0.0, modality_dropout=0.0),
        text=TextOptions(known_words=40, known_dropout=0.0),
    )
    built = build_model(config, {"text": 50}, EMOTIONS)
    mask = {"text": np.ones(2, bool)}
    clips = [
        ClipArrays(str(n), {"text": said(n, n)}, mask, np.eye(6)[n % 2].astype(np.int8))
        for n in range(40)
    ]
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
    unknown = [replace(clips[0], values={"text": -said(0, 1)})]
    assert built.loss(built.collate(unknown)).item() > 0.3
