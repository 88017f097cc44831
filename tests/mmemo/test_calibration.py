import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from torchmetrics.functional.classification import binary_calibration_error

from mmemo.calibration import (
    apply_temperature,
    calibration_metrics,
    fit_temperature,
    reliability,
)
from mmemo.errors import DataError
from mmemo.labels import all_sets
from mmemo.metrics import Resamples, set_nll


def draw(seed, clips):
    rng = np.random.default_rng(seed)
    probs = rng.random((clips, 6)) ** 2
    return (rng.random((clips, 6)) < probs**1.5).astype(int), probs


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_equals_torchmetrics_and_scikit_learn(seed, clips):
    truth, probs = draw(seed, clips)
    found = calibration_metrics(truth=truth, probs=probs)
    given_, wanted = torch.from_numpy(probs), torch.from_numpy(truth)
    # torchmetrics keeps its bin edges in single precision
    expected = binary_calibration_error(given_.ravel(), wanted.ravel(), n_bins=15, norm="l1")
    assert found["ece"] == pytest.approx(float(expected), abs=1e-5)
    assert found["brier"] == pytest.approx(brier_score_loss(truth.ravel(), probs.ravel()))
    for k, held in enumerate(found["per_label"].values()):
        column, wanted_column = given_[:, k].contiguous(), wanted[:, k].contiguous()
        each = binary_calibration_error(column, wanted_column, n_bins=15, norm="l1")
        assert held["ece"] == pytest.approx(float(each), abs=1e-5)


def test_the_curve_holds_every_cell_and_gives_the_error():
    truth, probs = draw(0, 200)
    probs[0], probs[1] = 0.0, 1.0
    curve = reliability(truth=truth, probs=probs)
    assert sum(point.count for point in curve) == truth.size
    assert all(point.low <= point.mean_prob <= point.high for point in curve)
    gaps = [point.count * abs(point.mean_prob - point.frequency) for point in curve]
    found = calibration_metrics(truth=truth, probs=probs)
    assert found["ece"] == pytest.approx(sum(gaps) / truth.size)
    empty = reliability(truth=np.zeros((1, 2)), probs=np.zeros((1, 2)), bins=4)
    assert [point.mean_prob for point in empty] == [0.0, None, None, None]


def test_unknown_cells_count_nowhere():
    truth, probs = draw(0, 300)
    partial = truth.astype(float)
    partial[:150, 2:] = np.nan
    found = calibration_metrics(truth=partial, probs=probs)
    known = ~np.isnan(partial)
    assert found["brier"] == pytest.approx(((probs - truth) ** 2)[known].mean())
    assert found["per_label"]["fear"] == pytest.approx(
        calibration_metrics(truth=truth[150:], probs=probs[150:])["per_label"]["fear"]
    )


def test_intervals_cover_the_value():
    truth, probs = draw(0, 400)
    resamples = Resamples.draw([str(i // 4) for i in range(400)])
    found = calibration_metrics(truth=truth, probs=probs, resamples=resamples)
    for name in ("ece", "brier"):
        low, high = found["interval95"][name]
        assert low < high
        assert low * 0.8 < found[name] < high


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_was_applied_is_found(temperature):
    rng = np.random.default_rng(0)
    honest = np.log(rng.dirichlet(np.full(64, 0.2), size=6000) + 1e-12)
    honest, _ = apply_temperature(honest, 1.0)
    drawn = [rng.choice(64, p=np.exp(row)) for row in honest]
    truth = all_sets(6)[drawn]
    distorted, _ = apply_temperature(honest, 1 / temperature)
    found = fit_temperature(distorted, truth)
    assert found == pytest.approx(temperature, rel=0.06)
    repaired, marginals = apply_temperature(distorted, found)
    before = set_nll(truth=truth, set_log_probs=distorted)
    assert set_nll(truth=truth, set_log_probs=repaired) <= before + 1e-9
    assert calibration_metrics(truth=truth, probs=marginals)["ece"] < 0.02
    np.testing.assert_array_equal(distorted.argmax(axis=1), repaired.argmax(axis=1))


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
    ("log_probs", "truth", "said"),
    [
        (np.zeros((2, 8)), np.zeros((2, 2)), r"\(N, 2\*\*K\)"),
        (np.full((2, 4), 0.5), np.zeros((2, 2)), "0 or below"),
        (np.full((2, 4), np.nan), np.zeros((2, 2)), "0 or below"),
    ],
)
def test_what_does_not_fit_is_refused(log_probs, truth, said):
    with pytest.raises(DataError, match=said):
        fit_temperature(log_probs, truth)


def test_no_temperature_of_zero():
    with pytest.raises(DataError, match="above 0"):
        apply_temperature(np.zeros((1, 1)), 0.0)
