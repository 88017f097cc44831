import numpy as np
import pytest

from mmemo.decisions.calibration import (
    Calibration,
    apply_temperature,
    fit_temperature,
    pool_with_prior,
)
from mmemo.errors import DataError
from mmemo.labels import all_sets
from mmemo.metrics import set_nll
from mmemo.metrics.calibration import calibration_metrics


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_was_applied_is_found(temperature):
    rng = np.random.default_rng(0)
    honest = np.log(rng.dirichlet(np.full(64, 0.2), size=6000) + 1e-12)
    honest, _ = apply_temperature(honest, 1.0)
    drawn = [rng.choice(64, p=np.exp(row)) for row in honest]
    truth = all_sets(6)[drawn]
    distorted, _ = apply_temperature(honest, 1 / temperature)
    fitted = fit_temperature(distorted, truth)
    assert fitted == pytest.approx(temperature, rel=0.06)
    calibrated, marginals = apply_temperature(distorted, fitted)
    before = set_nll(truth=truth, set_log_probs=distorted)
    assert set_nll(truth=truth, set_log_probs=calibrated) <= before + 1e-9
    assert calibration_metrics(truth=truth, probs=marginals)["ece"] < 0.02
    np.testing.assert_array_equal(distorted.argmax(axis=1), calibrated.argmax(axis=1))


def test_partly_known_truth_is_enough():
    rng = np.random.default_rng(1)
    honest = np.log(rng.dirichlet(np.full(8, 0.3), size=8000) + 1e-12)
    honest, _ = apply_temperature(honest, 1.0)
    truth = all_sets(3)[[rng.choice(8, p=np.exp(row)) for row in honest]].astype(float)
    truth[:, 2] = np.nan
    distorted, _ = apply_temperature(honest, 0.5)
    assert fit_temperature(distorted, truth) == pytest.approx(2.0, rel=0.1)


def test_marginals_are_sums_over_sets_and_stay_finite():
    log_probs = np.log([[0.5, 0.25, 0.25, 1e-300]])
    log_probs[0, 3] = -np.inf
    scaled, marginals = apply_temperature(log_probs, 1.0)
    assert np.exp(scaled).sum() == pytest.approx(1)
    assert marginals[0] == pytest.approx([0.25, 0.25])
    # A model that is always right cannot be sure enough; one that knows nothing is left alone.
    assert fit_temperature(np.log([[0.9, 0.1]] * 3), np.zeros((3, 1))) < 0.1
    assert np.isfinite(fit_temperature(np.log(np.full((3, 2), 0.5)), np.ones((3, 1))))
    assert np.isfinite(fit_temperature([[-np.inf, 0.0]], np.zeros((1, 1))))


@pytest.mark.parametrize(
    ("log_probs", "truth", "message"),
    [
        (np.zeros((2, 8)), np.zeros((2, 2)), r"\(N, 2\*\*K\)"),
        (np.full((2, 4), 0.5), np.zeros((2, 2)), "0 or below"),
        (np.full((2, 4), np.nan), np.zeros((2, 2)), "0 or below"),
    ],
)
def test_mismatched_arguments_are_refused(log_probs, truth, message):
    with pytest.raises(DataError, match=message):
        fit_temperature(log_probs, truth)


def test_no_temperature_of_zero():
    with pytest.raises(DataError, match="above 0"):
        apply_temperature(np.zeros((1, 1)), 0.0)


def honest_answers(clips, seed=0):
    """Distributions over sets, truth drawn from them, and the frequencies of the sets."""
    rng = np.random.default_rng(seed)
    prior = rng.dirichlet(np.full(64, 0.5)) + 1e-3
    prior /= prior.sum()
    table = np.stack([rng.dirichlet(40 * prior) for _ in range(clips)]) + 1e-9
    log_probs, _ = apply_temperature(np.log(table), 1.0)
    truth = all_sets(6)[[rng.choice(64, p=np.exp(row)) for row in log_probs]]
    return log_probs, truth, prior


@pytest.mark.parametrize("share", [0.15, 0.5])
def test_pooling_puts_back_the_share_of_the_prior_that_was_taken_out(share):
    honest, truth, prior = honest_answers(4000)
    too_sure, _ = apply_temperature((honest - share * np.log(prior)) / (1 - share), 1.0)
    repaired, marginals = pool_with_prior(too_sure, prior, np.full(len(truth), share))
    np.testing.assert_allclose(repaired, honest, atol=1e-6)
    np.testing.assert_allclose(marginals, np.exp(honest) @ all_sets(6), atol=1e-6)


def test_each_clip_is_calibrated_by_its_modalities():
    log_probs, _, prior = honest_answers(4)
    voice, words = frozenset({"audio"}), frozenset({"text"})
    calibration = Calibration(2.0, prior, {voice: 0.4})
    calibrated, marginals = calibration(log_probs, [voice, words, frozenset(), voice | words])
    warm, _ = apply_temperature(log_probs, 2.0)
    np.testing.assert_allclose(calibrated[[1, 3]], warm[[1, 3]])
    np.testing.assert_allclose(np.exp(calibrated[2]), prior)
    np.testing.assert_allclose(calibrated[0], pool_with_prior(warm, prior, [0.4] * 4)[0][0])
    np.testing.assert_allclose(marginals, np.exp(calibrated) @ all_sets(6))


def test_a_share_is_a_share():
    log_probs, _, prior = honest_answers(1)
    with pytest.raises(DataError, match="from 0 to 1"):
        pool_with_prior(log_probs, prior, [1.2])
    never = np.array([[0.0, -np.inf]])
    pooled, _ = pool_with_prior(never, np.array([0.5, 0.5]), [0.5])
    assert np.exp(pooled[0]) == pytest.approx([1, 0])
