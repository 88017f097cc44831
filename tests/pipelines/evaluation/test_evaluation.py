import json

import numpy as np
import pytest
from mosei_counts import COUNTS, SIZES, mosei_truth

from mmemo.errors import DataError
from mmemo.labels import EMOTIONS, to_names
from pipelines.cli import main
from pipelines.evaluation.build import SERVED_BY, build_evaluation
from pipelines.evaluation.protocol import KNOWN_SPLITS
from pipelines.evaluation.score import read_gold, score
from pipelines.evaluation.sheets.sheet import Answers, Gold


def gold_of(truth, videos=None, **more):
    ids = tuple(f"clip{row}" for row in range(len(truth)))
    labels = EMOTIONS if truth.shape[1] == 6 else tuple(f"label{k}" for k in range(truth.shape[1]))
    return Gold("gold", labels, ids, tuple(videos or ids), truth.astype(float), **more)


def noisy(truth, seed=0, flip=0.15):
    rng = np.random.default_rng(seed)
    probs = np.clip(0.7 * truth + 0.3 * rng.random(truth.shape) * (1 + flip), 0, 1)
    wrong = rng.random(truth.shape) < flip
    return (truth.astype(bool) ^ wrong).astype(np.int8), np.where(wrong, 1 - probs, probs)


@pytest.fixture(scope="module")
def mosei_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mosei")
    truth = mosei_truth()
    np.testing.assert_array_equal(truth.sum(axis=0), list(COUNTS.values()))
    assert np.bincount(truth.sum(axis=1)).tolist() == list(SIZES)
    lines = [" ".join(to_names(row)) for row in truth]
    (folder / "gold.src").write_text("\n".join(lines) + "\n")
    (folder / "happy.txt").write_text("happiness\n" * len(truth))
    (folder / "both.txt").write_text("happiness sadness\n" * len(truth))
    return folder


def test_on_moseis_counts_the_known_figures_come_out(mosei_files):
    gold = read_gold(mosei_files / "gold.src")
    evaluation = score(mosei_files / "happy.txt", gold, resamples=100)
    assert evaluation["protocol"]["split"] == "CMU-MOSEI test, standard folds"
    scores = {m: f"{row['value']:.4f}" for m, row in evaluation["headline"].items()}
    assert (scores["acc_jaccard_empty0"], scores["hamming_loss"], scores["micro_f1"]) == (
        "0.4298",
        "0.2142",
        "0.4552",
    )
    assert scores["exact_match"] == "0.3447"
    assert evaluation["baselines"]["most_frequent_label"]["answer"] == ["happiness"]
    same = evaluation["baselines"]["most_frequent_label"]["acc_jaccard_empty0"]
    assert same == evaluation["headline"]["acc_jaccard_empty0"]["value"]
    assert f"{evaluation['baselines']['perfect']['acc_jaccard_empty0']:.4f}" == "0.8493"
    assert f"{evaluation['baselines']['none']['hamming_loss']:.4f}" == "0.2266"
    assert f"{evaluation['baselines']['all_labels']['micro_f1']:.4f}" == "0.3694"
    assert evaluation["best_constants"]["micro_f1"]["answer"] == ["happiness", "sadness"]
    assert f"{evaluation['best_constants']['micro_f1']['value']:.3f}" == "0.464"
    # Scored as separate tasks, constants look good: .698 and .786 on the real labels.
    always_absent = evaluation["baselines"]["none"]
    assert 0.65 < always_absent["binary_weighted_f1"] < 0.70


def test_swapped_columns_are_noticed():
    truth = mosei_truth()[:, [0, 1, 2, 5, 4, 3]]
    evaluation = build_evaluation(gold_of(truth), Answers("x", {"answer": truth}), resamples=20)
    [warning] = evaluation["protocol"]["warnings"]
    assert "surprise and fear are swapped" in warning


def test_the_command_scores_and_compares(mosei_files, capsys):
    files = [str(mosei_files / name) for name in ("happy.txt", "gold.src", "both.txt")]
    command = ["score", files[0], "--gold", files[1], "--against", files[2]]
    assert main([*command, "--json"]) == 0
    evaluation = json.loads(capsys.readouterr().out)
    compared = evaluation["comparison"]["metrics"]["hamming_loss"]
    assert compared["difference"] == pytest.approx(0.2142 - 0.3001, abs=1e-4)
    assert compared["p_value"] < 0.01
    assert compared["interval95"][0] < compared["difference"] < compared["interval95"][1]
    assert all(
        scores["p_holm"] >= scores["p_value"]
        for scores in evaluation["comparison"]["metrics"].values()
    )
    assert main(command) == 0
    text = capsys.readouterr().out
    for shown in ("0.4298", "0.2142", "0.4552", "0.8493", "always {happiness}", "Against"):
        assert shown in text


def test_a_file_against_itself_makes_no_difference(mosei_files):
    gold = read_gold(mosei_files / "gold.src")
    happy = mosei_files / "happy.txt"
    evaluation = score(happy, gold, against=happy, resamples=50)
    for scores in evaluation["comparison"]["metrics"].values():
        assert scores["difference"] == 0
        assert scores["p_value"] == scores["p_holm"] == 1


def test_each_metric_has_its_decoder():
    truth = mosei_truth()[::40]
    decided, probs = noisy(truth)
    answers = {"map": decided, "threshold": truth.astype(np.int8), "jaccard": 1 - decided}
    evaluation = build_evaluation(gold_of(truth), Answers("x", answers, probs), resamples=50)
    assert {m: row["decoder"] for m, row in evaluation["headline"].items()} == {
        "acc_jaccard_empty0": "jaccard",
        "acc_jaccard_empty1": "jaccard",
        "exact_match": "map",
        "hamming_loss": "map",
        "micro_f1": "threshold",
        "macro_f1": "threshold",
        "weighted_f1": "threshold",
        "samples_f1": "jaccard",
        "weighted_accuracy": "threshold",
    }
    assert list(evaluation["headline"]) == list(SERVED_BY)
    for metric, row in evaluation["headline"].items():
        assert row["value"] == evaluation["decoders"][row["decoder"]][metric]
        for name in ("interval95", "interval95_by_clip"):
            assert row[name][0] <= row["value"] <= row[name][1]


def test_breakdowns_add_up_to_the_whole():
    rng = np.random.default_rng(0)
    truth = mosei_truth()[::10]
    decided, probs = noisy(truth)
    lengths = rng.uniform(0, 30, len(truth))
    lengths[:5] = np.nan
    modalities = tuple(
        ("text",) if flag else ("text", "audio") for flag in rng.random(len(truth)) < 0.3
    )
    gold = gold_of(truth, lengths_s=lengths, modalities=modalities)
    evaluation = build_evaluation(gold, Answers("x", {"answer": decided}, probs), resamples=20)
    assert set(evaluation["breakdowns"]) == {"n_labels", "modalities", "length_s"}
    for groups in evaluation["breakdowns"].values():
        assert sum(group["n"] for group in groups) == len(truth)
        for metric in ("acc_jaccard_empty0", "hamming_loss", "exact_match"):
            mean = sum(group["n"] * group[metric] for group in groups) / len(truth)
            assert mean == pytest.approx(evaluation["decoders"]["answer"][metric])
    counts = np.array(evaluation["set_confusion"]["counts"])
    assert counts.sum() == len(truth)
    assert np.trace(counts[:-1, :-1]) <= round(
        evaluation["decoders"]["answer"]["exact_match"] * len(truth)
    )


def test_drawn_answers_score_what_drawing_them_gives():
    truth = mosei_truth()[::20]
    evaluation = build_evaluation(gold_of(truth), Answers("x", {"answer": truth}), resamples=20)
    rng = np.random.default_rng(0)
    drawn = [truth[rng.integers(0, len(truth), len(truth))] for _ in range(300)]
    exact = np.mean([(answer == truth).all(axis=1).mean() for answer in drawn])
    loss = np.mean([(answer != truth).mean() for answer in drawn])
    assert evaluation["prior"]["drawn"]["exact_match"] == pytest.approx(exact, abs=0.005)
    assert evaluation["prior"]["drawn"]["hamming_loss"] == pytest.approx(loss, abs=0.005)


def test_many_labels_are_no_burden():
    rng = np.random.default_rng(0)
    truth = rng.random((200, 12)) < np.linspace(0.5, 0.05, 12)
    decided, probs = noisy(truth.astype(int))
    evaluation = build_evaluation(
        gold_of(truth), Answers("x", {"answer": decided}, probs), resamples=20
    )
    most = evaluation["best_constants"]["micro_f1"]
    tried = [
        evaluation["baselines"][name]["micro_f1"] for name in ("most_frequent_label", "all_labels")
    ]
    assert most["value"] >= max(tried)
    assert evaluation["best_constants"]["macro_f1"]["answer"] == list(gold_of(truth).labels)


def test_one_label_per_clip_is_scored_as_such():
    rng = np.random.default_rng(0)
    truth = np.eye(8)[rng.integers(0, 8, 120)]
    probs = rng.dirichlet(np.ones(8), size=120)
    decided = (probs > 0.3).astype(np.int8)
    evaluation = build_evaluation(
        gold_of(truth), Answers("x", {"answer": decided}, probs), resamples=50
    )
    right = probs.argmax(axis=1) == truth.argmax(axis=1)
    assert evaluation["single_label"]["accuracy"] == pytest.approx(right.mean())
    assert "single_label" not in build_evaluation(
        gold_of(mosei_truth()[::50]), Answers("x", {"answer": mosei_truth()[::50]}), resamples=20
    )


def test_an_evaluation_is_plain_json_even_where_scores_are_undefined():
    truth = np.zeros((4, 6))
    truth[:, 0] = 1
    answers = Answers("x", {"answer": truth.astype(np.int8)}, np.full((4, 6), 0.5))
    evaluation = build_evaluation(gold_of(truth), answers, resamples=20)
    text = json.dumps(evaluation, allow_nan=False)
    assert json.loads(text)["ranking"]["per_label"]["fear"] == {
        "auc": None,
        "average_precision": None,
    }


def test_unknown_labels_are_allowed_for():
    truth = mosei_truth()[::30].astype(float)
    truth[::2, 3] = np.nan
    decided, probs = noisy(np.nan_to_num(truth))
    evaluation = build_evaluation(
        gold_of(truth), Answers("x", {"answer": decided}, probs), resamples=20
    )
    json.dumps(evaluation, allow_nan=False)
    support = evaluation["decoders"]["answer"]["per_label"]["surprise"]["support"]
    assert support == np.nansum(truth[:, 3])


def test_known_splits_are_those_of_the_protocol():
    clips, counts = KNOWN_SPLITS["CMU-MOSEI test, standard folds"]
    assert counts == tuple(COUNTS.values())
    assert clips == sum(SIZES)
    assert sum(clips for clips, _ in KNOWN_SPLITS.values()) == 22857


@pytest.mark.shared
def test_known_splits_are_those_of_the_real_labels(shared):
    for part in ("train", "valid"):
        gold = read_gold(shared / f"data/mosei_text/{part}.csv.gz")
        evaluation = build_evaluation(
            gold, Answers("x", {"answer": gold.truth.astype(np.int8)}), resamples=5
        )
        assert evaluation["protocol"]["split"] == f"CMU-MOSEI {part}, standard folds"
        assert len(gold.lengths_s) == evaluation["n"]


def test_impossible_requests_are_errors(mosei_files, capsys):
    assert main(["score"]) == 1
    assert "expected FILE and --gold" in capsys.readouterr().err
    with pytest.raises(DataError, match="there is none"):
        read_gold(mosei_files / "missing.csv")
