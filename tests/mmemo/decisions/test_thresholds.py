import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from mmemo.decisions.decoding import decode_threshold, tune_label_thresholds
from mmemo.decisions.thresholds import expected_f1_thresholds
from mmemo.errors import DataError
from mmemo.metrics import multilabel_metrics


def honest(seed, clips):
    """Truth drawn from the probabilities themselves, labels of different frequency."""
    rng = np.random.default_rng(seed)
    probs = expit(rng.normal(size=(clips, 6)) * 1.2 - np.array([0, 1, 1, 2, 1.5, 2.5]))
    return probs, (rng.random((clips, 6)) < probs).astype(int)


def macro_f1(truth, pred):
    return multilabel_metrics(truth=truth, pred=pred)["macro_f1"]


def test_on_honest_probabilities_nothing_much_better_exists():
    probs, truth = honest(0, 20_000)
    score = macro_f1(truth, decode_threshold(probs, expected_f1_thresholds(probs, truth)))
    best = macro_f1(truth, decode_threshold(probs, tune_label_thresholds(probs, truth)))
    assert best - 0.004 < score <= best


def test_labels_that_are_too_sure_or_shifted_are_seen_through():
    probs, truth = honest(1, 8000)
    bent = expit(1.8 * logit(probs) + np.array([0.5, -0.5, 0.3, -0.8, 0.4, -1.0]))
    plain = decode_threshold(probs, expected_f1_thresholds(probs, truth))
    seen_through = decode_threshold(bent, expected_f1_thresholds(bent, truth))
    assert (plain != seen_through).mean() < 0.01


def test_it_is_steadier_than_the_best_threshold_of_few_clips():
    probs, truth = honest(2, 30_000)
    gains = []
    for start in range(0, 9000, 300):
        few = slice(start, start + 300)
        scores = [
            macro_f1(
                truth[10_000:], decode_threshold(probs[10_000:], choose(probs[few], truth[few]))
            )
            for choose in (expected_f1_thresholds, tune_label_thresholds)
        ]
        gains.append(scores[0] - scores[1])
    assert np.mean(gains) > 0.005


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_thresholds_are_always_usable(seed, clips):
    rng = np.random.default_rng(seed)
    probs = rng.random((clips, 4)).round(int(rng.integers(0, 3)))
    truth = (rng.random((clips, 4)) < rng.choice([0, 0.5, 1], size=4)).astype(int)
    thresholds = expected_f1_thresholds(probs, truth)
    assert ((thresholds >= 0) & (thresholds <= 1)).all()
    assert (thresholds[~truth.any(axis=0)] == 1).all()


def test_a_label_that_is_always_there_is_always_answered():
    probs = np.random.default_rng(0).random((50, 2))
    thresholds = expected_f1_thresholds(probs, np.ones((50, 2)))
    assert decode_threshold(probs, thresholds).all()


@pytest.mark.parametrize(
    ("probs", "truth", "message"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), "one shape"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "one shape"),
        (np.full((2, 3), np.nan), np.zeros((2, 3)), "from 0 to 1"),
        (np.zeros((2, 3)), np.full((2, 3), 2), "truth of 0 and 1"),
        (np.zeros((2, 3)), [[1, 0, np.nan]] * 2, "got NaN"),
    ],
)
def test_mismatched_arguments_are_refused(probs, truth, message):
    with pytest.raises(DataError, match=message):
        expected_f1_thresholds(probs, truth)
