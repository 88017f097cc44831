import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from torchmetrics.functional import classification as tm

from mmemo.errors import DataError
from mmemo.labels import EMOTIONS
from mmemo.metrics import (
    Resamples,
    precision_recall_curve,
    ranking_intervals,
    ranking_metrics,
    single_label_metrics,
)
from mmemo.metrics.single_label import is_single_label


def draw(seed, clips, ties=False):
    """Truth and probabilities; with few positives, empty rows, and many equal probabilities."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((clips, 6)) < rng.choice([0.0, 0.2, 0.6, 1.0], size=6)).astype(int)
    probs = np.clip(0.3 * truth + rng.random((clips, 6)) * 0.7, 0, 1)
    return truth, np.round(probs, 1) if ties else probs


@given(st.integers(0, 10_000), st.integers(1, 40), st.booleans())
def test_equals_scikit_learn(seed, clips, ties):
    truth, probs = draw(seed, clips, ties)
    metrics = ranking_metrics(truth=truth, probs=probs)
    aucs, precisions = [], []
    for k, label in enumerate(EMOTIONS):
        scores = metrics["per_label"][label]
        positives = truth[:, k].sum()
        if positives:
            precisions.append(sk.average_precision_score(truth[:, k], probs[:, k]))
            assert scores["average_precision"] == pytest.approx(precisions[-1])
        else:
            assert scores["average_precision"] is None
        if 0 < positives < clips:
            aucs.append(sk.roc_auc_score(truth[:, k], probs[:, k]))
            assert scores["auc"] == pytest.approx(aucs[-1])
        else:
            assert scores["auc"] is None
    for name, values in (("macro_auc", aucs), ("macro_average_precision", precisions)):
        assert metrics[name] == (pytest.approx(np.mean(values)) if values else None)
    if 0 < truth.sum() < truth.size:
        assert metrics["micro_auc"] == pytest.approx(sk.roc_auc_score(truth.ravel(), probs.ravel()))


@given(st.integers(0, 1000))
def test_equals_torchmetrics(seed):
    truth, probs = draw(seed, 30, ties=True)
    truth[0], truth[1] = 0, 1
    metrics = ranking_metrics(truth=truth, probs=probs)
    probs_tensor, truth_tensor = torch.from_numpy(probs), torch.from_numpy(truth)
    auc = tm.multilabel_auroc(probs_tensor, truth_tensor, num_labels=6)
    assert metrics["macro_auc"] == pytest.approx(float(auc), abs=1e-5)
    precision = tm.multilabel_average_precision(
        probs_tensor, truth_tensor, num_labels=6, average="micro"
    )
    assert metrics["micro_average_precision"] == pytest.approx(float(precision), abs=1e-5)


@given(st.integers(0, 1000), st.integers(1, 30), st.booleans())
def test_the_curve_is_that_of_scikit_learn(seed, clips, ties):
    truth, probs = draw(seed, clips, ties)
    for k in range(6):
        curve = precision_recall_curve(truth=truth[:, k], probs=probs[:, k])
        if not truth[:, k].any():
            assert not curve.recall.size
            continue
        precision, recall, thresholds = sk.precision_recall_curve(truth[:, k], probs[:, k])
        np.testing.assert_allclose(curve.precision, precision[:-1][::-1])
        np.testing.assert_allclose(curve.recall, recall[:-1][::-1])
        np.testing.assert_allclose(curve.thresholds, thresholds[::-1])


@given(st.integers(0, 1000))
def test_unknown_cells_count_nowhere(seed):
    truth, probs = draw(seed, 40)
    unknown = np.random.default_rng(seed).random(truth.shape) < 0.3
    unknown[:, 0] = False
    metrics = ranking_metrics(truth=np.where(unknown, np.nan, truth), probs=probs)
    for k, label in enumerate(EMOTIONS):
        rows = ~unknown[:, k]
        if 0 < truth[rows, k].sum() < rows.sum():
            expected = sk.roc_auc_score(truth[rows, k], probs[rows, k])
            assert metrics["per_label"][label]["auc"] == pytest.approx(expected)


def test_intervals_equal_scoring_each_resample():
    truth, probs = draw(3, 30, ties=True)
    truth[0], truth[1] = 0, 1
    resamples = Resamples.draw([str(i // 2) for i in range(30)], resamples=120)
    intervals = ranking_intervals(truth=truth, probs=probs, resamples=resamples)
    scores = []
    for draws in resamples.draws.astype(int):
        rows = np.repeat(np.arange(30), draws[resamples.member])
        scores.append(ranking_metrics(truth=truth[rows], probs=probs[rows])["macro_auc"])
    assert intervals["macro_auc"] == pytest.approx(np.quantile(scores, [0.025, 0.975]))


@pytest.mark.parametrize(
    ("probs", "message"),
    [(np.full((2, 6), 1.5), "from 0 to 1"), (np.full((2, 6), np.nan), "from 0 to 1"),
     (np.zeros((2, 5)), "one shape")],
)  # fmt: skip
def test_other_numbers_than_probabilities_are_refused(probs, message):
    with pytest.raises(DataError, match=message):
        ranking_metrics(truth=np.zeros((2, 6)), probs=probs)


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(2, 8))
def test_single_label_scores_equal_scikit_learn(seed, clips, n_labels):
    rng = np.random.default_rng(seed)
    index = rng.integers(0, n_labels, clips)
    truth, probs = np.eye(n_labels)[index], rng.random((clips, n_labels))
    labels = [f"label{k}" for k in range(n_labels)]
    resamples = Resamples.draw([str(i) for i in range(clips)], resamples=50)
    metrics = single_label_metrics(truth=truth, probs=probs, labels=labels, resamples=resamples)
    answer = probs.argmax(axis=1)
    assert metrics["accuracy"] == pytest.approx(sk.accuracy_score(index, answer))
    recall = sk.recall_score(
        index, answer, labels=np.unique(index), average="macro", zero_division=0
    )
    assert metrics["uar"] == pytest.approx(recall)
    expected = sk.confusion_matrix(index, answer, labels=np.arange(n_labels))
    assert metrics["confusion"] == expected.tolist()
    weighted = sk.f1_score(index, answer, average="weighted", zero_division=0)
    assert metrics["weighted_f1"] == pytest.approx(weighted)
    for name in ("accuracy", "uar", "weighted_f1"):
        low, high = metrics["interval95"][name]
        assert 0 <= low <= high <= 1


def test_single_label_scores_need_one_label_per_clip():
    assert is_single_label(np.eye(3))
    assert not is_single_label([[1, 1, 0]])
    assert not is_single_label([[0, 0, 0]])
    assert not is_single_label([[1, 0, np.nan]])
    with pytest.raises(DataError, match="exactly one label"):
        single_label_metrics(truth=[[1, 1]], probs=[[0.5, 0.5]], labels=["a", "b"])
