"""Decisions for people: precision, false labels, and what reliability promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmemo.decisions.set_distributions import ListedSets
from mmemo.decisions.sure import NEVER, confidences
from mmemo.decisions.sure_fitting import (
    FEWEST,
    MOST_FALSE,
    PRECISION,
    fit_decision,
    right,
)
from mmemo.labels import all_sets

K = 3
PROMISED = 0.7


def drawn(seed, n=600, sharpness=2.0, flatter=1.0):
    """Draw distributions over sets, and label sets from them; the model may be overconfident."""
    rng = np.random.default_rng(seed)
    scores = sharpness * rng.standard_normal((n, 1 << K))
    true = np.exp(scores * flatter)
    true /= true.sum(axis=1, keepdims=True)
    index = [rng.choice(1 << K, p=row) for row in true]
    log_probs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    return log_probs, all_sets(K)[index]


def answers_of(decision, log_probs):
    marginals = np.exp(log_probs) @ all_sets(K)
    return (marginals >= np.array(decision.thresholds)).astype(np.int8)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), flatter=st.sampled_from([0.0, 0.3, 1.0]))
def test_labels_are_as_precise_as_promised_on_the_clips_they_were_fitted_on(seed, flatter):
    log_probs, truth = drawn(seed, flatter=flatter)
    decision = fit_decision(ListedSets(log_probs), truth)
    answers = answers_of(decision, log_probs)
    for k in range(K):
        count = answers[:, k].sum()
        assert count == 0 or count >= FEWEST
        if count:
            precision = (answers[:, k] & truth[:, k]).sum() / count
            assert precision >= PRECISION - 1e-9
            assert decision.precision[k] == pytest.approx(precision)
            assert decision.recall[k] == pytest.approx(
                (answers[:, k] & truth[:, k]).sum() / truth[:, k].sum()
            )
    assert (answers & ~truth.astype(bool)).sum() / len(truth) <= MOST_FALSE + 1e-9


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_likely_answers_are_right_on_other_clips_too(seed):
    log_probs, truth = drawn(seed, n=2000)
    half = slice(0, 1000), slice(1000, None)
    decision = fit_decision(ListedSets(log_probs[half[0]]), truth[half[0]])
    answers = answers_of(decision, log_probs[half[1]])
    confidence = confidences(log_probs[half[1]], answers)
    correct = right(answers, truth[half[1]])
    likely = np.array(
        [
            decision.reliability(c, labelled=bool(row.any())) == "likely"
            for c, row in zip(confidence, answers, strict=True)
        ]
    )
    if likely.sum() >= 100:
        error = 4 * np.sqrt(PROMISED * (1 - PROMISED) / likely.sum())
        assert correct[likely].mean() >= PROMISED - error


def test_a_model_that_knows_nothing_gives_no_label():
    rng = np.random.default_rng(0)
    log_probs, _ = drawn(1)
    truth = (rng.random((len(log_probs), K)) < 0.1).astype(np.int8)
    decision = fit_decision(ListedSets(log_probs), truth)
    assert decision.thresholds == (NEVER,) * K
    assert not answers_of(decision, log_probs).any()


def test_the_confidence_is_the_probability_of_being_right():
    log_probs, truth = drawn(2, n=4000)
    answers = (np.exp(log_probs) @ all_sets(K) >= 0.5).astype(np.int8)
    by_enumeration = np.zeros(len(answers))
    for index, members in enumerate(all_sets(K)):
        counted = right(answers, np.tile(members, (len(answers), 1)))
        by_enumeration += np.exp(log_probs[:, index]) * counted
    assert confidences(log_probs, answers) == pytest.approx(by_enumeration)
    assert right(answers, truth).mean() == pytest.approx(by_enumeration.mean(), abs=0.03)


def test_weights_count_as_copies_do():
    log_probs, truth = drawn(3, n=300)
    twice = np.arange(300) < 100
    weighted = fit_decision(ListedSets(log_probs), truth, 1.0 + twice)
    places = np.r_[np.arange(300), np.flatnonzero(twice)]
    copied = fit_decision(ListedSets(log_probs[places]), truth[places])
    assert weighted.thresholds == pytest.approx(copied.thresholds)
    assert weighted.precision == pytest.approx(copied.precision)
    assert weighted.recall == pytest.approx(copied.recall)


def test_false_labels_are_limited_whatever_the_precision_would_allow():
    rng = np.random.default_rng(5)
    n, sets = 2000, all_sets(K)
    truth = (rng.random((n, K)) < 0.65).astype(np.int8)  # any label is right 65 times in 100
    log_probs = np.log(np.full((n, 1 << K), 1e-3) + sets.all(axis=1))
    log_probs -= np.logaddexp.reduce(log_probs, axis=1, keepdims=True)
    answers = answers_of(fit_decision(ListedSets(log_probs), truth), log_probs)
    assert (answers & (truth == 0)).sum() / n <= MOST_FALSE


def test_a_frequent_label_is_not_given_where_it_is_mostly_wrong():
    # 300 clips at 0.3 of which 30 % are right, 300 at 0.9 of which 95 % are: 62 % of all.
    probs = np.repeat([0.3, 0.9], 300)
    truth = np.concatenate([np.arange(300) < 90, np.arange(300) < 285]).astype(np.int8)[:, None]
    decision = fit_decision(ListedSets(np.log(np.stack([1 - probs, probs], axis=1))), truth)
    assert truth.mean() >= PRECISION
    assert 0.3 < decision.thresholds[0] <= 0.9
