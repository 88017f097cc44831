"""The commands as a user types them: results, exit codes, one-line errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from planted import planted_dataset

from mmemo.inference import METRIC_DECODERS
from mmemo.store import FeatureStore, StoreInfo
from pipelines.cli import main

ROOT = Path(__file__).resolve().parents[2]
CONFIG = str(ROOT / "pipelines/configs/sample.toml")
SMALL = ["model.encoder.hidden=8", "model.encoder.heads=2", "train.epochs=2", "train.batch_size=16"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "store"
    store = FeatureStore.create(folder, StoreInfo("planted", demonstration=True))
    dataset = planted_dataset(48, 16, 16)
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


def one_line(capsys):
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("mmemo: ")]
    assert len(lines) == 1
    assert "Traceback" not in captured.err
    return lines[0]


def test_evaluate_prints_the_object_others_script_against(run, store, capsys):
    assert main(["evaluate", str(run), "--data", str(store), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["n"] == 16
    assert report["demonstration"] is True
    assert isinstance(report["set_nll"], float)
    assert set(report["decoders"]) == set(METRIC_DECODERS)
    expected = {"acc_jaccard_empty0", "acc_jaccard_empty1", "exact_match", "hamming_loss"}
    expected |= {"micro_precision", "micro_recall", "micro_f1", "macro_f1", "per_label"}
    for scores in report["decoders"].values():
        assert expected <= set(scores)
        assert {"precision", "recall", "f1", "support"} <= set(scores["per_label"]["fear"])


def test_evaluate_as_text_says_that_it_is_a_demonstration(run, store, capsys):
    assert main(["evaluate", str(run), "--data", str(store), "--split", "valid"]) == 0
    text = capsys.readouterr().out
    assert "DEMONSTRATION CORPUS" in text
    assert "always none" in text
    assert "16 clips" in text


def test_a_finished_run_is_not_overwritten(run, store, capsys):
    before = (run / "model.safetensors").read_bytes()
    assert main(["train", "--data", str(store), "--out", str(run)]) == 1
    assert "--force" in one_line(capsys)
    assert (run / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "{tmp}/none", "--data", "{store}"], "no trained model"),
        (["evaluate", "{run}", "--data", "{tmp}/none"], "expected a feature store"),
        (["evaluate", "{run}", "--data", "{tmp}/none.csv"], "No such file"),
        (["evaluate", "{run}", "--data", "{store}", "--without", "smell"], "got smell"),
        (["evaluate", "{run}", "--data", "{store}", "--device", "cuda:99"], "not available"),
        (
            ["train", "--config", "{tmp}/no.toml", "--data", "{store}", "--out", "{tmp}/x"],
            "no.toml",
        ),
        (["train", "--set", "train.epoch=3", "--data", "{store}", "--out", "{tmp}/x"], "epoch"),
        (["train", "--set", "train.epochs=-3", "--data", "{store}", "--out", "{tmp}/x"], "epochs"),
        (["train", "--set", "model.modalities=[]", "--data", "{store}", "--out", "{tmp}/x"], "mod"),
        (["predict", "{tmp}/none.mp4", "--run", "{tmp}/none"], "no trained model"),
        (["features", "{tmp}/none", "--out", "{tmp}/x"], "there is none"),
        (["features", "{tmp}", "--out", "{tmp}/x"], "expected media files"),
    ],
)
def test_a_wrong_input_is_one_line_and_leaves_nothing(
    arguments, message, run, store, tmp_path, capsys
):
    known = {"tmp": tmp_path, "store": store, "run": run}
    assert main([argument.format(**known) for argument in arguments]) == 1
    assert message in one_line(capsys)
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_is_exit_code_2(capsys):
    for arguments in ([], ["dance"], ["train"], ["features", "x"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    assert "usage: mmemo" in capsys.readouterr().err


def test_a_store_of_other_features_is_refused(run, tmp_path, capsys):
    store = FeatureStore.create(tmp_path / "store", StoreInfo("other"))
    (clip, *_) = planted_dataset(1, 1, 1).clips
    features = clip.features["text"]
    object.__setattr__(features, "names", tuple(reversed(features.names)))
    store.write(clip, "key")
    store.write_manifest([clip.clip])
    assert main(["evaluate", str(run), "--data", str(tmp_path / "store"), "--split", "train"]) == 1
    assert "the model expects text" in one_line(capsys)


def test_help_is_quick_and_loads_no_torch():
    code = "import sys; from pipelines.cli import main\n"
    code += "try: main(['--help'])\nexcept SystemExit: pass\n"
    code += "assert 'torch' not in sys.modules and 'cv2' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_a_reader_that_has_seen_enough_is_no_error(run, store):
    command = f"{sys.executable} -m pipelines.cli evaluate {run} --data {store} | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert "Traceback" not in done.stderr
    assert "16 clips" in done.stdout


def test_the_thresholds_come_from_validation(run, store):
    described = json.loads((run / "checkpoint.json").read_text())
    assert len(described["thresholds"]) == 6
    assert np.ptp(described["thresholds"]) == 0
    assert len(described["label_thresholds"]) == 6
    assert np.ptp(described["label_thresholds"]) > 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8", "utf-16"])
@pytest.mark.parametrize(
    "name", [b"caf\xe9", "\u65e5\u672c".encode(), "na\u00efve \u201cq\u201d".encode()]
)
def test_no_terminal_and_no_name_ends_a_command(tmp_path, encoding, name):
    path = os.path.join(os.fsencode(tmp_path), name + b".txt")
    with open(path, "w") as file:
        file.write("happiness\n\nanger fear\n")
    command = [sys.executable, "-m", "pipelines.cli", "score", path, "--gold", path]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    text = done.stdout.decode(encoding)
    assert ".txt" in text
    assert "exact match" in text.lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["predict", "nope.mp4"],
            "nope.mp4: expected a video or sound file; there is no such file",
        ),
        (["predict", "https://example.org/talk.mp4"], "addresses are not read: download it first"),
        (["report", "HTTP://example.org/talk.mp4"], "addresses are not read: download it first"),
        (["features", "s3://bucket/clips", "--out", "x"], "addresses are not read"),
    ],
)
def test_what_is_no_file_is_named_with_what_to_do(run, arguments, message, capsys):
    reads = [] if arguments[0] == "features" else ["--run", str(run)]
    assert main([*arguments, *reads]) == 1
    assert message in one_line(capsys)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["predcit", "a.mp4"], "predict"),
        (["evaluat"], "evaluate"),
        (["data", "convertt"], "convert"),
        (["predict", "a.mp4", "--format", "josnl"], "jsonl"),
        (["evaluate", "default", "--data", "x", "--split", "tset"], "test"),
    ],
)
def test_a_mistyped_choice_names_what_it_resembles(arguments, meant, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert f"did you mean {meant!r}?" in capsys.readouterr().err


def test_an_unlike_command_resembles_nothing(capsys):
    with pytest.raises(SystemExit):
        main(["xyzzy"])
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("value", ["1.5", "-0.1", "7"])
@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_a_probability_outside_is_named_with_file_and_clip(tmp_path, value, suffix, capsys):
    gold, file = tmp_path / "gold.csv", tmp_path / f"p.{suffix}"
    gold.write_text("id,happiness,sadness\na,1,0\nb,0,1\n")
    if suffix == "csv":
        file.write_text(f"id,p_happiness,p_sadness\na,0.5,0.5\nb,0.5,{value}\n")
    else:
        probs = [{"happiness": 0.5, "sadness": 0.5}, {"happiness": 0.5, "sadness": float(value)}]
        file.write_text(
            json.dumps([{"id": i, "probs": p} for i, p in zip("ab", probs, strict=True)])
        )
    labels = ["--labels", "happiness", "sadness"]
    assert main(["score", str(file), "--gold", str(gold), *labels]) == 1
    line = one_line(capsys)
    assert f"{file}, clip 'b': expected probabilities from 0 to 1" in line
    assert "for sadness" in line


def mistypings(option):
    """A letter swapped, left out, doubled, or the dashes forgotten."""
    letters = option[2:]
    yield f"--{letters[:-2]}{letters[-1]}{letters[-2]}"
    yield f"--{letters[0]}{letters[2:]}"
    yield f"--{letters}{letters[-1]}"
    yield f"-{letters}"


OPTIONS = (
    (["predict", "a.mp4"], "--format"),
    (["predict", "a.mp4"], "--decoder"),
    (["features", "clips", "--out", "x"], "--jobs"),
    (["train", "--data", "x"], "--out"),
    (["train", "--out", "x"], "--data"),
    (["train", "--data", "x", "--out", "y"], "--device"),
    (["score", "a", "--gold", "b"], "--threshold"),
    (["data", "convert", "x", "--out", "y"], "--labels"),
    ([], "--version"),
)


@pytest.mark.parametrize(
    ("words", "option", "typed"),
    [(words, option, typed) for words, option in OPTIONS for typed in mistypings(option)],
)
def test_a_mistyped_option_names_what_it_resembles(words, option, typed, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*words, typed, *(["value"] if words else [])])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert f"did you mean {option} in place of {typed}?" in error
    assert " ".join(["mmemo", *words[:1]]) in error


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--data", "x"],
        ["train", "--data", "x", "--out", "y", "z"],
        ["predict", "a", "--xyzzy"],
    ],
)
def test_other_slips_with_options_resemble_nothing(words, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert "did you mean" not in capsys.readouterr().err


ADDRESSES = ("https://example.org/talk.mp4", "HTTP://example.org/a//b.csv", "s3://bucket/x")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "run", "--data", "{}"],
        ["evaluate", "{}", "--data", "x"],
        ["predict", "a.mp4", "--run", "{}"],
        ["features", "{}", "--out", "x"],
        ["train", "--data", "x", "--out", "{}"],
        ["train", "--data", "x", "--out", "y", "--config", "{}"],
        ["score", "{}", "--gold", "x"],
        ["score", "x", "--gold", "{}"],
        ["data", "check", "{}"],
        ["data", "check", "x", "--labels", "{}"],
        ["predict", "a.mp4", "--out", "{}"],
    ],
)
def test_an_address_is_printed_as_it_was_typed(words, address, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([word.format(address) for word in words]) == 1
    line = one_line(capsys)
    assert line.startswith(f"mmemo: {address}: expected")
    assert "addresses are not read" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["predict", "report", "inspect"])
@pytest.mark.parametrize("address", ["https://example.org/talk.mp4", "rtsp://camera/live"])
def test_an_address_of_a_recording_is_printed_as_it_was_typed(command, address, capsys):
    assert main([command, address]) == 1
    assert f"{address}: expected" in one_line(capsys)
