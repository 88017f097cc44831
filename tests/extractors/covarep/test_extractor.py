"""The audio extractor on synthetic sounds: properties that hold on any machine."""

import numpy as np
import pytest
from media_files import write_media

from extractors.base import Sound
from extractors.covarep import CovarepExtractor
from extractors.media import read_sound
from mmemo.errors import FeatureError

EXTRACTOR = CovarepExtractor()


def pulse_train(f0_hz, sample_rate=16000, duration_s=1.0):
    """Band-limited pulses with a voice-like tilt."""
    time_s = np.arange(int(duration_s * sample_rate)) / sample_rate
    partials = range(1, int(min(sample_rate, 16000) / 2 / f0_hz))
    return 0.1 * sum(np.cos(2 * np.pi * k * f0_hz * time_s) / k for k in partials)


def column(features, name):
    return features.values[:, features.names.index(name)]


def extract(samples, sample_rate=16000):
    return EXTRACTOR(Sound(np.asarray(samples, dtype=np.float32), sample_rate))


@pytest.mark.parametrize("f0_hz", [70, 110.5, 163, 240, 390])
def test_pulse_train_has_its_pitch(f0_hz):
    features = extract(pulse_train(f0_hz))
    inner = slice(6, -6)
    assert column(features, "VUV")[inner].all()
    assert np.abs(column(features, "F0")[inner] - f0_hz).max() <= 1


@pytest.mark.parametrize("sample_rate", [8000, 11025, 22050, 48000, 96000])
def test_any_sample_rate_gives_the_same_grid_and_pitch(sample_rate):
    features = extract(pulse_train(150, sample_rate), sample_rate)
    reference = extract(pulse_train(150))
    assert np.array_equal(features.times, reference.times)
    assert np.abs(column(features, "F0")[6:-6] - 150).max() <= 1


def test_rows_lie_on_the_documented_grid():
    features = extract(pulse_train(120))
    middle = features.times.mean(axis=1)
    expected = (79 + 160 * np.arange(100)) / 16000
    assert len(features) == 100
    assert np.allclose(middle[1:], expected[1:])
    assert features.times[0, 0] == 0


def test_times_count_from_the_start_of_the_sound():
    samples = pulse_train(120).astype(np.float32)
    late = EXTRACTOR(Sound(samples, 16000, start_s=2.5))
    assert np.allclose(late.times, extract(samples).times + 2.5)


def test_silence_has_rows_but_none_is_valid():
    features = extract(np.zeros(16000))
    assert len(features) == 100
    assert not features.valid.any()
    assert not features.values.any()


def test_a_silent_gap_is_invalid_and_does_not_change_the_rest():
    sound = pulse_train(130, duration_s=2)
    gapped = sound.copy()
    gapped[12000:20000] = 0
    whole, holed = extract(sound), extract(gapped)
    assert not holed.valid[82:118].any()
    far = np.r_[10:60, 140:190]
    assert np.allclose(column(holed, "F0")[far], column(whole, "F0")[far])
    assert np.allclose(column(holed, "MCEP_1")[far], column(whole, "MCEP_1")[far], atol=1e-3)


@pytest.mark.parametrize("size", [1, 2, 79])
def test_too_short_for_a_row_gives_none(size):
    assert len(extract(np.ones(size))) == 0


@pytest.mark.parametrize("size", [80, 81, 500, 1598, 5000])
def test_short_sounds_are_measured(size):
    features = extract(pulse_train(200)[:size])
    assert len(features) == (size - 80) // 160 + 1


def test_loudness_moves_only_the_level():
    sound = pulse_train(120) + 0.001 * np.random.default_rng(0).standard_normal(16000)
    quiet, loud = extract(sound), extract(4 * sound)
    level = quiet.names.index("MCEP_0")
    difference = loud.values - quiet.values
    assert np.allclose(difference[:, level], np.log(4), atol=1e-4)
    assert np.abs(np.delete(difference, level, axis=1)).max() < 1e-3


def test_extraction_repeats_exactly():
    sound = np.random.default_rng(1).standard_normal(8000)
    assert np.array_equal(extract(sound).values, extract(sound).values)


@pytest.mark.parametrize(
    "samples",
    [
        np.sign(np.sin(np.arange(16000) * 0.05)),
        np.ones(16000),
        1e30 * np.random.default_rng(2).standard_normal(8000),
        1e-30 * np.ones(8000),
        np.eye(1, 9000, 4000)[0],
        np.tile([1.0, -1.0], 4000),
    ],
    ids=["square", "constant", "huge", "tiny", "click", "nyquist"],
)
def test_strange_sounds_have_finite_features(samples):
    features = extract(samples)  # Features itself refuses NaN and infinity
    assert len(features) == (len(samples) - 80) // 160 + 1
    assert not features.values[~features.valid].any()


@pytest.mark.parametrize(
    ("samples", "sample_rate", "message"),
    [
        ([], 16000, "N > 0"),
        ([[0.0, 1.0]], 16000, "mono"),
        (np.full(4000, np.nan), 16000, "4000 of 4000"),
        ([0.0, np.inf], 16000, "1 of 2"),
        (np.zeros(100), 0, "sample rate"),
        (np.zeros(100), -16000, "sample rate"),
    ],
)
def test_unusable_sound_is_refused_in_one_line(samples, sample_rate, message):
    with pytest.raises(FeatureError, match=message) as caught:
        extract(samples, sample_rate)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sample_rate", "layout"),
    [(8000, "mono"), (96000, "stereo"), (48000, "5.1")],
    ids=["telephone", "studio", "six channels"],
)
def test_files_of_any_rate_and_channels_are_measured(tmp_path, sample_rate, layout):
    def voice(time_s):
        return pulse_train(150, sample_rate, len(time_s) / sample_rate)

    path = write_media(
        tmp_path / "voice.wav",
        sound=voice,
        seconds=1.0,
        audio_codec="pcm_s16le",
        sample_rate=sample_rate,
        layout=layout,
    )
    features = EXTRACTOR(read_sound(path, sample_rate=16000))
    assert abs(len(features) - 100) <= 1
    assert features.valid[6:-6].all()
    assert np.abs(column(features, "F0")[6:-6] - 150).max() <= 1


def test_a_clipped_voice_keeps_its_pitch():
    features = extract(np.clip(6 * pulse_train(140), -1, 1))
    assert features.valid[6:-6].all()
    assert np.abs(np.median(column(features, "F0")[6:-6]) - 140) <= 1
