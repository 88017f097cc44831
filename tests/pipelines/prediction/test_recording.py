import json
import re
import shutil
from pathlib import Path

import pytest
from media_files import write_media
from plain_clips import first_clip, grey

from mmemo.batching.rows import arrange
from mmemo.checkpoint import load_checkpoint
from mmemo.features import Clip
from mmemo.inference import infer
from mmemo.store import FeatureStore
from pipelines.cli import main
from pipelines.commands.predict import FORMS
from pipelines.prediction.exports import EXPORTS, MOVIE

KEYS = {
    "video",
    "start",
    "end",
    "words",
    "labels",
    "probs",
    "effects",
    "absent",
    "demonstration",
}


@pytest.fixture(scope="module")
def run(small_run):
    return str(small_run)


def test_a_clip_with_a_transcript(run, corpus, capsys):
    assert main(["predict", str(first_clip(corpus)), "--run", run, "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    prediction = json.loads(line)
    assert set(prediction) >= KEYS
    assert set(prediction["probs"]) == {
        "happiness", "sadness", "anger", "surprise", "disgust", "fear"
    }  # fmt: skip
    assert all(0 <= p <= 1 for p in prediction["probs"].values())
    assert set(prediction["labels"]) <= set(prediction["probs"])
    assert set(prediction["effects"]) == set(prediction["probs"])
    for effects in prediction["effects"].values():
        assert set(effects) == {"text", "audio", "visual"}
    words = json.loads(first_clip(corpus).with_suffix(".json").read_text())["words"]
    assert [w["text"] for w in prediction["words"]] == [w["text"] for w in words]
    assert prediction["words"][0]["start"] == pytest.approx(words[0]["start"], abs=1e-3)
    assert prediction["demonstration"] is True


def test_the_prediction_is_that_of_evaluation(run, corpus, corpus_features, capsys):
    """One path from features to answer: what predict says of a clip is what evaluate scored."""
    assert main(["predict", str(first_clip(corpus)), "--run", run, "--json"]) == 0
    predicted = json.loads(capsys.readouterr().out)["probs"]
    checkpoint = load_checkpoint(Path(run))
    stem = first_clip(corpus).stem
    stored = FeatureStore(corpus_features).read(Clip(stem, "v"))
    result = infer(checkpoint.model, [arrange(stored, checkpoint.config.data)])
    for k, label in enumerate(checkpoint.labels):
        assert predicted[label] == pytest.approx(result.marginals[0, k], abs=0.1)


def test_words_are_recognised_where_there_is_no_transcript(run, corpus, tmp_path, capsys):
    shutil.copy(first_clip(corpus), tmp_path / "alone.mp4")
    assert main(["predict", str(tmp_path / "alone.mp4"), "--run", run, "--json"]) == 0
    words = [w for line in capsys.readouterr().out.splitlines() for w in json.loads(line)["words"]]
    assert len(words) >= 3
    assert all(0 <= word["confidence"] <= 1 for word in words)


def test_for_a_person_to_read(run, corpus, capsys):
    assert main(["predict", str(first_clip(corpus)), "--run", run]) == 0
    text = capsys.readouterr().out
    assert "1 utterance" in text
    assert "mean nothing" in text
    assert "emotions: " in text
    assert re.search(r"words [+-]\d\.\d  voice [+-]\d\.\d  face [+-]\d\.\d", text)
    assert "log-odds" in text


def test_nothing_to_read_is_reported_and_no_success(run, tmp_path, capsys):
    mute = write_media(tmp_path / "mute.mp4", picture=grey, seconds=1.0)
    assert main(["predict", str(mute), "--run", run, "--json"]) == 1
    captured = capsys.readouterr()
    prediction = json.loads(captured.out)
    assert prediction["labels"] is None
    assert prediction["absent"]["visual"] == "no face found"
    assert "nothing to read emotions from" in captured.err


def test_one_bad_file_does_not_stop_the_others(run, corpus, tmp_path, capsys):
    (tmp_path / "bad.mp4").write_text("no video")
    files = [str(tmp_path / "bad.mp4"), str(first_clip(corpus)), str(tmp_path / "none.mp4")]
    assert main(["predict", *files, "--run", run, "--json"]) == 3
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert captured.err.count("mmemo: ") == 2
    assert "Traceback" not in captured.err


@pytest.mark.shared
@pytest.mark.parametrize("clip", ["grid/bbaf2n.mpg", "odd_clips/no_face.mp4"])
def test_real_clips(run, shared, clip, capsys):
    code = main(["predict", str(shared / "data" / clip), "--run", run, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    for line in captured.out.splitlines():
        assert set(json.loads(line)) >= KEYS


def test_a_folder_is_read_once_into_every_form(run, corpus, tmp_path, capsys):
    talks, out = tmp_path / "talks", tmp_path / "out"
    talks.mkdir()
    clip = first_clip(corpus)
    for name in ("one", "two"):
        shutil.copy(clip, talks / f"{name}.mp4")
        shutil.copy(clip.with_suffix(".json"), talks / f"{name}.json")
    (talks / "broken.mp4").write_bytes(b"no video")
    command = ["predict", str(talks), "--run", run, "--out", str(out), "--jobs", "2"]
    assert main([*command, "--format", *EXPORTS]) == 3
    captured = capsys.readouterr()
    assert f"{out}: 2 read, 0 were there, 1 failed" in captured.out
    assert "broken.mp4" in captured.err
    written = {path.name for path in out.iterdir()}
    assert written == {
        ".predicted.jsonl", "overview.html", "predictions.csv", "predictions.parquet",
        *(f"{name}.{form}" for name in ("one", "two") for form in EXPORTS)
    }  # fmt: skip
    overview = (out / "overview.html").read_text(encoding="utf-8")
    assert all(f'href="./{name}.csv"' in overview for name in ("one", "two"))
    assert "2 recordings, 1 failed" in overview
    assert "broken.mp4" in overview
    before = (out / "one.csv").stat().st_mtime_ns
    (talks / "broken.mp4").unlink()
    (out / "two.vtt").unlink()
    assert main([*command, "--format", *EXPORTS]) == 0
    assert "1 read, 1 were there, 0 failed" in capsys.readouterr().out
    assert (out / "one.csv").stat().st_mtime_ns == before
    assert (out / "two.vtt").is_file()


def test_the_command_names_every_form():
    assert set(FORMS) == {*EXPORTS, MOVIE}


def test_files_that_would_be_taken_for_transcripts_are_not_written(run, corpus, tmp_path, capsys):
    shutil.copy(first_clip(corpus), tmp_path / "a.mp4")
    video, out = str(tmp_path / "a.mp4"), str(tmp_path)
    assert main(["predict", video, "--run", run, "--out", out]) == 1
    assert "expected another folder" in capsys.readouterr().err
    out = str(tmp_path / "out")
    alike = [video, *(str(tmp_path / name / "a.mp4") for name in ("x", "y"))]
    assert main(["predict", *alike, "--run", run, "--out", out]) == 1
    assert "the same file as" in capsys.readouterr().err
    assert main(["predict", video, "--run", run, "--format", "csv"]) == 1
    assert "--out DIR" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4"}
