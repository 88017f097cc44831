"""A trained model in a program: it answers as the command line and measures once."""

import json
import shutil
from typing import get_args

import av
import pytest
from media_files import write_media
from plain_clips import first_clip, grey

import mmemo
from extractors.clip import ClipExtractor
from mmemo.api import Decoder
from mmemo.errors import CheckpointError, ClipError, ConfigError
from mmemo.inference import DECODERS
from pipelines.cli import main


@pytest.fixture(scope="module")
def model(small_run):
    return mmemo.load(small_run)


@pytest.fixture(scope="module")
def clip(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("talks")
    shutil.copy(first_clip(corpus).with_suffix(".json"), folder / "talk.json")
    return shutil.copy(first_clip(corpus), folder / "talk.mp4")


def test_properties_and_repr(model):
    assert model.labels == mmemo.EMOTIONS
    assert model.modalities == ("text", "audio", "visual")
    assert model.demonstration
    assert model.dataset in repr(model)


def test_answers_are_those_of_the_command(model, clip, small_run, capsys):
    (prediction,) = model.predict(str(clip), decoder="jaccard")
    command = ["predict", str(clip), "--run", str(small_run), "--json", "--decoder", "jaccard"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out) == prediction.to_json()


def test_a_recording_is_measured_once_until_it_changes(model, clip, tmp_path, monkeypatch):
    measured = []
    extract = ClipExtractor.with_cuts

    def counting(self, *args):
        measured.append(args[0].media.name)
        return extract(self, *args)

    monkeypatch.setattr(ClipExtractor, "with_cuts", counting)
    copy = shutil.copy(clip, tmp_path / "copy.mp4")
    shutil.copy(clip.with_suffix(".json"), tmp_path / "copy.json")
    predictions = model.predict(copy)
    features = model.features(copy)
    model.report(copy, tmp_path / "copy.html")
    assert measured == ["copy.mp4"]
    assert set(features.features) == {"text", "audio", "visual"}
    words = [word.text for word in features.clip.words if word.text != "sp"]
    assert words == [word.text for prediction in predictions for word in prediction.words]
    (tmp_path / "copy.json").write_text(json.dumps({"words": []}))
    assert model.predict(copy)[0].words == ()
    assert measured == ["copy.mp4", "copy.mp4"]


def test_explanations_are_of_the_answers(model, clip):
    (prediction,) = model.predict(clip)
    (explanation,) = model.explain(clip)
    assert explanation.prediction == prediction
    assert explanation.word_effects["text"].shape == (6, len(prediction.words))
    assert explanation.modality_effects.shape == (6, 3)


def test_a_page_and_a_video(model, clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = model.report(clip)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert page.name == "talk.html"
    movie = model.annotate(clip)
    with av.open(str(movie)) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
    with pytest.raises(ConfigError, match="another file"):
        model.report(clip, clip)
    with pytest.raises(ConfigError, match="embed_mb"):
        model.report(clip, embed_mb=-1)


def test_nothing_to_read_is_an_answer(model, tmp_path):
    mute = write_media(tmp_path / "mute.mp4", picture=grey, seconds=1.0)
    (prediction,) = model.predict(mute)
    assert prediction.labels is None
    assert prediction.absent["visual"] == "no face found"
    assert model.explain(mute) == [None]


def test_unreadable_recordings_raise_errors_of_mmemo(model, tmp_path):
    (tmp_path / "bad.mp4").write_text("no video")
    for name in ("bad.mp4", "none.mp4"):
        for method in (model.predict, model.features, model.explain, model.report, model.annotate):
            with pytest.raises(ClipError, match=name):
                method(tmp_path / name)
    with pytest.raises(ConfigError, match="decoder"):
        model.predict(tmp_path / "bad.mp4", decoder="guess")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.mp4"]


def test_missing_models_raise_errors_of_mmemo(small_run, tmp_path):
    with pytest.raises(CheckpointError, match="no trained model"):
        mmemo.load(tmp_path / "none")
    with pytest.raises(ConfigError, match="not available"):
        mmemo.load(small_run, device="cuda:99")


def test_decoders_have_the_same_names_for_programs_and_at_the_command_line():
    assert get_args(Decoder) == DECODERS
