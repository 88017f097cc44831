import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from torchmetrics.functional import classification as tm

from mmemo.arrays import Ints
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS, all_sets
from mmemo.metrics import (
    SCALARS,
    bootstrap_intervals,
    constant_baselines,
    multilabel_metrics,
    set_nll,
)


def draw(seed: int, clips: int) -> tuple[Ints, Ints]:
    """Truth and prediction of any density, with empty and full rows, and labels never used."""
    rng = np.random.default_rng(seed)
    truth = rng.random((clips, 6)) < rng.choice([0, 0.2, 0.6, 1], size=(clips, 1))
    pred = rng.random((clips, 6)) < rng.choice([0, 0.3, 0.9], size=(clips, 1))
    if seed % 3 == 0:
        truth[:, seed % 6] = False
        pred[:, (seed // 3) % 6] = False
    return truth.astype(np.int64), pred.astype(np.int64)


@settings(max_examples=40)
@given(st.integers(0, 100_000), st.integers(1, 12))
def test_equals_scikit_learn(seed: int, clips: int) -> None:
    truth, pred = draw(seed, clips)
    metrics = multilabel_metrics(truth=truth, pred=pred)
    assert set(metrics) == {*SCALARS, "per_label"}
    assert metrics["exact_match"] == pytest.approx(sk.accuracy_score(truth, pred))
    assert metrics["hamming_loss"] == pytest.approx(sk.hamming_loss(truth, pred))
    for empty in (0, 1):
        both = [
            sk.jaccard_score(t, p, zero_division=empty) for t, p in zip(truth, pred, strict=True)
        ]
        assert metrics[f"acc_jaccard_empty{empty}"] == pytest.approx(np.mean(both))
    for average in ("micro", "macro", "weighted", "samples"):
        expected = sk.precision_recall_fscore_support(
            truth, pred, average=average, zero_division=0
        )[:3]
        for name, value in zip(("precision", "recall", "f1"), expected, strict=True):
            assert metrics[f"{average}_{name}"] == pytest.approx(value), name
    by_label = sk.precision_recall_fscore_support(truth, pred, average=None, zero_division=0)
    for k, label in enumerate(EMOTIONS):
        scores = metrics["per_label"][label]
        figures = [scores[name] for name in ("precision", "recall", "f1", "support")]
        assert figures == pytest.approx([column[k] for column in by_label])
        assert isinstance(scores["support"], int)
        binary = sk.f1_score(truth[:, k], pred[:, k], average="weighted", zero_division=0)
        assert scores["binary_weighted_f1"] == pytest.approx(binary)
        occurring = np.unique(truth[:, k])
        recalls = sk.recall_score(
            truth[:, k], pred[:, k], labels=occurring, average=None, zero_division=0
        )
        assert scores["weighted_accuracy"] == pytest.approx(recalls.mean())


@given(st.integers(0, 1000))
def test_swapping_truth_and_prediction_swaps_precision_and_recall(seed: int) -> None:
    truth, pred = draw(seed, 20)
    one = multilabel_metrics(truth=truth, pred=pred)
    other = multilabel_metrics(truth=pred, pred=truth)
    assert one["micro_precision"] == other["micro_recall"]
    assert one["acc_jaccard_empty0"] == other["acc_jaccard_empty0"]
    with pytest.raises(TypeError):
        multilabel_metrics(truth, pred)  # type: ignore[misc]


@given(st.integers(0, 1000), st.integers(2, 8))
def test_equals_torchmetrics(seed: int, clips: int) -> None:
    truth, pred = draw(seed, clips)
    metrics = multilabel_metrics(truth=truth, pred=pred)
    pred_tensor, truth_tensor = torch.from_numpy(pred), torch.from_numpy(truth)
    hamming = tm.multilabel_hamming_distance(pred_tensor, truth_tensor, num_labels=6)
    assert metrics["hamming_loss"] == pytest.approx(float(hamming), abs=1e-6)
    exact = tm.multilabel_exact_match(pred_tensor, truth_tensor, num_labels=6)
    assert metrics["exact_match"] == pytest.approx(float(exact), abs=1e-6)
    for average in ("micro", "weighted"):
        f1 = tm.multilabel_f1_score(pred_tensor, truth_tensor, num_labels=6, average=average)
        assert metrics[f"{average}_f1"] == pytest.approx(float(f1), abs=1e-6)
    by_label = tm.multilabel_f1_score(pred_tensor, truth_tensor, num_labels=6, average="none")
    assert [s["f1"] for s in metrics["per_label"].values()] == pytest.approx(by_label.tolist())


@given(st.integers(0, 1000), st.integers(1, 30))
def test_a_label_that_is_not_annotated_counts_nowhere(seed: int, clips: int) -> None:
    truth, pred = draw(seed, clips)
    rng = np.random.default_rng(seed)
    unknown = rng.random(truth.shape) < 0.4
    unknown[unknown.all(axis=1), 0] = False
    partial = np.where(unknown, np.nan, truth)
    metrics = multilabel_metrics(truth=partial, pred=pred)
    flipped = multilabel_metrics(truth=partial, pred=np.where(unknown, 1 - pred, pred))
    assert metrics == flipped
    cells = ~unknown
    assert metrics["micro_f1"] == pytest.approx(
        sk.f1_score(truth[cells], pred[cells], zero_division=0)
    )
    for k, label in enumerate(EMOTIONS):
        scores = metrics["per_label"][label]
        rows = cells[:, k]
        if rows.any():
            expected = sk.f1_score(truth[rows, k], pred[rows, k], zero_division=0)
            assert scores["f1"] == pytest.approx(expected)
    wrong = [(t[known] != p[known]).mean() for t, p, known in zip(truth, pred, cells, strict=True)]
    assert metrics["hamming_loss"] == pytest.approx(np.mean(wrong))


def test_perfect_and_empty_answers_in_both_conventions() -> None:
    truth = np.array([[0] * 6, [1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0] * 6])
    perfect = multilabel_metrics(truth=truth, pred=truth)
    assert perfect["acc_jaccard_empty0"] == 0.5  # the two clips without labels cannot be won
    assert perfect["acc_jaccard_empty1"] == perfect["exact_match"] == 1.0
    nothing = multilabel_metrics(truth=truth, pred=np.zeros_like(truth))
    assert nothing["acc_jaccard_empty0"] == 0.0
    assert nothing["acc_jaccard_empty1"] == nothing["exact_match"] == 0.5
    assert nothing["hamming_loss"] == pytest.approx(3 / 24)
    assert nothing["micro_f1"] == nothing["macro_f1"] == nothing["weighted_f1"] == 0.0


def test_constant_answers_have_closed_forms() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random((400, 6)) < [0.5, 0.25, 0.2, 0.1, 0.17, 0.08]).astype(int)
    answers = constant_baselines(train_truth=truth)
    assert list(answers) == ["none", "most_frequent_label", "most_frequent_set", "all_labels"]
    scores = {
        name: multilabel_metrics(truth=truth, pred=np.tile(answer, (400, 1)))
        for name, answer in answers.items()
    }
    happy, sizes = truth[:, 0] == 1, truth.sum(axis=1)
    first = scores["most_frequent_label"]
    assert first["acc_jaccard_empty0"] == pytest.approx((happy / np.maximum(sizes, 1)).mean())
    precision, recall = happy.mean(), happy.sum() / truth.sum()
    assert first["micro_f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert scores["all_labels"]["acc_jaccard_empty1"] == pytest.approx(sizes.mean() / 6)
    assert scores["all_labels"]["macro_recall"] == 1.0
    assert scores["none"]["hamming_loss"] == pytest.approx(truth.mean())
    most = max(score["exact_match"] for score in scores.values())
    assert scores["most_frequent_set"]["exact_match"] == most


def test_baselines_are_chosen_by_frequency_whatever_the_label() -> None:
    truth = np.array([[0, 1, 1], [0, 1, 1], [1, 1, 0], [0, 0, 0]])
    answers = constant_baselines(train_truth=truth)
    assert answers["most_frequent_label"].tolist() == [0, 1, 0]
    assert answers["most_frequent_set"].tolist() == [0, 1, 1]
    with pytest.raises(DataError, match=r"\(N, K\)"):
        constant_baselines(train_truth=np.zeros((0, 6)))


def test_set_nll_is_the_mean_of_the_true_sets() -> None:
    rng = np.random.default_rng(0)
    log_probs = np.log(rng.dirichlet(np.ones(64), size=64))
    shuffled = rng.permutation(64)
    expected = -np.mean([log_probs[i, index] for i, index in enumerate(shuffled)])
    assert set_nll(truth=all_sets(6)[shuffled], set_log_probs=log_probs) == pytest.approx(expected)
    with pytest.raises(DataError, match=r"\(N, 2\*\*K\)"):
        set_nll(truth=all_sets(5), set_log_probs=log_probs[:32])


def test_the_likelihood_of_partly_known_sets_is_that_of_all_that_agree() -> None:
    rng = np.random.default_rng(0)
    log_probs = np.log(rng.dirichlet(np.ones(8), size=5))
    truth = np.array([[1, 0, np.nan]] * 5)
    both = np.logaddexp(log_probs[:, 0b001], log_probs[:, 0b101])
    assert set_nll(truth=truth, set_log_probs=log_probs) == pytest.approx(-both.mean())


def test_intervals_cover_the_value_and_widen_when_clips_go_in_groups() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.integers(0, 2, (60, 6)), 8, axis=0)
    pred = np.repeat(rng.integers(0, 2, (60, 6)), 8, axis=0)
    value = multilabel_metrics(truth=truth, pred=pred)
    alone = bootstrap_intervals(truth=truth, pred=pred, groups=[str(i) for i in range(480)])
    videos = bootstrap_intervals(truth=truth, pred=pred, groups=[str(i // 8) for i in range(480)])
    assert set(videos) == set(SCALARS)
    for name in SCALARS:
        assert videos[name][0] < value[name] < videos[name][1]
    for name in ("acc_jaccard_empty0", "hamming_loss", "micro_f1", "macro_f1"):
        widening = np.diff(videos[name])[0] / np.diff(alone[name])[0]
        assert 2.2 < widening < 3.6, name  # eight copies of one clip: the root of eight
    narrower = bootstrap_intervals(
        truth=truth, pred=pred, groups=[str(i // 8) for i in range(480)], confidence=0.5
    )
    assert np.diff(narrower["micro_f1"]) < np.diff(videos["micro_f1"])


def test_intervals_equal_resampling_clip_by_clip() -> None:
    truth, pred = draw(1, 40)
    groups = np.arange(40) // 4
    intervals = bootstrap_intervals(truth=truth, pred=pred, groups=[f"{g:02d}" for g in groups])
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(10, np.full(10, 0.1), size=1000)
    scores = []
    for counts in drawn:
        rows = np.concatenate([np.flatnonzero(groups == g).repeat(n) for g, n in enumerate(counts)])
        scores.append(multilabel_metrics(truth=truth[rows], pred=pred[rows])["weighted_f1"])
    assert intervals["weighted_f1"] == pytest.approx(np.quantile(scores, [0.025, 0.975]))


def test_one_group_has_no_spread() -> None:
    truth, pred = draw(1, 9)
    low, high = bootstrap_intervals(truth=truth, pred=pred, groups=["v"] * 9)["micro_f1"]
    assert low == pytest.approx(high)


@pytest.mark.parametrize(
    ("truth", "pred", "message"),
    [
        (np.zeros((2, 6)), np.zeros((3, 6)), "one shape"),
        (np.zeros(6), np.zeros(6), "one shape"),
        (np.zeros((0, 6)), np.zeros((0, 6)), "one shape"),
        (np.zeros((2, 5)), np.zeros((2, 5)), "6 label columns; got 5"),
        (np.zeros((2, 6)), np.full((2, 6), 0.5), "pred of 0 and 1"),
        (np.full((2, 6), np.nan), np.zeros((2, 6)), "truth of 0 and 1"),
        (np.full((2, 6), 2), np.zeros((2, 6)), "truth of 0 and 1"),
    ],
)
def test_mismatched_arguments_are_refused(truth: Ints, pred: Ints, message: str) -> None:
    with pytest.raises(DataError, match=message):
        multilabel_metrics(truth=truth, pred=pred)
    with pytest.raises(DataError, match=message):
        bootstrap_intervals(truth=truth, pred=pred, groups=["v"] * len(truth))


def test_a_group_for_every_clip() -> None:
    with pytest.raises(DataError, match="a group for each of 4 clips; got 3"):
        bootstrap_intervals(truth=np.zeros((4, 6)), pred=np.zeros((4, 6)), groups=["v"] * 3)
