import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from torchmetrics.functional.classification import binary_calibration_error

from mmemo.metrics import Resamples
from mmemo.metrics.calibration import calibration_metrics, reliability


def draw(seed, clips):
    rng = np.random.default_rng(seed)
    probs = rng.random((clips, 6)) ** 2
    return (rng.random((clips, 6)) < probs**1.5).astype(int), probs


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_equals_torchmetrics_and_scikit_learn(seed, clips):
    truth, probs = draw(seed, clips)
    metrics = calibration_metrics(truth=truth, probs=probs)
    probs_tensor, truth_tensor = torch.from_numpy(probs), torch.from_numpy(truth)
    # torchmetrics keeps its bin edges in single precision
    expected = binary_calibration_error(
        probs_tensor.ravel(), truth_tensor.ravel(), n_bins=15, norm="l1"
    )
    assert metrics["ece"] == pytest.approx(float(expected), abs=1e-5)
    assert metrics["brier"] == pytest.approx(brier_score_loss(truth.ravel(), probs.ravel()))
    for k, scores in enumerate(metrics["per_label"].values()):
        column, truth_column = probs_tensor[:, k].contiguous(), truth_tensor[:, k].contiguous()
        each = binary_calibration_error(column, truth_column, n_bins=15, norm="l1")
        assert scores["ece"] == pytest.approx(float(each), abs=1e-5)


def test_the_curve_has_every_cell_and_gives_the_error():
    truth, probs = draw(0, 200)
    probs[0], probs[1] = 0.0, 1.0
    curve = reliability(truth=truth, probs=probs)
    assert sum(point.count for point in curve) == truth.size
    assert all(point.low <= point.mean_prob <= point.high for point in curve)
    gaps = [point.count * abs(point.mean_prob - point.frequency) for point in curve]
    metrics = calibration_metrics(truth=truth, probs=probs)
    assert metrics["ece"] == pytest.approx(sum(gaps) / truth.size)
    empty = reliability(truth=np.zeros((1, 2)), probs=np.zeros((1, 2)), bins=4)
    assert [point.mean_prob for point in empty] == [0.0, None, None, None]


def test_unknown_cells_count_nowhere():
    truth, probs = draw(0, 300)
    partial = truth.astype(float)
    partial[:150, 2:] = np.nan
    metrics = calibration_metrics(truth=partial, probs=probs)
    known = ~np.isnan(partial)
    assert metrics["brier"] == pytest.approx(((probs - truth) ** 2)[known].mean())
    assert metrics["per_label"]["fear"] == pytest.approx(
        calibration_metrics(truth=truth[150:], probs=probs[150:])["per_label"]["fear"]
    )


def test_intervals_cover_the_value():
    truth, probs = draw(0, 400)
    resamples = Resamples.draw([str(i // 4) for i in range(400)])
    metrics = calibration_metrics(truth=truth, probs=probs, resamples=resamples)
    for name in ("ece", "brier"):
        low, high = metrics["interval95"][name]
        assert low < high
        assert low * 0.8 < metrics[name] < high
