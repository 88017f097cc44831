"""The sentence on top of the page: what prevails, the other moments, what cannot be told."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_report import made_utterance

from mmemo.labels import EMOTIONS
from pipelines.prediction.summary import clock, is_answered, sum_up

NOTHING = "nothing"


def utterance(number, answer):
    """Make an utterance of 4 s from an answer such as "sadness, anger (likely)"."""
    base = made_utterance(number, np.random.default_rng(number), ["a", "word"])
    if answer == NOTHING:
        return replace(base, labels=None, probs=None, effects=None, reliability="cannot tell")
    if answer == "cannot tell":
        return replace(base, labels=(), reliability="cannot tell")
    labels, _, reliability = answer.removesuffix(")").partition(" (")
    names = () if labels == "none" else tuple(labels.split(", "))
    return replace(base, labels=names, reliability=reliability or None)


def sentence(*answers):
    predictions = [utterance(number, answer) for number, answer in enumerate(answers)]
    return "".join(phrase.text for phrase in sum_up(predictions))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], "There is nothing to read emotions from."),
        ([NOTHING], "There is nothing to read emotions from."),
        (["cannot tell"], "The emotion cannot be told."),
        (["cannot tell", NOTHING], "None of the 2 utterances can be told."),
        (["happiness (likely)"], "Happiness (likely)."),
        (["none (likely)"], "No emotion predicted (likely)."),
        (["happiness"], "Happiness."),
        (["none"], "No emotion predicted."),
        (["none", "none"], "No emotion predicted."),
        (["none", "none", "none", "fear (possible)"],
         "Mostly no emotion; fear possible at 00:12."),
        (["fear", "anger"], "No emotion prevails; "),
        (["happiness (possible)", "happiness (possible)"], "Mostly happiness (possible)."),
        (["happiness (likely)"] * 4 + ["sadness (likely)"] + ["cannot tell"] * 2 + [NOTHING],
         "Mostly happiness; sadness likely at 00:16; 3 of 8 utterances cannot be told."),
        (["fear (likely)", "cannot tell", "cannot tell"],
         "Where it can be told, mostly fear; 2 of 3 utterances cannot be told."),
    ],
)  # fmt: skip
def test_the_sentence(answers, expected):
    text = sentence(*answers)
    assert text.startswith(expected) if expected.endswith(" ") else text == expected


def test_the_surest_moment_comes_first_whatever_its_probability():
    likely = replace(utterance(3, "fear (likely)"), probs=dict.fromkeys(EMOTIONS, 0.6))
    possible = replace(utterance(2, "anger (possible)"), probs=dict.fromkeys(EMOTIONS, 0.9))
    calm = [utterance(number, "none (likely)") for number in (0, 1, 4)]
    phrases = sum_up([*calm, possible, likely])
    assert [phrase.time_s for phrase in phrases if phrase.time_s is not None] == [
        likely.start,
        possible.start,
    ]


ANSWERS = st.sampled_from(
    [NOTHING, "cannot tell", "none (possible)", *(f"{e} (likely)" for e in EMOTIONS), "fear, anger"]
)


@given(st.lists(ANSWERS, max_size=12))
def test_any_recording_has_one_short_sentence_with_times_that_exist(answers):
    predictions = [utterance(number, answer) for number, answer in enumerate(answers)]
    phrases = sum_up(predictions)
    text = "".join(phrase.text for phrase in phrases)
    assert text.endswith(".")
    assert text[0].isupper()
    assert "None" not in text.removeprefix("None of the")
    for phrase in phrases:
        if phrase.time_s is not None:
            (there,) = [p for p in predictions if p.start == phrase.time_s]
            assert is_answered(there)
            assert there.labels
            assert phrase.text == clock(there.start)


@pytest.mark.parametrize(("seconds", "text"), [(0, "00:00"), (75.9, "01:15"), (3661, "1:01:01")])
def test_times_are_those_of_the_player(seconds, text):
    assert clock(seconds) == text
