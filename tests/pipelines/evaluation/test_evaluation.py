import json

import numpy as np
import pytest
from mosei_counts import COUNTS, SIZES, mosei_truth

from mmemo.errors import DataError
from mmemo.labels import EMOTIONS, to_names
from pipelines.cli import main
from pipelines.evaluation.protocol import KNOWN_SPLITS
from pipelines.evaluation.report import SERVED_BY, build_report
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
    report = score(mosei_files / "happy.txt", gold, resamples=100)
    assert report["protocol"]["split"] == "CMU-MOSEI test, standard folds"
    found = {m: f"{held['value']:.4f}" for m, held in report["headline"].items()}
    assert (found["acc_jaccard_empty0"], found["hamming_loss"], found["micro_f1"]) == (
        "0.4298",
        "0.2142",
        "0.4552",
    )
    assert found["exact_match"] == "0.3447"
    assert report["baselines"]["most_frequent_label"]["answer"] == ["happiness"]
    same = report["baselines"]["most_frequent_label"]["acc_jaccard_empty0"]
    assert same == report["headline"]["acc_jaccard_empty0"]["value"]
    assert f"{report['baselines']['perfect']['acc_jaccard_empty0']:.4f}" == "0.8493"
    assert f"{report['baselines']['none']['hamming_loss']:.4f}" == "0.2266"
    assert f"{report['baselines']['all_labels']['micro_f1']:.4f}" == "0.3694"
    assert report["best_constants"]["micro_f1"]["answer"] == ["happiness", "sadness"]
    assert f"{report['best_constants']['micro_f1']['value']:.3f}" == "0.464"
    # Scored as tasks of their own, constants look good: .698 and .786 on the real labels.
    always_absent = report["baselines"]["none"]
    assert 0.65 < always_absent["binary_weighted_f1"] < 0.70


def test_swapped_columns_are_noticed():
    truth = mosei_truth()[:, [0, 1, 2, 5, 4, 3]]
    report = build_report(gold_of(truth), Answers("x", {"answer": truth}), resamples=20)
    [warning] = report["protocol"]["warnings"]
    assert "surprise and fear are swapped" in warning


def test_the_command_scores_and_compares(mosei_files, capsys):
    files = [str(mosei_files / name) for name in ("happy.txt", "gold.src", "both.txt")]
    asked = ["score", files[0], "--gold", files[1], "--against", files[2]]
    assert main([*asked, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    compared = report["comparison"]["metrics"]["hamming_loss"]
    assert compared["difference"] == pytest.approx(0.2142 - 0.3001, abs=1e-4)
    assert compared["p_value"] < 0.01
    assert compared["interval95"][0] < compared["difference"] < compared["interval95"][1]
    assert all(
        held["p_holm"] >= held["p_value"] for held in report["comparison"]["metrics"].values()
    )
    assert main(asked) == 0
    text = capsys.readouterr().out
    for shown in ("0.4298", "0.2142", "0.4552", "0.8493", "always {happiness}", "Against"):
        assert shown in text


def test_a_file_against_itself_makes_no_difference(mosei_files):
    gold = read_gold(mosei_files / "gold.src")
    happy = mosei_files / "happy.txt"
    report = score(happy, gold, against=happy, resamples=50)
    for held in report["comparison"]["metrics"].values():
        assert held["difference"] == 0
        assert held["p_value"] == held["p_holm"] == 1


def test_each_metric_is_answered_for_by_its_decoder():
    truth = mosei_truth()[::40]
    decided, probs = noisy(truth)
    answers = {"map": decided, "threshold": truth.astype(np.int8), "jaccard": 1 - decided}
    report = build_report(gold_of(truth), Answers("x", answers, probs), resamples=50)
    assert {m: held["decoder"] for m, held in report["headline"].items()} == {
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
    assert list(report["headline"]) == list(SERVED_BY)
    for metric, held in report["headline"].items():
        assert held["value"] == report["decoders"][held["decoder"]][metric]
        for name in ("interval95", "interval95_by_clip"):
            assert held[name][0] <= held["value"] <= held[name][1]


def test_breakdowns_add_up_to_the_whole():
    rng = np.random.default_rng(0)
    truth = mosei_truth()[::10]
    decided, probs = noisy(truth)
    lengths = rng.uniform(0, 30, len(truth))
    lengths[:5] = np.nan
    held = tuple(("text",) if flag else ("text", "audio") for flag in rng.random(len(truth)) < 0.3)
    gold = gold_of(truth, lengths_s=lengths, modalities=held)
    report = build_report(gold, Answers("x", {"answer": decided}, probs), resamples=20)
    assert set(report["breakdowns"]) == {"n_labels", "modalities", "length_s"}
    for groups in report["breakdowns"].values():
        assert sum(group["n"] for group in groups) == len(truth)
        for metric in ("acc_jaccard_empty0", "hamming_loss", "exact_match"):
            mean = sum(group["n"] * group[metric] for group in groups) / len(truth)
            assert mean == pytest.approx(report["decoders"]["answer"][metric])
    counts = np.array(report["set_confusion"]["counts"])
    assert counts.sum() == len(truth)
    assert np.trace(counts[:-1, :-1]) <= round(
        report["decoders"]["answer"]["exact_match"] * len(truth)
    )


def test_drawn_answers_score_what_drawing_them_gives():
    truth = mosei_truth()[::20]
    report = build_report(gold_of(truth), Answers("x", {"answer": truth}), resamples=20)
    rng = np.random.default_rng(0)
    drawn = [truth[rng.integers(0, len(truth), len(truth))] for _ in range(300)]
    exact = np.mean([(answer == truth).all(axis=1).mean() for answer in drawn])
    loss = np.mean([(answer != truth).mean() for answer in drawn])
    assert report["prior"]["drawn"]["exact_match"] == pytest.approx(exact, abs=0.005)
    assert report["prior"]["drawn"]["hamming_loss"] == pytest.approx(loss, abs=0.005)


def test_many_labels_are_no_burden():
    rng = np.random.default_rng(0)
    truth = rng.random((200, 12)) < np.linspace(0.5, 0.05, 12)
    decided, probs = noisy(truth.astype(int))
    report = build_report(gold_of(truth), Answers("x", {"answer": decided}, probs), resamples=20)
    most = report["best_constants"]["micro_f1"]
    tried = [
        report["baselines"][name]["micro_f1"] for name in ("most_frequent_label", "all_labels")
    ]
    assert most["value"] >= max(tried)
    assert report["best_constants"]["macro_f1"]["answer"] == list(gold_of(truth).labels)


def test_one_label_a_clip_is_scored_as_such():
    rng = np.random.default_rng(0)
    truth = np.eye(8)[rng.integers(0, 8, 120)]
    probs = rng.dirichlet(np.ones(8), size=120)
    decided = (probs > 0.3).astype(np.int8)
    report = build_report(gold_of(truth), Answers("x", {"answer": decided}, probs), resamples=50)
    right = probs.argmax(axis=1) == truth.argmax(axis=1)
    assert report["single_label"]["accuracy"] == pytest.approx(right.mean())
    assert "single_label" not in build_report(
        gold_of(mosei_truth()[::50]), Answers("x", {"answer": mosei_truth()[::50]}), resamples=20
    )


def test_a_report_is_plain_json_even_where_scores_are_undefined():
    truth = np.zeros((4, 6))
    truth[:, 0] = 1
    answers = Answers("x", {"answer": truth.astype(np.int8)}, np.full((4, 6), 0.5))
    report = build_report(gold_of(truth), answers, resamples=20)
    text = json.dumps(report, allow_nan=False)
    assert json.loads(text)["ranking"]["per_label"]["fear"] == {
        "auc": None,
        "average_precision": None,
    }


def test_unknown_labels_are_allowed_for():
    truth = mosei_truth()[::30].astype(float)
    truth[::2, 3] = np.nan
    decided, probs = noisy(np.nan_to_num(truth))
    report = build_report(gold_of(truth), Answers("x", {"answer": decided}, probs), resamples=20)
    json.dumps(report, allow_nan=False)
    support = report["decoders"]["answer"]["per_label"]["surprise"]["support"]
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
        report = build_report(
            gold, Answers("x", {"answer": gold.truth.astype(np.int8)}), resamples=5
        )
        assert report["protocol"]["split"] == f"CMU-MOSEI {part}, standard folds"
        assert len(gold.lengths_s) == report["n"]


def test_what_is_asked_must_be_possible(mosei_files, capsys):
    assert main(["score"]) == 1
    assert "expected FILE and --gold" in capsys.readouterr().err
    with pytest.raises(DataError, match="there is none"):
        read_gold(mosei_files / "missing.csv")
