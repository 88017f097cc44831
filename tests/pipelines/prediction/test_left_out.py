"""Words, voice and face left out: not measured, said so, and answered as if they were hidden."""

import itertools
import json
import logging
import shutil

import numpy as np
import pytest
from plain_clips import first_clip

import mmemo
from extractors.clip import ClipExtractor
from extractors.text.clip_words import WordFinder
from extractors.text.unread import Hearing
from mmemo.errors import ConfigError
from mmemo.explain import log_odds
from mmemo.features import CHANNEL_NAMES, MODALITIES
from pipelines.cli import main
from pipelines.prediction.left_out import modalities_left_out
from pipelines.serving.task import Settings
from pipelines.serving.worker_process import WorkerProcess
from pipelines.workers.pool import WorkerError

SUBSETS = [s for n in (1, 2) for s in itertools.combinations(CHANNEL_NAMES.values(), n)]


@pytest.fixture(scope="module")
def model(small_run):
    return mmemo.load(small_run)


@pytest.fixture(scope="module")
def clip(corpus):
    return first_clip(corpus)


@pytest.fixture(scope="module")
def full(model, clip):
    return model.predict(clip)


@pytest.fixture
def measured(monkeypatch):
    """Collect what is measured: the extractors that were asked for."""
    asked = []
    for name, modality in (("faces", "visual"), ("covarep", "audio"), ("glove", "text")):
        whole = ClipExtractor.__dict__[name]

        def ask(self, whole=whole, modality=modality):
            asked.append(modality)
            return whole.__get__(self, type(self))

        monkeypatch.setattr(ClipExtractor, name, property(ask))
    return asked


@pytest.mark.parametrize("names", SUBSETS, ids="+".join)
def test_what_is_left_out_is_not_measured_and_named(small_run, clip, full, measured, names):
    predictions = mmemo.load(small_run).predict(clip, without=names)
    left_out = {m for m in MODALITIES if CHANNEL_NAMES[m] in names}
    assert set(measured) == set(MODALITIES) - left_out
    assert len(predictions) == len(full), "a transcript with times cuts the utterances"
    for prediction, whole in zip(predictions, full, strict=True):
        assert (prediction.start, prediction.end) == (whole.start, whole.end)
        assert prediction.words == whole.words
        assert prediction.absent == dict.fromkeys(left_out, "left out")
        for effects in prediction.effects.values():
            assert set(effects) == set(MODALITIES) - left_out


@pytest.mark.parametrize("kept", SUBSETS[3:], ids="+".join)
def test_effects_are_the_differences_to_answers_without(model, clip, full, kept):
    (left_out,) = set(CHANNEL_NAMES.values()) - set(kept)
    (modality,) = (m for m, name in CHANNEL_NAMES.items() if name == left_out)
    for whole, less in zip(full, model.predict(clip, without=left_out), strict=True):
        for label, prob in whole.probs.items():
            lost = log_odds(np.array(prob)) - log_odds(np.array(less.probs[label]))
            assert whole.effects[label][modality] == pytest.approx(lost, abs=1e-3)


def test_the_last_recording_is_not_taken_for_one_with_other_channels(model, clip, full):
    without = model.predict(clip, without=["face"])
    assert model.predict(clip) == full
    assert model.predict(clip, without="face") == without
    assert without[0].probs != full[0].probs
    (explanation,) = model.explain(clip, without=["visual"])
    assert explanation.prediction == without[0]
    assert "visual" not in explanation.word_effects
    assert set(model.features(clip).features) == set(MODALITIES)


def test_no_words_are_recognised_where_words_are_left_out(model, clip, tmp_path, monkeypatch):
    alone = shutil.copy(clip, tmp_path / "alone.mp4")
    recognised = []
    monkeypatch.setattr(WordFinder, "hear", lambda *_, **__: recognised.append(1) or Hearing(()))
    monkeypatch.setattr(WordFinder, "align", lambda *_, **__: recognised.append(1) or ())
    assert all(not prediction.words for prediction in model.predict(alone, without=["words"]))
    (tmp_path / "alone.txt").write_text("Some words without times.")
    model.predict(alone, without=["words"])
    assert not recognised
    model.predict(alone, without=["voice"])
    assert recognised


def test_words_are_recognised_without_the_voice(model, clip, tmp_path):
    alone = shutil.copy(clip, tmp_path / "alone.mp4")
    words = [
        word for prediction in model.predict(alone, without="voice") for word in prediction.words
    ]
    assert len(words) >= 3


@pytest.mark.parametrize(
    ("names", "reads", "message"),
    [
        (["words", "voice", "face"], MODALITIES, "something to remain"),
        (["words", "text", "words"], ("text",), "something to remain"),
        (["face"], ("text", "audio"), "face: .* words, voice"),
        (["smell"], MODALITIES, "words, voice, face; got 'smell'"),
    ],
)
def test_what_cannot_be_left_out_is_refused(names, reads, message):
    with pytest.raises(ConfigError, match=message):
        modalities_left_out(names, reads)


def test_names_of_modalities_and_of_channels_mean_the_same():
    assert modalities_left_out(["face", "text"], MODALITIES) == {"visual", "text"}
    assert modalities_left_out("voice", MODALITIES) == {"audio"}
    assert modalities_left_out((), MODALITIES) == set()


def test_the_command_leaves_out_several(small_run, clip, capsys):
    command = ["predict", str(clip), "--run", str(small_run), "--json"]
    assert main([*command, "--without", "face", "--without", "voice"]) == 0
    repeated = capsys.readouterr().out
    assert main([*command, "--without", "voice", "face"]) == 0
    assert capsys.readouterr().out == repeated
    assert json.loads(repeated)["absent"] == {"visual": "left out", "audio": "left out"}
    assert main(["predict", str(clip), "--run", str(small_run), "--without", "face"]) == 0
    shown = capsys.readouterr().out
    assert "no face: left out" in shown
    assert "face +" not in shown
    assert "face -" not in shown


@pytest.mark.parametrize(
    ("command", "recordings", "more"),
    [("predict", 1, []), ("predict", 2, ["--jobs", "2"]), ("report", 1, [])],
)
def test_the_command_refuses_to_leave_out_everything(
    small_run, clip, tmp_path, capsys, monkeypatch, command, recordings, more
):
    monkeypatch.chdir(tmp_path)
    arguments = [command, *recordings * [str(clip)], "--run", str(small_run), *more]
    assert main([*arguments, "--without", "words", "voice", "face"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mmemo: --without: expected something to remain")
    assert not list(tmp_path.iterdir())


def test_answers_with_and_without_are_told_apart_in_a_folder(small_run, clip, tmp_path, capsys):
    command = ["predict", str(clip), "--run", str(small_run), "--out", str(tmp_path / "out")]
    for without, read in (([], 1), (["--without", "face"], 1), (["--without", "face"], 0)):
        assert main([*command, *without]) == 0
        assert f"{read} read, {1 - read} were there" in capsys.readouterr().out
    written = (tmp_path / "out" / f"{clip.stem}.jsonl").read_text().splitlines()
    assert json.loads(written[0])["absent"] == {"visual": "left out"}


def test_the_page_names_what_is_left_out(small_run, clip, tmp_path):
    page = tmp_path / "page.html"
    command = ["report", str(clip), "--run", str(small_run), "--out", str(page)]
    assert main([*command, "--without", "face"]) == 0
    assert "The face was not read: left out." in page.read_text(encoding="utf-8")


def test_the_server_refuses_to_leave_out_everything(small_run):
    everything = tuple(CHANNEL_NAMES.values())
    worker = WorkerProcess(Settings(small_run, "threshold", "cpu", logging.WARNING, everything))
    with pytest.raises(WorkerError, match="--without: expected something to remain"):
        worker.start()


def test_the_server_leaves_out_what_it_is_started_without(small_run):
    worker = WorkerProcess(Settings(small_run, "threshold", "cpu", logging.WARNING, ("face",)))
    try:
        worker.start()
        assert worker.about["without"] == ["face"]
    finally:
        worker.close()
