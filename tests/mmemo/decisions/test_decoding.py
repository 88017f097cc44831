import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmemo.arrays import Floats
from mmemo.decisions.decoding import (
    UTILITIES,
    decode_hamming,
    decode_jaccard,
    decode_map,
    decode_threshold,
    expected_utility_decode,
    tune_label_thresholds,
    tune_threshold,
    utility,
)
from mmemo.errors import DataError
from mmemo.labels import all_sets


def distributions(seed: int, n_labels: int = 6, clips: int = 12) -> Floats:
    """Random distributions over sets, from nearly certain to nearly uniform."""
    rng = np.random.default_rng(seed)
    sharpness = 10 ** rng.uniform(-1.5, 1.5, size=clips)
    return np.stack([rng.dirichlet(np.full(2**n_labels, s)) for s in sharpness])


def score(metric: str, answer: set[int], truth: set[int], n_labels: int) -> float:
    """The metric of one clip, from its definition on Python sets."""
    if metric == "exact_match":
        return float(answer == truth)
    if metric == "hamming_loss":
        return -len(answer ^ truth) / n_labels
    if not answer | truth:
        return 1.0 if metric.endswith("1") else 0.0
    return len(answer & truth) / len(answer | truth)


@pytest.mark.parametrize("metric", UTILITIES)
@pytest.mark.parametrize("n_labels", [1, 3, 6])
def test_utilities_are_the_definitions(metric: str, n_labels: int) -> None:
    sets = [{k for k, on in enumerate(row) if on} for row in all_sets(n_labels)]
    expected = [[score(metric, a, t, n_labels) for t in sets] for a in sets]
    np.testing.assert_allclose(utility(metric, n_labels), expected)


@given(st.integers(0, 10_000), st.sampled_from(UTILITIES))
def test_decoders_equal_brute_force_over_all_64_answers(seed: int, metric: str) -> None:
    probs = distributions(seed)
    sets = [{k for k, on in enumerate(row) if on} for row in all_sets(6)]
    table = np.array([[score(metric, a, t, 6) for t in sets] for a in sets])
    decode = {
        "exact_match": decode_map,
        "acc_jaccard_empty0": decode_jaccard,
        "acc_jaccard_empty1": lambda p: decode_jaccard(p, empty_pair=True),
        "hamming_loss": decode_hamming,
    }[metric]
    indices = decode(probs) @ (1 << np.arange(6))
    for clip, answer in enumerate(indices):
        earned = [sum(probs[clip, t] * table[a, t] for t in range(64)) for a in range(64)]
        assert earned[answer] == pytest.approx(max(earned), abs=1e-12)


@given(st.integers(0, 10_000))
def test_hamming_is_a_threshold_of_one_half_and_map_the_mode(seed: int) -> None:
    probs = distributions(seed)
    marginals = probs @ all_sets(6)
    np.testing.assert_array_equal(decode_hamming(probs), decode_threshold(marginals, 0.5))
    np.testing.assert_array_equal(decode_map(probs), all_sets(6)[probs.argmax(axis=1)])


def test_the_fields_convention_never_answers_with_nothing() -> None:
    probs = np.zeros((1, 64))
    probs[0, 0], probs[0, 4] = 0.9, 0.1
    assert decode_jaccard(probs).tolist() == [[0, 0, 1, 0, 0, 0]]
    assert decode_jaccard(probs, empty_pair=True).sum() == 0
    assert decode_map(probs).sum() == 0


def test_each_answer_is_best_for_its_own_score() -> None:
    probs = distributions(7, clips=200)
    answers = {m: expected_utility_decode(probs, utility(m, 6)) for m in UTILITIES}
    earned = {
        (m, a): sum(probs[i] @ utility(m, 6)[int(v @ (1 << np.arange(6)))] for i, v in enumerate(t))
        for m in UTILITIES
        for a, t in answers.items()
    }
    for m in UTILITIES:
        assert all(earned[m, m] >= earned[m, a] - 1e-9 for a in UTILITIES)
        assert earned[m, m] > min(earned[m, a] for a in UTILITIES) + 1e-3


@given(st.integers(0, 10_000), st.booleans())
def test_no_threshold_beats_the_tuned_one(seed: int, coarse: bool) -> None:
    rng = np.random.default_rng(seed)
    probs = rng.random((9, 3)).round(1 if coarse else 6)
    truth = rng.random((9, 3)) < rng.uniform(0.05, 0.95)
    tried = [-1.0, *np.unique(probs), 2.0]
    tuned = f1(truth, decode_threshold(probs, tune_threshold(probs, truth)))
    assert tuned == pytest.approx(max(f1(truth, probs >= t) for t in tried))
    own = decode_threshold(probs, tune_label_thresholds(probs, truth))
    for k in range(3):
        best = max(f1(truth[:, k], probs[:, k] >= t) for t in tried)
        assert f1(truth[:, k], own[:, k]) == pytest.approx(best)


def f1(truth: NDArray[np.generic], pred: NDArray[np.generic]) -> float:
    """F1 over all entries, from its definition."""
    true, predicted = truth.astype(bool), pred.astype(bool)
    return float(2 * (true & predicted).sum() / max(1, true.sum() + predicted.sum()))


def test_a_tuned_threshold_stands_between_the_probabilities() -> None:
    assert tune_threshold([[0.9], [0.5], [0.1]], [[1], [1], [0]]) == pytest.approx(0.3)
    assert tune_threshold([[0.9], [0.1]], [[0], [0]]) == 1.0


@pytest.mark.parametrize(
    ("probs", "truth"),
    [
        (np.ones((2, 3)), np.ones((3, 2))),
        (np.ones(3), np.ones(3)),
        (np.ones((0, 3)), np.ones((0, 3))),
        (np.full((2, 3), np.nan), np.ones((2, 3))),
        (np.full((2, 3), 1.5), np.ones((2, 3))),
        (np.ones((2, 3)), [[1, 0, np.nan]] * 2),
    ],
)
def test_thresholds_refuse_mismatched_arguments(probs: Floats, truth: Floats) -> None:
    with pytest.raises(DataError, match="expected"):
        tune_threshold(probs, truth)
    with pytest.raises(DataError, match="expected"):
        tune_label_thresholds(probs, truth)


def test_decoding_refuses_mismatched_arguments() -> None:
    with pytest.raises(DataError, match=r"utility \(S, S\)"):
        expected_utility_decode(np.ones((2, 8)), np.ones((4, 4)))
    with pytest.raises(DataError, match=r"2\*\*K sets; got 6"):
        expected_utility_decode(np.ones((2, 6)), np.ones((6, 6)))
    with pytest.raises(DataError, match="finite"):
        decode_map(np.full((2, 8), np.nan))
    with pytest.raises(DataError, match="expected a metric among exact_match"):
        utility("micro_f1", 6)
    with pytest.raises(DataError, match="expected"):
        decode_jaccard(np.ones(64))
