"""Independent labels give what their listed sets give: every answer is checked by enumeration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_expit

from mmemo.decisions.calibration import Calibration
from mmemo.decisions.decoding import UTILITIES, utility
from mmemo.decisions.set_distributions import SET_DECODERS, IndependentLabels, ListedSets
from mmemo.errors import DataError
from mmemo.labels import all_sets, sets_of, to_set_index

SCORE_OF = {
    "jaccard": "acc_jaccard_empty0",
    "jaccard1": "acc_jaccard_empty1",
    "hamming": "hamming_loss",
    "map": "exact_match",
}
NOTHING, TEXT = frozenset(), frozenset({"text"})


def listed(log_odds):
    """Return the same distribution with all its sets."""
    sets = all_sets(log_odds.shape[1])
    return log_expit(log_odds) @ sets.T + log_expit(-log_odds) @ (1 - sets).T


def drawn(seed, n_labels, clips=4, spread=2.0):
    rng = np.random.default_rng(seed)
    return rng.normal(-0.5, spread, size=(clips, n_labels)), rng


@given(st.integers(0, 10**6), st.integers(1, 10), st.sampled_from([0.3, 2.0, 8.0]))
def test_the_answers_have_the_highest_expected_score_of_all_sets(seed, n_labels, spread):
    log_odds, _ = drawn(seed, n_labels, spread=spread)
    probs = np.exp(listed(log_odds))
    assert set(SCORE_OF.values()) == set(UTILITIES)
    assert set(SCORE_OF) == set(SET_DECODERS)
    for decoder, metric in SCORE_OF.items():
        expected = probs @ utility(metric, n_labels).T
        chosen = to_set_index(IndependentLabels(log_odds).decode(decoder))
        reached = np.take_along_axis(expected, chosen[:, None], axis=1)[:, 0]
        np.testing.assert_allclose(reached, expected.max(axis=1), atol=1e-10)


@given(st.integers(0, 10**6), st.integers(2, 8))
def test_likelihood_confidence_and_calibration_are_those_of_the_listed_sets(seed, n_labels):
    log_odds, rng = drawn(seed, n_labels)
    products, tables = IndependentLabels(log_odds), ListedSets(listed(log_odds))
    truth = rng.integers(0, 2, size=log_odds.shape).astype(float)
    truth[1:][rng.random((3, n_labels)) < 0.2] = np.nan
    truth[:, 0] = 1
    assert products.nll(truth) == pytest.approx(tables.nll(truth))
    assert products.temperature(truth) == pytest.approx(tables.temperature(truth), rel=1e-3)
    answers = rng.integers(0, 2, size=log_odds.shape).astype(np.int8)
    answers[0] = 0
    np.testing.assert_allclose(products.confidences(answers), tables.confidences(answers))
    rates = rng.uniform(0.05, 0.95, size=n_labels)
    prior = np.exp(listed(np.log(rates / (1 - rates))[None]))[0]
    read = [TEXT, NOTHING, TEXT, NOTHING]
    product, product_marginals = products.calibrated(Calibration(1.7, rates, {TEXT: 0.3}), read)
    table, table_marginals = tables.calibrated(Calibration(1.7, prior, {TEXT: 0.3}), read)
    np.testing.assert_allclose(listed(product.log_odds), table.log_probs, atol=1e-8)
    np.testing.assert_allclose(product_marginals, table_marginals, atol=1e-8)
    np.testing.assert_allclose(product_marginals[1], rates)


@pytest.mark.parametrize("n_labels", [13, 28, 63, 64, 200])
def test_any_number_of_labels_is_decoded_and_has_an_index(n_labels):
    log_odds, rng = drawn(0, n_labels, clips=50)
    sets = IndependentLabels(log_odds)
    for decoder in SET_DECODERS:
        assert sets.decode(decoder).shape == (50, n_labels)
    answers = sets.decode("jaccard")
    assert answers.any(axis=1).all(), "an empty answer scores 0"
    assert (expit(log_odds)[answers == 1].mean()) > expit(log_odds)[answers == 0].mean()
    truth = rng.integers(0, 2, size=(50, n_labels)).astype(np.int8)
    truth[0], truth[1, -1] = 0, 1
    np.testing.assert_array_equal(sets_of(to_set_index(truth), n_labels), truth)


def test_no_list_of_the_sets_of_many_labels_is_made():
    with pytest.raises(DataError, match="at most 12 labels whose 2\\^K sets are listed; got 13"):
        all_sets(13)
