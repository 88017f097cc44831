"""The plan of the sample corpus: what is planted is there, in every split, the same every time."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmemo.errors import ConfigError
from mmemo.labels import EMOTIONS
from pipelines.sample.plan import (
    MIN_CLIPS,
    ClipPlan,
    State,
    bayes_nll,
    make_plan,
    split_sizes,
    states,
)
from pipelines.sample.sentences import ADJECTIVES, EITHER, KINDS, NOUNS, Deck, write_sentence
from pipelines.sample.speakers import SPEAKERS

SEEDS = (0, 7, 23)
HAPPINESS, SADNESS, ANGER, SURPRISE, DISGUST, FEAR = range(6)


@pytest.fixture(scope="module", params=SEEDS)
def plans(request: pytest.FixtureRequest) -> list[ClipPlan]:
    return make_plan(200, request.param)


def labels_of(plans: list[ClipPlan]) -> np.ndarray:
    return np.array([plan.intensities for plan in plans]) > 0


def by_split(plans: list[ClipPlan]) -> dict[str, list[ClipPlan]]:
    return {s: [p for p in plans if p.split == s] for s in ("train", "valid", "test")}


def test_the_same_arguments_give_the_same_plan_in_any_process():
    code = (
        "from pipelines.sample.plan import make_plan\n"
        "for p in make_plan(200, 7): print(p.id, p.intensities, p.words, p.seed, p.state.words)"
    )
    outputs = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=Path(__file__).resolve().parents[3],
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == 200
    assert labels_of(make_plan(200, 8)).tolist() != labels_of(make_plan(160, 7)).tolist()


def test_every_split_has_the_planted_frequencies(plans):
    for split, clips in by_split(plans).items():
        labels = labels_of(clips)
        frequency = labels.mean(axis=0)
        assert (frequency >= 0.2).all(), (split, frequency)
        assert (frequency <= 0.3).all(), (split, frequency)
        assert labels.sum(axis=1).max() <= 3
        assert 0.09 <= (labels.sum(axis=1) == 0).mean() <= 0.2, split
        assert 0.09 <= np.mean([p.state.words == "either" for p in clips]) <= 0.16, split


def test_happiness_excludes_sadness_and_disgust(plans):
    for plan in plans:
        if plan.intensities[HAPPINESS]:
            assert plan.state.words == "plain"
            assert not plan.intensities[SADNESS]
            assert not plan.intensities[DISGUST]


@pytest.mark.parametrize("pair", [(SURPRISE, FEAR), (ANGER, DISGUST)])
def test_planted_pairs_come_together_more_often_than_alone(pair):
    labels = np.concatenate([labels_of(make_plan(200, seed)) for seed in SEEDS])
    first, second = labels[:, pair[0]], labels[:, pair[1]]
    assert (first & second).mean() > 1.25 * first.mean() * second.mean()


def test_either_is_one_of_the_two_by_a_fair_coin_that_nothing_betrays(plans):
    for clips in by_split(plans).values():
        either = [plan for plan in clips if plan.state.words == "either"]
        sad = sum(plan.intensities[SADNESS] > 0 for plan in either)
        assert abs(2 * sad - len(either)) <= 1
        for plan in either:
            assert (plan.intensities[SADNESS] > 0) != (plan.intensities[DISGUST] > 0)
    # Each word of an ambiguous sentence stands in sentences of both outcomes, or could.
    assert {frozenset(text.split()) for text in EITHER[:2]} == {frozenset(EITHER[0].split())}
    assert {frozenset(text.split()) for text in EITHER[2:]} == {frozenset(EITHER[2].split())}


def test_everything_but_either_follows_from_the_state(plans):
    for plan in plans:
        expected = plan.state.expected()
        certain = expected != 0.5
        assert (np.array(plan.intensities) > 0)[certain].tolist() == (
            expected[certain] == 1
        ).tolist()


def test_only_words_of_a_kind_show_it(plans):
    cues = {kind: set(ADJECTIVES[kind]) | set(NOUNS[kind]) for kind in ("sadness", "disgust")}
    for plan in plans:
        shown = {kind for kind, words in cues.items() if words & set(plan.words)}
        meant = {"both": {"sadness", "disgust"}, "sadness": {"sadness"}, "disgust": {"disgust"}}
        assert shown == meant.get(plan.state.words, set())
        assert ("either" in plan.words) == (plan.state.words == "either")
        assert 8 <= len(plan.words) <= 18


def test_no_sentence_comes_twice_and_train_knows_every_word(plans):
    counts = Counter(plan.words for plan in plans if plan.state.words != "either")
    assert max(counts.values()) == 1
    splits = by_split(plans)
    known = {word for plan in splits["train"] for word in plan.words}
    assert {word for plan in plans for word in plan.words} <= known


def test_speakers_stay_in_their_split(plans):
    split_of = {(plan.speaker.id, plan.split) for plan in plans}
    assert len(split_of) == len({speaker for speaker, _ in split_of}) == len(SPEAKERS)
    assert len({plan.id for plan in plans}) == len(plans)


def test_the_process_is_a_distribution_with_the_documented_marginals():
    possible, probs = states()
    assert probs.sum() == pytest.approx(1.0)
    expected = probs @ np.array([state.expected() for state in possible])
    np.testing.assert_allclose(expected, 0.25, atol=0.01)
    either = sum(p for s, p in zip(possible, probs, strict=True) if s.words == "either")
    empty = sum(p for s, p in zip(possible, probs, strict=True) if s.n_labels == 0)
    assert either == pytest.approx(0.136, abs=0.005)
    assert empty == pytest.approx(0.15, abs=0.005)
    assert {state.words for state in possible} == set(KINDS)


def test_bayes_figures_are_the_best_possible(plans):
    share = np.mean([plan.state.words == "either" for plan in plans])
    # Independent outputs on "one of two": -log of p(1-q) or (1-p)q, each half of the time.
    p, q = np.meshgrid(*[np.linspace(0.01, 0.99, 99)] * 2)
    independent = -0.5 * np.log(p * (1 - q)) - 0.5 * np.log((1 - p) * q)
    joint = -np.log(0.5)
    assert bayes_nll(plans) == pytest.approx((share * joint, share * independent.min()), rel=1e-6)


def test_strength_grows_with_intensity():
    plan = make_plan(MIN_CLIPS, 0)[0]
    strengths = [
        replace(plan, intensities=(k, 0, 0, 0, 0, 0)).strength("happiness") for k in range(4)
    ]
    assert strengths[0] == 0.0
    assert strengths == sorted(set(strengths))


def test_small_corpora_have_every_split():
    for clips in range(MIN_CLIPS, 40, 5):
        sizes = split_sizes(clips)
        assert sum(sizes.values()) == clips
        assert min(sizes.values()) >= 1
        assert len(make_plan(clips, 1)) == clips


@pytest.mark.parametrize(("clips", "seed"), [(MIN_CLIPS - 1, 0), (0, 0), (-3, 0), (160, -1)])
def test_refuses_impossible_arguments(clips, seed):
    with pytest.raises(ConfigError, match="expected"):
        make_plan(clips, seed)


def test_excluded_states_have_no_weight():
    assert State("sadness", frozenset({"happiness"})).weight() == 0
    assert State("both", frozenset({"anger", "fear"})).weight() == 0
    assert State("plain", frozenset()).weight() > 0


def test_a_deck_deals_every_card_before_any_comes_again():
    deck = Deck(np.random.default_rng(0))
    cards = ("a", "b", "c", "d")
    for _ in range(5):
        assert sorted(deck.draw(cards) for _ in cards) == sorted(cards)


def test_sentences_are_plain_lower_case_words():
    deck = Deck(np.random.default_rng(3))
    for kind in KINDS:
        for _ in range(30):
            words = write_sentence(kind, deck)
            assert all(word.isalpha() and word.islower() for word in words)


def test_labels_are_in_our_order():
    assert EMOTIONS.index("fear") == FEAR
    state = State("plain", frozenset({"fear"}))
    assert state.expected().tolist() == [0, 0, 0, 0, 0, 1]
