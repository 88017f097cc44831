import json

import numpy as np
import pytest
from mosei_counts import mosei_truth

from mmemo.errors import DataError
from mmemo.labels import to_names
from pipelines.cli import main
from pipelines.evaluation.published import check_published, read_published

HEAD = """
[gold]
labels = ["happiness", "sadness", "anger", "surprise", "disgust", "fear"]
clips = 4659
counts = [2502, 1129, 1071, 441, 805, 385]
sizes = [702, 2280, 1133, 410, 114, 19, 1]
"""
SYSTEMS = """
[[system]]
name = "agrees"
setting = "aligned"
micro_precision = 0.595
micro_recall = 0.467
micro_f1 = 0.523
hamming_loss = 0.193
acc_jaccard_empty0 = 0.455

[[system]]
name = "no such loss"
micro_precision = 0.525
micro_recall = 0.603
micro_f1 = 0.561
hamming_loss = 0.180

[[system]]
name = "swapped"
micro_precision = "50.0 %"
micro_recall = "65.8 %"
hamming_loss = 0.172

[[system]]
name = "labels"
f1 = { happiness = 0.61, sadness = 0.40, anger = 0.4, surprise = 0.1, disgust = 0.3, fear = 0.1 }
macro_f1 = 0.450
"""


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "published.toml"
    path.write_text(HEAD + SYSTEMS)
    return path


def test_contradictions_are_named(published):
    agrees, loss, swapped, labels = check_published(read_published(published))
    assert agrees.checked == 5
    assert agrees.complaints == agrees.explanations == ()
    assert "hamming_loss 0.18 exclude each other" in loss.complaints[0]
    assert loss.repairs[0].figure == "hamming_loss"
    assert loss.repairs[0].digits > 20
    assert "precision and recall are swapped" in swapped.explanations
    assert labels.complaints[0].startswith("the labels' scores make macro_f1 0.2")


def test_the_command_lists_contradictions(published, capsys, tmp_path):
    assert main(["score", "--published", str(published)]) == 1
    text = capsys.readouterr().out
    assert "agrees (aligned): 5 scores agree" in text
    assert "they would agree if precision and recall are swapped" in text
    assert main(["score", "--published", str(published), "--json"]) == 1
    assert next(f["system"] for f in json.loads(capsys.readouterr().out)) == "agrees (aligned)"
    # The same counts out of a file of labels.
    counts_free = tmp_path / "free.toml"
    counts_free.write_text("[[system]]\nname = 'a'\nmicro_precision = .525\nhamming_loss = .18\n"
                           .replace(".525", "0.525").replace(".18", "0.180"))  # fmt: skip
    gold = tmp_path / "gold.txt"
    gold.write_text("\n".join(" ".join(to_names(row)) for row in mosei_truth()) + "\n")
    assert main(["score", "--published", str(counts_free)]) == 0
    assert main(["score", "--published", str(counts_free), "--gold", str(gold)]) == 1


def test_digits_are_kept(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text("[[system]]\nname = 'a'\nmicro_f1 = 0.480\nexact_match = 1\n")
    figures = read_published(path).systems[0].figures
    assert figures["micro_f1"].unit == pytest.approx(0.001)
    assert figures["exact_match"].unit == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "expected TOML"),
        ("", r"one \[\[system\]\] or more"),
        ("[[system]]\nmicro_f1 = 0.5\n", "expected a name"),
        ("[[system]]\nname = 'a'\nmicro_f = 0.5\n", "did you mean micro_f1"),
        ("[[system]]\nname = 'a'\nmicro_f1 = 50.5\n", "a: micro_f1: expected a score from 0 to 1"),
        ("[[system]]\nname = 'a'\nmicro_f1 = true\n", "expected a score such as"),
        ("[gold]\nsizes = [1, -2]\n[[system]]\nname = 'a'\n", "whole numbers in gold.sizes"),
        ("[gold]\ncounts = [1]\n[[system]]\nname = 'a'\n", "6 numbers in gold.counts"),
        ("[gold]\nclips = 5\nlabels = 1\nsizes = [1, 1]\n[[system]]\nname = 'a'\n", "5 clips"),
        ("[gold]\nlabels = 99\n[[system]]\nname = 'a'\n", "1 to 16 labels"),
    ],
)
def test_invalid_files_are_refused(tmp_path, text, message):
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_published(path)


def test_random_scores_of_a_real_system_have_no_complaints(tmp_path):
    from mmemo.metrics import multilabel_metrics

    truth = mosei_truth()
    rng = np.random.default_rng(0)
    pred = truth ^ (rng.random(truth.shape) < 0.2)
    scores = multilabel_metrics(truth=truth, pred=pred)
    names = ("micro_precision", "micro_recall", "micro_f1", "hamming_loss", "acc_jaccard_empty0",
             "macro_f1", "weighted_recall", "exact_match")  # fmt: skip
    lines = [f"{name} = {scores[name]:.6f}" for name in names]
    path = tmp_path / "p.toml"
    path.write_text(f"{HEAD}[[system]]\nname = 'a'\n" + "\n".join(lines))
    [finding] = check_published(read_published(path))
    assert finding.complaints == ()
