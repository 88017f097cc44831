"""The vocabulary of common words: which words it takes, and the ids that it gives."""

import numpy as np
import pytest

from mmemo.batching.batch import ClipArrays, collate
from mmemo.batching.rows import arrange
from mmemo.config import DataConfig
from mmemo.errors import FeatureError
from mmemo.features import Clip, ClipFeatures, Features, Word
from mmemo.model.text.word_ids import Vocabulary


def clip(text, invalid=()):
    words = tuple(text.split())
    mask = np.array([word not in invalid for word in words])
    return ClipArrays(
        "c", {"text": np.zeros((len(words), 2), np.float32)}, {"text": mask}, words=words
    )


CLIPS = [clip("so so glad The the the"), clip("glad sad sad uh uh", invalid=("uh",)), clip("once")]


def test_the_commonest_words_of_valid_rows_are_taken_and_ties_are_alphabetical():
    vocabulary = Vocabulary(10)
    vocabulary.fit(CLIPS)
    assert vocabulary.words == ("the", "glad", "sad", "so")
    small = Vocabulary(2)
    small.fit(CLIPS[::-1])
    assert small.words == ("the", "glad")
    assert small.ids(["GLAD", "so", "the", ""]) == [1, 2, 0, 2]


def test_a_batch_has_an_id_for_every_row_and_padding_has_none():
    vocabulary = Vocabulary(3)
    vocabulary.fit(CLIPS)
    without = ClipArrays("d", {"text": np.zeros((2, 2), np.float32)}, {"text": np.ones(2, bool)})
    batch = collate(
        [clip("sad The"), clip("once so glad glad"), without], {"text": 2}, None, vocabulary
    )
    assert batch.word_ids.tolist() == [[2, 0, 3, 3], [3, 3, 1, 1], [3, 3, 3, 3]]
    assert batch.to("cpu").word_ids.tolist() == batch.word_ids.tolist()
    assert batch.to("meta").word_ids.device.type == "meta"


@pytest.mark.parametrize("words", [["a", "a"], ["a", "b", "c", "d"]])
def test_words_that_are_no_vocabulary_are_refused(words):
    with pytest.raises(ValueError, match="expected at most 3 distinct words"):
        Vocabulary(3).words = words


def test_a_word_for_each_row_or_none():
    with pytest.raises(FeatureError, match="a word for each of 2 text rows; got 1"):
        ClipArrays(
            "c", {"text": np.zeros((2, 1), np.float32)}, {"text": np.ones(2, bool)}, words=("a",)
        )


def features(rows, tokens=()):
    times = np.column_stack([np.arange(rows), np.arange(rows) + 1.0])
    return Features(np.ones((rows, 2)), times, np.ones(rows), ("x", "y"), "glove", tokens)


def test_arranged_rows_carry_their_tokens_or_the_words_if_there_are_as_many():
    words = (Word("Don't", 0.0, 2.0), Word("go", 2.0, 3.0))
    tokens = ("do", "n't", "go")
    of = {
        name: arrange(ClipFeatures(Clip("c", "v", words=words), {"text": text}), DataConfig()).words
        for name, text in {
            "tokens": features(3, tokens),
            "words": features(2),
            "neither": features(3),
        }.items()
    }
    assert of == {"tokens": tokens, "words": ("Don't", "go"), "neither": ()}
    cut = arrange(
        ClipFeatures(Clip("c", "v"), {"text": features(3, tokens)}), DataConfig(max_rows=2)
    )
    assert cut.words == ("do", "n't")


def test_tokens_stay_with_their_rows():
    cut = features(3, ("a", "b", "c")).between(1.0, 3.0)
    assert cut.tokens == ("b", "c")
    assert cut.times.tolist() == [[0, 1], [1, 2]]
    assert features(3).between(1.0, 3.0).tokens == ()
    with pytest.raises(FeatureError, match="a token for each of 3 rows; got 2"):
        features(3, ("a", "b"))
