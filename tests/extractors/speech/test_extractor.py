"""The recogniser's encoder as columns: rows in time, whatever the level, the length or the rate."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal

from extractors.base import Sound
from extractors.clip import ClipExtractor
from extractors.covarep import CovarepExtractor
from extractors.speech import SpeechExtractor
from extractors.speech import extractor as module
from mmemo.config import FeatureConfig
from mmemo.errors import AssetError, FeatureError
from mmemo.features import Clip
from pipelines.sample.espeak import Espeak

RATE = 16_000


@pytest.fixture(scope="module")
def extract() -> SpeechExtractor:
    return SpeechExtractor()


@pytest.fixture(scope="module")
def speech() -> Sound:
    words = ("the", "children", "are", "playing", "by", "the", "garden", "door")
    utterance = Espeak().say(words, voice="en-us+f1", pitch=50, pitch_range=50, rate_wpm=160)
    samples = scipy.signal.resample_poly(utterance.samples, RATE, utterance.sample_rate).astype(
        np.float32
    )
    return Sound(samples / np.abs(samples).max() / 2, RATE)


def test_rows_last_20_ms_and_cover_the_sound(extract, speech):
    features = extract(replace(speech, start_s=2.0))
    assert features.values.shape == (int(speech.duration_s / 0.02), 384)
    np.testing.assert_allclose(features.times[:, 0], 2.0 + 0.02 * np.arange(len(features)))
    assert features.times[-1, 1] <= 2.0 + speech.duration_s + 1e-9
    assert features.names[0] == "speech_000"
    assert features.source == extract.fingerprint()


def test_the_level_of_the_recording_makes_no_difference(extract, speech):
    loud = extract(speech)
    for gain in (0.02, 0.5, 1.9):
        changed = extract(replace(speech, samples=speech.samples * np.float32(gain)))
        np.testing.assert_array_equal(changed.valid, loud.valid)
        np.testing.assert_allclose(changed.values, loud.values, atol=2e-3)


def test_rows_are_valid_where_somebody_speaks(extract, speech):
    silence = np.zeros(2 * RATE, np.float32)
    sound = Sound(np.concatenate([silence, speech.samples, silence]), RATE)
    features = extract(sound)
    middles = features.times.mean(axis=1)
    spoken = (middles > 2.0) & (middles < 2.0 + speech.duration_s)
    assert features.valid[spoken].mean() > 0.8
    assert features.valid[~spoken].mean() < 0.15
    assert not features.values[~features.valid].any()


@pytest.mark.parametrize("kind", ["silence", "noise", "hum"])
def test_nothing_is_valid_where_nobody_speaks(extract, kind):
    times_s = np.arange(3 * RATE) / RATE
    samples = {
        "silence": np.zeros(3 * RATE),
        "noise": 0.1 * np.random.default_rng(0).standard_normal(3 * RATE),
        "hum": 0.3 * np.sin(2 * np.pi * 150 * times_s),
    }[kind]
    assert not extract(Sound(samples.astype(np.float32), RATE)).valid.any()


@pytest.mark.parametrize("n_samples", [0, 1, 159, 319, 320, 1000])
def test_short_sounds_have_the_rows_that_fit(extract, n_samples):
    samples = np.full(n_samples, 0.1, np.float32)
    assert len(extract(Sound(samples, RATE))) == n_samples // 320


def test_long_sounds_are_encoded_in_parts_without_a_gap(extract, speech, monkeypatch):
    pause = np.zeros(RATE // 2, np.float32)
    sound = Sound(np.concatenate([*[speech.samples, pause] * 3]), RATE)
    whole = extract(sound)
    monkeypatch.setattr(module, "PART_S", speech.duration_s + 0.4)
    monkeypatch.setattr(module, "SEEK_S", 1.0)
    parts = extract(sound)
    assert abs(len(parts) - len(whole)) <= 3
    assert np.all(np.diff(parts.times[:, 0]) > 0)
    first = int(speech.duration_s / 0.02) - 10
    rows = np.flatnonzero(whole.valid[:first])
    likeness = [
        np.corrcoef(whole.values[row], parts.values[row])[0, 1] for row in rows if parts.valid[row]
    ]
    assert np.median(likeness) > 0.9


def test_another_sample_rate_hears_the_same(extract, speech):
    other = scipy.signal.resample_poly(speech.samples, 3, 1).astype(np.float32)
    ours, theirs = extract(speech), extract(Sound(other, 3 * RATE))
    rows = ours.valid & theirs.valid
    assert rows.sum() > 20
    assert np.corrcoef(ours.values[rows].ravel(), theirs.values[rows].ravel())[0, 1] > 0.99


def test_bad_sound_and_missing_weights_are_named(extract, tmp_path):
    with pytest.raises(FeatureError, match="finite mono"):
        extract(Sound(np.full(RATE, np.nan, np.float32), RATE))
    with pytest.raises(AssetError, match=r"model\.bin"):
        SpeechExtractor(str(tmp_path))


def test_both_sets_stand_side_by_side_in_a_clip(speech, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "talk.wav", speech.samples, RATE)
    options = FeatureConfig(modalities=("audio",), audio=("covarep", "speech"))
    audio = ClipExtractor(options)(Clip("a", "a", tmp_path / "talk.wav")).features["audio"]
    assert audio.names[:74] == CovarepExtractor.names
    assert len(audio.names) == 74 + 384
    assert [part.split(":")[0] for part in audio.source.split("+")] == ["covarep", "speech"]
    alone = ClipExtractor(FeatureConfig(modalities=("audio",)))
    voice = alone(Clip("a", "a", tmp_path / "talk.wav")).features["audio"]
    np.testing.assert_array_equal(audio.values[audio.valid, :74], voice.values[audio.valid])


def test_a_clip_without_speech_says_so(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    hum = 0.3 * np.sin(2 * np.pi * 150 * np.arange(2 * RATE) / RATE)
    soundfile.write(tmp_path / "hum.wav", hum, RATE)
    options = FeatureConfig(modalities=("audio",), audio=("covarep", "speech"))
    clip = ClipExtractor(options)(Clip("a", "a", tmp_path / "hum.wav"))
    assert clip.features == {}
    assert clip.absent["audio"] == "no speech in the sound"
