"""Gated, coded and padded speech: rows that cannot be measured cost themselves only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from media_files import write_media

from extractors.base import Sound
from extractors.covarep import CovarepExtractor
from extractors.finite_rows import keep_finite
from extractors.media import read_sound
from extractors.text.unread import Hearing

RATE = 16_000
EXTRACTOR = CovarepExtractor()


def voice(seconds=1.0, f0_hz=130.0):
    time_s = np.arange(int(seconds * RATE)) / RATE
    return 0.1 * sum(np.cos(2 * np.pi * k * f0_hz * time_s) / k for k in range(1, 40))


@st.composite
def gated_speech(draw):
    """Draw voice between stretches of zeros, with residues as a codec leaves them."""
    parts = [voice(draw(st.floats(0.3, 0.6)))]
    for _ in range(draw(st.integers(1, 3))):
        gap = np.zeros(draw(st.integers(100, 6000)))
        level = draw(st.sampled_from([1e-12, 1e-14, 1e-20, 1e-38, 1e-45, 1e-300]))
        n_left = draw(st.integers(0, min(200, len(gap))))
        gap[:n_left] = level * np.cos(np.arange(n_left))
        at = draw(st.integers(0, len(gap) - 1))
        gap[at] = draw(st.sampled_from([level, -level, 0.0]))
        parts += [gap, voice(draw(st.floats(0.2, 0.4)), draw(st.floats(80, 300)))]
    order = draw(st.sampled_from([1, -1]))
    return np.concatenate(parts)[::order]


@settings(max_examples=25, deadline=None)
@given(gated_speech(), st.sampled_from([1.0, 1e-6, 1e-12]))
def test_residues_beside_silence_cost_no_other_row(samples, scale):
    features = EXTRACTOR(Sound((scale * samples).astype(np.float32), RATE))
    assert np.isfinite(features.values).all()
    voiced = features.values[:, features.names.index("VUV")] > 0.5
    assert voiced[features.valid].mean() > 0.3
    assert features.valid.mean() > 0.3


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("opus", "libopus"), ("mp3", "libmp3lame"), ("m4a", "aac"), ("flac", "flac")],
)
def test_gated_speech_through_codecs_keeps_its_voice(tmp_path, suffix, codec):
    def gated(times):
        tone = 0.1 * sum(np.cos(2 * np.pi * k * 130 * times) / k for k in range(1, 30))
        return np.where(times % 0.8 < 0.5, tone, 0.0)

    path = write_media(
        tmp_path / f"a.{suffix}", sound=gated, audio_codec=codec, sample_rate=48_000, seconds=3.0
    )
    features = EXTRACTOR(read_sound(path))
    assert np.isfinite(features.values).all()
    assert 0.4 < features.valid.mean() <= 1


values = arrays.arrays(np.float32, (6, 3), elements=st.floats(width=32))


@given(values, arrays.arrays(np.bool_, 6))
def test_rows_that_are_not_finite_are_never_valid(values, valid):
    kept, kept_valid = keep_finite(values, valid, "test")
    assert np.isfinite(kept).all()
    assert not (kept_valid & ~valid).any()
    for row in range(len(values)):
        if valid[row] and np.isfinite(values[row]).all():
            assert kept_valid[row]
            np.testing.assert_array_equal(kept[row], values[row])
        else:
            assert not kept_valid[row]
            assert not kept[row].any()


@pytest.mark.shared
def test_the_recording_that_people_brought_has_voice_and_words(shared):
    from extractors.clip import ClipExtractor
    from mmemo.config import FeatureConfig
    from mmemo.features import Clip

    path = shared / "cases/media/nan_opus.opus"
    result = ClipExtractor(FeatureConfig(), vectors=False)(Clip("a", "a", media=path))
    assert set(result.features) == {"text", "audio"}
    audio = result.features["audio"]
    assert np.isfinite(audio.values).all()
    assert audio.valid.mean() > 0.3
    assert len(result.clip.words) > 3


def test_words_are_recognised_where_the_voice_cannot_be_measured(tmp_path, monkeypatch):
    from extractors.clip import ClipExtractor
    from mmemo.config import FeatureConfig
    from mmemo.errors import FeatureError
    from mmemo.features import Clip, Word

    def fail(*_, **__):
        raise FeatureError("expected a voice")

    path = write_media(
        tmp_path / "a.wav", sound=np.sin, audio_codec="pcm_s16le", sample_rate=RATE, seconds=1.0
    )
    monkeypatch.setattr(CovarepExtractor, "__call__", fail)
    monkeypatch.setattr(
        "extractors.text.clip_words.WordFinder.hear", lambda *_: Hearing((Word("so", 0, 1),))
    )
    result = ClipExtractor(FeatureConfig(), vectors=False)(Clip("a", "a", media=path))
    assert result.absent["audio"] == "expected a voice"
    assert [word.text for word in result.clip.words] == ["so"]
