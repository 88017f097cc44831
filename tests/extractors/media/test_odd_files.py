"""Files that are whole but odd: channels in antiphase, bare streams, tracks of other lengths."""

import logging

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import write_media

from extractors.media import Decoder, probe, read_sound
from extractors.media.arrays import _mixed
from mmemo.datasets.clips import MEDIA_SUFFIXES


def tone(times):
    return 0.2 * np.sin(2 * np.pi * 220 * times)


def grey(time_s):
    return np.full((64, 80, 3), 40 + int(time_s * 40) % 200, np.uint8)


@pytest.mark.parametrize("left", [1.0, -1.0, 0.5])
@pytest.mark.parametrize("suffix", ["wav", "mkv"])
def test_channels_in_antiphase_are_no_silence(tmp_path, left, suffix):
    codec = "pcm_s16le" if suffix == "wav" else "flac"
    path = write_media(
        tmp_path / f"a.{suffix}", sound=lambda t: np.stack([left * tone(t), -left * tone(t)]),
        audio_codec=codec, layout="stereo", sample_rate=16_000,
    )  # fmt: skip
    samples = read_sound(path).samples
    expected = left * tone(np.arange(len(samples)) / 16_000)
    np.testing.assert_allclose(samples[200:-200], expected[200:-200], atol=2e-3)


@given(
    st.integers(2, 8),
    st.floats(-0.9, 0.9),
    st.floats(-0.9, 0.9).filter(lambda share: abs(share) > 1e-3),
    st.integers(0, 10_000),
)
def test_the_mean_is_kept_unless_channels_cancel(channels, first, second, seed):
    noise = np.random.default_rng(seed).normal(size=(channels, 400))
    shares = np.zeros(channels)
    shares[:2] = first, second
    independent = noise * shares[:, None]
    np.testing.assert_array_equal(_mixed(independent), independent.mean(axis=0))
    cancelled = np.stack([noise[0], -noise[0], *np.zeros((channels - 2, 400))])
    np.testing.assert_array_equal(_mixed(cancelled), noise[0])
    assert not _mixed(np.zeros((channels, 400))).any()


@pytest.mark.parametrize("seconds", [0.4, 2.0, 5.0])
@pytest.mark.parametrize("fps", [10, 25, 30])
def test_a_bare_stream_has_as_many_seconds_as_frames(tmp_path, seconds, fps):
    movie = write_media(tmp_path / "a.mp4", picture=grey, seconds=seconds, fps=fps)
    bare = tmp_path / "a.h264"
    with av.open(str(movie)) as source, av.open(str(bare), "w", format="h264") as sink:
        stream = sink.add_stream_from_template(source.streams.video[0])
        frames = 0
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                sink.mux(packet)
                frames += 1
    with Decoder(bare) as decoder:
        decoded = list(decoder.frames())
    assert len(decoded) == frames
    rate = probe(bare).fps
    assert probe(bare).duration_s == pytest.approx(frames / rate)
    assert decoded[-1].time_s < probe(bare).duration_s


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "webm"])
@pytest.mark.parametrize(("sound_s", "picture_s"), [(6.0, 2.0), (2.0, 6.0)])
def test_a_track_that_is_shorter_is_no_damage(tmp_path, caplog, suffix, sound_s, picture_s):
    codecs = {"audio_codec": "libopus", "video_codec": "libvpx"} if suffix == "webm" else {}
    times = [n / 10 for n in range(int(10 * picture_s))]
    path = write_media(
        tmp_path / f"a.{suffix}", picture=grey, frame_times=times, sound=tone, seconds=sound_s,
        sample_rate=48_000, **codecs,
    )  # fmt: skip
    with caplog.at_level(logging.WARNING), Decoder(path) as decoder:
        list(decoder.frames())
        decoder.sound()
    assert "could not be decoded" not in caplog.text
    assert not caplog.text


@pytest.mark.parametrize(
    "suffix", ["MTS", "m2ts", "aiff", "wma", "amr", "vob", "h264", "caf", "w64"]
)
def test_containers_are_taken_from_a_folder(suffix):
    assert f".{suffix.lower()}" in MEDIA_SUFFIXES


@pytest.mark.shared
def test_the_files_that_people_brought(shared):
    folder = shared / "cases/media"
    plain, mixed = (read_sound(folder / name).samples for name in ("plain.mp4", "antiphase.mkv"))
    size = min(len(plain), len(mixed))
    assert abs(np.corrcoef(plain[:size], mixed[:size])[0, 1]) > 0.9
    assert probe(folder / "raw.h264").duration_s == pytest.approx(3.0)
