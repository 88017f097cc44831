"""What was heard and not read stands in the answer of the utterance it belongs to."""

import json
import shutil

import av
import numpy as np
import pytest
from plain_clips import first_clip

import mmemo
from extractors.base import SAMPLE_RATE_HZ
from extractors.media import read_sound
from extractors.text.clip_words import WordFinder
from extractors.text.unread import WITHOUT_WORDS, Hearing
from mmemo.features import Unread, Word
from pipelines.prediction.exports.screen_text import prediction_text

FOREIGN = "speech was heard but not read: the words are too uncertain; only English is read"
WORDS = (Word("Good", 0.2, 0.5, 0.9), Word("day.", 0.5, 0.8, 0.9))


@pytest.fixture(scope="module")
def model(small_run):
    return mmemo.load(small_run)


@pytest.fixture
def hear(corpus, tmp_path, monkeypatch):
    """Return a recording without a transcript, of which the recogniser hears what one states."""
    media = shutil.copy(first_clip(corpus), tmp_path / "talk.mp4")

    def state(words, *unread):
        hearing = Hearing(tuple(words), tuple(unread))
        monkeypatch.setattr(WordFinder, "hear", lambda *_, **__: hearing)
        return media

    return state


def test_each_utterance_has_its_own_reason(model, hear):
    media = hear(WORDS, Unread(1.0, 1.8, FOREIGN, 0.3), Unread(1.8, 2.6, WITHOUT_WORDS))
    predictions = model.predict(media)
    with_words = [p for p in predictions if p.words]
    without = [p for p in predictions if not p.words]
    assert [p.text for p in with_words] == ["Good day."]
    assert all(p.absent["text"] != "no words here" for p in without)
    stated = {part.reason for p in predictions for part in p.unread}
    assert stated == {FOREIGN, WITHOUT_WORDS}
    assert [p.start for p in predictions] == sorted(p.start for p in predictions)
    for prediction in predictions:
        for part in prediction.unread:
            assert prediction.start <= part.start < part.end <= prediction.end


def test_a_recording_without_words_has_reasons_where_something_was_heard(model, hear):
    media = hear((), Unread(0.0, 0.4, WITHOUT_WORDS), Unread(0.4, 1.4, FOREIGN, 0.25))
    first, *others = model.predict(media)
    assert first.absent["text"] == f"{FOREIGN} (confidence 0.25 of 1)"
    assert [part.confidence for part in first.unread] == [None, 0.25]
    for other in others:
        assert other.absent["text"] == "no words here"
        assert other.unread == ()


def test_silence_is_still_no_speech(model, hear):
    for prediction in model.predict(hear(())):
        assert prediction.absent["text"] == "no speech found"
        assert prediction.unread == ()


def test_json_and_screen_say_what_was_not_read(model, hear):
    media = hear(WORDS, Unread(0.9, 1.3, FOREIGN, 0.3))
    predictions = model.predict(media)
    line = json.loads(json.dumps(predictions[0].to_json()))
    assert line["unread"] == [{"start": 0.9, "end": 1.3, "reason": FOREIGN, "confidence": 0.3}]
    assert f"{FOREIGN} (confidence 0.30 of 1)" in prediction_text(media, predictions)


@pytest.mark.shared
def test_a_foreign_sentence_beside_english_ones_has_an_utterance(shared, model, tmp_path):
    names = ("plain.mp4", "japanese.mp3", "plain.mp4")
    sounds = [read_sound(shared / "cases/media" / n, SAMPLE_RATE_HZ).samples for n in names]
    pause = np.zeros(2 * SAMPLE_RATE_HZ, np.float32)
    sounds = [sounds[0], pause, sounds[1][: 12 * SAMPLE_RATE_HZ], pause, sounds[2]]
    samples = np.concatenate(sounds)
    with av.open(tmp_path / "mixed.wav", "w") as file:
        stream = file.add_stream("pcm_s16le", rate=SAMPLE_RATE_HZ, layout="mono")
        pcm = np.clip(samples * 32767, -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    predictions = model.predict(tmp_path / "mixed.wav")
    begin_s = len(sounds[0]) / SAMPLE_RATE_HZ
    foreign = [p for p in predictions if not p.words and p.start >= begin_s - 1]
    assert foreign
    assert all("heard" in p.absent["text"] for p in foreign)
    assert any(p.words for p in predictions)
