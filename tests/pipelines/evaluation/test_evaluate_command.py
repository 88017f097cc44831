"""``mmemo evaluate`` with its files, and with the calibration of its model."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted import planted_dataset
from sealed_json import write_sealed

from mmemo.checkpoint import DESCRIPTION_FILE, load_checkpoint
from mmemo.decisions.calibration import Calibration
from mmemo.errors import CheckpointError, DataError
from mmemo.inference import infer
from mmemo.store import FeatureStore, StoreInfo
from pipelines.cli import main
from pipelines.evaluation.evaluate import answer, choose_split, evaluate
from pipelines.evaluation.gaps import SCORED, SHARES
from pipelines.evaluation.text_table import gaps_table
from pipelines.training.train import labelled, labels_of

CONFIG = str(Path(__file__).resolve().parents[3] / "pipelines/configs/sample.toml")
SMALL = ["model.encoder.hidden=8", "model.encoder.heads=2", "train.epochs=6", "train.batch_size=16"]


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(64, 48, 24)


@pytest.fixture(scope="module")
def store(dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "store"
    store = FeatureStore.create(folder, StoreInfo("planted", demonstration=False))
    for clip in dataset.clips:
        store.write(clip, "key")
    store.write_manifest([clip.clip for clip in dataset.clips])
    return folder


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    arguments = ["train", "--config", CONFIG, "--set", *SMALL, "--data", str(store)]
    assert main([*arguments, "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("suffix", ["npz", "json", "csv"])
def test_its_predictions_are_scored_the_same_by_score(run, store, tmp_path, capsys, suffix):
    file, page = tmp_path / f"p.{suffix}", tmp_path / "new/page.html"
    command = ["evaluate", str(run), "--data", str(store), "--json"]
    assert main([*command, "--predictions", str(file), "--html", str(page)]) == 0
    evaluation = json.loads(capsys.readouterr().out)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["score", str(file), "--gold", str(file), "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)
    evaluation["calibration"].pop("before")
    for part in ("decoders", "headline", "ranking", "calibration", "breakdowns", "protocol"):
        assert scored[part] == evaluation[part], part
    if suffix == "npz":
        assert scored["set_nll"] == pytest.approx(evaluation["set_nll"])
    assert main([*command, "--against", str(file)]) == 0
    compared = json.loads(capsys.readouterr().out)["comparison"]["metrics"]
    assert {scores["difference"] for scores in compared.values()} == {0}


def test_hidden_modalities_are_not_counted_as_present(run, dataset):
    checkpoint = load_checkpoint(run)
    gold, _ = answer(checkpoint, dataset.split("test"), without=["audio"])
    assert set(gold.modalities) == {("text", "visual")}
    evaluation = evaluate(checkpoint, dataset.split("test"), without=["audio"], resamples=20)
    assert [group["name"] for group in evaluation["breakdowns"]["modalities"]] == ["text + visual"]


def test_modalities_that_the_model_does_not_read_count_as_absent(dataset, tmp_path):
    from mmemo.config import Config
    from pipelines.training.train import train

    config = Config.model_validate(
        {
            "model": {"encoder": {"hidden": 8, "heads": 2}, "modalities": ["text"]},
            "train": {"epochs": 1},
        }
    )
    checkpoint = train(config, dataset, tmp_path)
    wordless = [
        replace(clip, features={m: f for m, f in clip.features.items() if m != "text"})
        for clip in dataset.split("test")
    ]
    gold, answers = answer(checkpoint, wordless)
    assert set(gold.modalities) == {()}
    prior = checkpoint.trained_on.prior(6)
    np.testing.assert_allclose(np.exp(answers.set_log_probs), np.tile(prior, (len(wordless), 1)))
    np.testing.assert_allclose(answers.uncalibrated, answers.probs)


def test_scores_with_gaps_begin_at_the_models_own_and_fall(run, store, tmp_path, capsys):
    page = tmp_path / "page.html"
    command = ["evaluate", str(run), "--data", str(store), "--split", "valid", "--gaps", "--json"]
    assert main([*command, "--html", str(page)]) == 0
    evaluation = json.loads(capsys.readouterr().out)
    assert set(evaluation["gaps"]) == {"text", "audio", "visual", "all"}
    for rows in evaluation["gaps"].values():
        assert [row["share"] for row in rows] == [0.0, *SHARES]
        for metric in SCORED:
            assert rows[0][metric] == pytest.approx(evaluation["headline"][metric]["value"])
    # What was planted is in single rows: without most of them it is gone.
    whole, least = evaluation["gaps"]["all"][0], evaluation["gaps"]["all"][-1]
    assert least["micro_f1"] < whole["micro_f1"]
    assert "Scores with parts of audio missing" in page.read_text(encoding="utf-8")
    assert "70% of visual" in gaps_table(evaluation["gaps"])
    assert main([*command, "--without", "audio"]) == 1
    assert "--gaps: expected no --without" in capsys.readouterr().err


def test_clips_without_all_labels_are_left_out(run, dataset):
    clips = list(dataset.split("test"))
    partly = replace(clips[3].clip, intensities=(1.0, float("nan"), 0.0, 0.0, 0.0, 0.0))
    bare = replace(clips[5].clip, intensities=None)
    mixed = [*clips, replace(clips[3], clip=partly), replace(clips[5], clip=bare)]
    checkpoint = load_checkpoint(run)
    whole = evaluate(checkpoint, clips, resamples=20)
    assert evaluate(checkpoint, mixed, resamples=20)["decoders"] == whole["decoders"]


def test_clips_of_two_data_sets_may_have_the_same_id(run, dataset):
    clips = dataset.split("test")
    doubled = [
        replace(clip, clip=replace(clip.clip, dataset=name))
        for name in ("a", "b")
        for clip in clips
    ]
    gold, _ = answer(load_checkpoint(run), doubled)
    assert len(set(gold.ids)) == 2 * len(clips)


def test_the_temperature_is_the_best_on_the_validation_clips_and_is_kept(run, dataset):
    checkpoint = load_checkpoint(run)
    clips = dataset.split("valid")
    nll = {
        factor: evaluate(
            replace(checkpoint, temperature=checkpoint.temperature * factor), clips, resamples=5
        )["set_nll"]
        for factor in (0.9, 1.0, 1.1)
    }
    assert nll[1.0] < min(nll[0.9], nll[1.1])
    assert nll[1.0] == pytest.approx(checkpoint.valid["set_nll_calibrated"], abs=1e-5)
    assert checkpoint.valid["set_nll_calibrated"] <= checkpoint.valid["set_nll"] + 1e-6
    evaluation = evaluate(checkpoint, clips, resamples=5)
    assert evaluation["calibration"]["ece"] == pytest.approx(checkpoint.valid["ece"], abs=1e-5)
    before = evaluation["calibration"]["before"]
    assert before["ece"] == pytest.approx(checkpoint.valid["ece_before"], abs=1e-5)
    assert before["brier"] == pytest.approx(checkpoint.valid["brier_before"], abs=1e-5)
    assert checkpoint.valid["brier"] <= checkpoint.valid["brier_before"] + 0.01


def test_a_temperature_leaves_the_most_probable_set(run, dataset):
    checkpoint = load_checkpoint(run)
    arrays = labelled(dataset.split("test"), checkpoint.config, complete=True)
    plain = infer(checkpoint.model, arrays)
    hot = infer(checkpoint.model, arrays, calibration=Calibration(3.0))
    np.testing.assert_array_equal(plain.decode("map", ()), hot.decode("map", ()))
    np.testing.assert_allclose(np.exp(hot.set_log_probs).sum(axis=1), 1)
    assert labels_of(arrays).shape == hot.marginals.shape
    spread = [np.exp(result.set_log_probs).max(axis=1).mean() for result in (plain, hot)]
    assert spread[1] < spread[0]


def test_a_checkpoint_with_a_broken_temperature_is_refused(run, tmp_path):
    for file in run.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    description = json.loads((tmp_path / DESCRIPTION_FILE).read_text())
    description["temperature"] = 0
    write_sealed(tmp_path / DESCRIPTION_FILE, description)
    with pytest.raises(CheckpointError, match="temperature above 0; got 0"):
        load_checkpoint(tmp_path)


def test_predictions_in_another_form_are_refused_in_one_line(run, store, tmp_path, capsys):
    command = ["evaluate", str(run), "--data", str(store)]
    assert main([*command, "--predictions", str(tmp_path / "p.pkl")]) == 1
    assert "expected a name in .npz, .json or .csv" in capsys.readouterr().err
    assert main([*command, "--against", str(tmp_path / "none.csv")]) == 1
    assert "there is none" in capsys.readouterr().err


def test_standard_output_takes_one_stream_and_the_table_goes_elsewhere(run, store, capsys):
    command = ["evaluate", str(run), "--data", str(store), "--quiet"]
    assert main([*command, "--predictions", "-"]) == 0
    captured = capsys.readouterr()
    rows = list(csv.DictReader(captured.out.splitlines()))
    assert len(rows) == 24
    assert "exact match" in captured.err.lower()
    assert main([*command, "--html", "-"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("<!doctype html>")
    assert captured.out.rstrip().endswith("</html>")
    assert "exact match" in captured.err.lower()


@pytest.mark.parametrize(
    ("parts", "unasked"),
    [
        (("train", "valid", "test"), "test"),
        (("train", "valid"), "valid"),
        (("valid", "test"), "test"),
        (("train", None), "no split"),
        (("train", "valid", None), "valid"),
        ((None,), "all"),
    ],
)
def test_training_clips_are_never_scored_unasked(dataset, parts, unasked, caplog):
    clips = tuple(
        replace(clip, clip=replace(clip.clip, split=parts[number % len(parts)]))
        for number, clip in enumerate(dataset.clips)
    )
    split, chosen = choose_split(replace(dataset, clips=clips), None)
    assert split == unasked
    expected = {"no split": None, "all": None}.get(unasked, unasked)
    assert chosen == tuple(clip for clip in clips if clip.clip.split == expected)
    assert ("validation clips are scored" in caplog.text) == (unasked == "valid")


def test_only_training_clips_are_refused_unless_asked_for(dataset):
    only_train = replace(dataset, clips=dataset.split("train"))
    with pytest.raises(DataError, match=r"all are training clips.*--split train"):
        choose_split(only_train, None)
    assert choose_split(only_train, "train") == ("train", only_train.clips)
    assert choose_split(only_train, "all")[0] == "all"


@pytest.mark.parametrize("hidden", [["text", "audio", "visual"], ["audio", "visual"]])
def test_data_without_the_models_modalities_are_refused(run, dataset, tmp_path, capsys, hidden):
    folder = tmp_path / "store"
    store = FeatureStore.create(folder, StoreInfo("bare"))
    for clip in dataset.split("test"):
        left = {m: f for m, f in clip.features.items() if m not in hidden}
        store.write(replace(clip, features=left), "key")
    store.write_manifest([clip.clip for clip in dataset.split("test")])
    command = ["evaluate", str(run), "--data", str(folder), "--json", "--quiet"]
    if len(hidden) == 2:
        assert main(command) == 0
        capsys.readouterr()
        command += ["--without", "text"]
    assert main(command) == 1
    error = capsys.readouterr().err
    assert f"{run}: expected clips with" in error
    assert error.count("\n") == 1
