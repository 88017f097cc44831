"""Media files: their known content is read at the known times."""

import gc
import itertools
import logging
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from media_files import (
    brightening,
    click,
    flash,
    quadrants,
    tone,
    write_media,
)
from numpy.typing import NDArray

from extractors.base import Frame, Sound
from extractors.media import Decoder, decode, probe, read_frames, read_sound
from extractors.media.container import Track
from mmemo.errors import ClipError, ConfigError

KINDS: dict[str, dict[str, Any]] = {
    "mp4": {"video_codec": "libx264", "audio_codec": "aac"},
    "webm": {"video_codec": "libvpx-vp9", "audio_codec": "libopus", "sample_rate": 48_000},
    "mkv": {"video_codec": "libx264", "audio_codec": "flac"},
    "avi": {"video_codec": "mpeg4", "audio_codec": "pcm_s16le"},
    "mpg": {"video_codec": "mpeg1video", "audio_codec": "mp2"},
    "ts": {"video_codec": "libx264", "audio_codec": "aac"},
}
SOUND_KINDS: dict[str, dict[str, Any]] = {
    "mp3": {"audio_codec": "libmp3lame"},
    "wav": {"audio_codec": "pcm_s16le"},
    "flac": {"audio_codec": "flac"},
    "m4a": {"audio_codec": "aac"},
    "ogg": {"audio_codec": "libopus", "sample_rate": 48_000},
}
FRAME_S = 0.04


def loudest_s(sound: Sound) -> float:
    return sound.start_s + int(np.argmax(np.abs(sound.samples))) / sound.sample_rate


def same(frames: list[Frame], others: list[Frame]) -> bool:
    return len(frames) == len(others) and all(
        a.time_s == b.time_s and np.array_equal(a.image, b.image)
        for a, b in zip(frames, others, strict=True)
    )


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds with sound whose spectrum and level change, key frames every half second."""
    return write_media(
        tmp_path_factory.mktemp("media") / "long.mp4",
        picture=brightening(12.0),
        sound=lambda t: 0.4 * np.sin(2 * np.pi * (200 + 50 * t) * t) * (0.2 + 0.8 * (t % 1)),
        seconds=12.0,
    )


# Synchrony


@pytest.mark.parametrize("suffix", KINDS)
def test_flash_and_click_are_read_when_they_happen(tmp_path: Path, suffix: str) -> None:
    path = write_media(
        tmp_path / f"clip.{suffix}", picture=flash(1.2), sound=click(1.2), **KINDS[suffix]
    )
    with Decoder(path) as decoder:
        flash_s = max((frame.image.mean(), frame.time_s) for frame in decoder.frames())[1]
        sound = decoder.sound()
    assert sound is not None
    assert loudest_s(sound) == pytest.approx(flash_s, abs=0.002)
    # MPEG streams begin with what the sound encoder put in front, and do not say how much.
    assert flash_s == pytest.approx(1.2, abs=0.03 if suffix in ("mpg", "ts") else 0.001)


@pytest.mark.parametrize("suffix", SOUND_KINDS)
def test_click_is_read_when_it_happens(tmp_path: Path, suffix: str) -> None:
    path = write_media(tmp_path / f"clip.{suffix}", sound=click(1.2), **SOUND_KINDS[suffix])
    assert loudest_s(read_sound(path)) == pytest.approx(1.2, abs=0.002)


@pytest.mark.parametrize("starts", [0.5, 1.0])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_that_starts_late_is_preceded_by_silence(
    tmp_path: Path, suffix: str, starts: float
) -> None:
    path = write_media(
        tmp_path / f"clip.{suffix}",
        picture=flash(1.6),
        sound=lambda t: 0.3 * np.sin(2 * np.pi * 300 * t) + click(1.6)(t) * 0.7,
        sound_starts=starts,
        **KINDS[suffix],
    )
    sound = read_sound(path)
    assert sound.start_s == 0
    assert not sound.samples[: round((starts - 0.03) * 16_000)].any()
    assert np.abs(sound.samples[round((starts + 0.03) * 16_000) :]).max() > 0.2
    assert loudest_s(sound) == pytest.approx(1.6, abs=0.002)


# Sound


@pytest.mark.parametrize("suffix", SOUND_KINDS)
def test_a_tone_keeps_level_pitch_and_phase(tmp_path: Path, suffix: str) -> None:
    path = write_media(tmp_path / f"clip.{suffix}", sound=tone(440), **SOUND_KINDS[suffix])
    sound = read_sound(path)
    assert sound.samples.dtype == np.float32
    assert sound.samples.ndim == 1
    middle = slice(8_000, 24_000)
    expected = tone(440)(np.arange(len(sound.samples)) / 16_000)
    assert np.abs(sound.samples[middle] - expected[middle]).max() < 0.03


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f64le"])
def test_sample_formats_share_one_full_scale(tmp_path: Path, codec: str) -> None:
    path = write_media(tmp_path / "clip.wav", sound=tone(), audio_codec=codec, sample_rate=16_000)
    expected = tone()(np.arange(32_000) / 16_000)
    assert np.abs(read_sound(path).samples - expected).max() < 0.01


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 96_000])
def test_any_rate_becomes_the_requested_rate(tmp_path: Path, rate: int) -> None:
    path = write_media(
        tmp_path / "clip.wav", sound=tone(200), audio_codec="pcm_s16le", sample_rate=rate
    )
    for sample_rate in (8_000, 16_000):
        sound = read_sound(path, sample_rate=sample_rate)
        assert sound.sample_rate == sample_rate
        assert sound.duration_s == pytest.approx(2.0, abs=0.005)
        expected = tone(200)(np.arange(len(sound.samples)) / sample_rate)
        inside = slice(sample_rate // 4, -sample_rate // 4)
        assert np.abs(sound.samples[inside] - expected[inside]).max() < 0.005


@pytest.mark.parametrize(("layout", "channels"), [("stereo", 2), ("5.1", 6)])
def test_channels_are_averaged(tmp_path: Path, layout: str, channels: int) -> None:
    path = write_media(
        tmp_path / "clip.wav",
        sound=lambda t: np.stack([0.1 * (c + 1) * tone(1)(t) for c in range(channels)]),
        audio_codec="pcm_s16le",
        layout=layout,
        sample_rate=16_000,
    )
    assert probe(path).channels == channels
    mean = np.mean([0.1 * (c + 1) for c in range(channels)]) * tone(1)(np.arange(32_000) / 16_000)
    assert np.abs(read_sound(path).samples - mean).max() < 0.002


def test_not_a_number_becomes_silence_and_overshoot_is_cut(tmp_path: Path) -> None:
    def wild(t: NDArray[np.float64]) -> NDArray[np.float64]:
        samples = 3.0 * tone()(t)
        samples[100:200] = np.nan
        samples[300:400] = np.inf
        return samples

    path = write_media(
        tmp_path / "clip.wav", sound=wild, audio_codec="pcm_f32le", sample_rate=16_000
    )
    samples = read_sound(path).samples
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() == 1.0
    assert not samples[100:200].any()


# Cuts


@pytest.mark.parametrize("start", [0.0, 0.5, 3.3, 8.01, 11.5])
def test_a_cut_equals_that_part_of_the_whole(long_clip: Path, start: float) -> None:
    end = start + 0.45
    whole = read_sound(long_clip)
    cut = read_sound(long_clip, start=start, end=end)
    assert cut.start_s == round(start * 16_000) / 16_000
    expected = whole.samples[round(start * 16_000) : round(end * 16_000)]
    assert len(cut.samples) == len(expected)
    assert np.abs(cut.samples - expected).max() < 1e-4
    for fps in (None, 10):
        inside = [f for f in read_frames(long_clip, fps=fps) if start <= f.time_s < end]
        assert same(list(read_frames(long_clip, fps=fps, start=start, end=end)), inside)


@pytest.mark.parametrize("suffix", ["webm", "avi", "mpg", "ts"])
def test_a_late_cut_is_right_in_any_container(tmp_path: Path, suffix: str) -> None:
    path = write_media(
        tmp_path / f"clip.{suffix}",
        picture=brightening(10.0),
        sound=tone(),
        seconds=10.0,
        keyframe_every=75,
        **KINDS[suffix],
    )
    inside = [frame for frame in read_frames(path) if 8.0 <= frame.time_s < 8.5]
    assert same(list(read_frames(path, start=8.0, end=8.5)), inside)
    whole = read_sound(path).samples
    cut = read_sound(path, start=8.0, end=8.5).samples
    # WebM rounds times to a millisecond: there, reading from the middle may be half of it off.
    shifts = range(-8, 9) if suffix == "webm" else [0]
    begin = 8 * 16_000
    differences = [np.abs(whole[begin + k : begin + k + len(cut)] - cut).max() for k in shifts]
    assert min(differences) < 0.02


@pytest.mark.parametrize("suffix", SOUND_KINDS)
def test_a_late_cut_of_sound_is_exact(tmp_path: Path, suffix: str) -> None:
    path = write_media(
        tmp_path / f"clip.{suffix}",
        sound=lambda t: 0.4 * np.sin(2 * np.pi * (100 + 20 * t) * t),
        seconds=20.0,
        **SOUND_KINDS[suffix],
    )
    begin, end = round(15.37 * 16_000), round(16.5 * 16_000)
    cut = read_sound(path, start=15.37, end=16.5)
    assert np.abs(read_sound(path).samples[begin:end] - cut.samples).max() < 1e-4


def test_a_late_cut_does_not_decode_the_part_before(
    long_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    decode_packet = Track.decode

    def counted(self: Track, packet: Any) -> list[Any]:
        decoded.append(packet)
        return decode_packet(self, packet)

    monkeypatch.setattr(Track, "decode", counted)
    assert len(list(read_frames(long_clip, start=11.0, end=11.4))) == 10
    assert len(decoded) < 100


# One pass


def test_one_pass_equals_two_passes(long_clip: Path) -> None:
    with Decoder(long_clip, fps=5, start=2.0, end=6.0) as decoder:
        frames = list(decoder.frames())
        sound = decoder.sound()
    assert sound is not None
    assert same(frames, list(read_frames(long_clip, fps=5, start=2.0, end=6.0)))
    assert np.array_equal(sound.samples, read_sound(long_clip, start=2.0, end=6.0).samples)


def test_pieces_of_sound_follow_without_gaps(long_clip: Path) -> None:
    items = list(decode(long_clip, fps=2, start=1.0))
    pieces = [item for item in items if isinstance(item, Sound)]
    assert len(pieces) > 5
    for before, after in itertools.pairwise(pieces):
        assert after.start_s == pytest.approx(before.start_s + before.duration_s)
    first_half = items[: len(items) // 2]
    assert any(isinstance(item, Frame) for item in first_half)
    assert any(isinstance(item, Sound) for item in first_half)


def test_frames_are_freed_at_once(long_clip: Path) -> None:
    """Left to the garbage collector, they once more than doubled the memory of a pass."""
    gc.collect()
    gc.disable()
    try:
        for _ in read_frames(long_clip):
            pass
        n_alive = sum(type(thing) is av.VideoFrame for thing in gc.get_objects())
    finally:
        gc.enable()
    assert n_alive < 5


def test_sound_is_whole_when_reading_frames_stops_early(long_clip: Path) -> None:
    with Decoder(long_clip) as decoder:
        next(decoder.frames())
        sound = decoder.sound()
    assert sound is not None
    assert np.array_equal(sound.samples, read_sound(long_clip).samples)


@pytest.mark.parametrize("present", ["picture", "sound"])
def test_a_decoder_reads_files_with_only_one_of_both(tmp_path: Path, present: str) -> None:
    content: dict[str, Any] = {"picture": quadrants()}
    if present == "sound":
        content = {"sound": tone()}
    path = write_media(tmp_path / "clip.mp4", seconds=1.0, **content)
    with Decoder(path) as decoder:
        assert (decoder.has_picture, decoder.has_sound) == (
            present == "picture",
            present == "sound",
        )
        assert len(list(decoder.frames())) == (25 if present == "picture" else 0)
        assert (decoder.sound() is None) == (present == "picture")


def test_missing_streams_are_named(tmp_path: Path) -> None:
    silent = write_media(tmp_path / "silent.mp4", picture=quadrants(), seconds=0.4)
    blind = write_media(tmp_path / "blind.m4a", sound=tone(), seconds=0.4)
    with pytest.raises(ClipError, match="expected a file with sound"):
        read_sound(silent)
    with pytest.raises(ClipError, match="expected a file with video"):
        read_frames(blind)


def test_probe_returns_the_properties(tmp_path: Path) -> None:
    path = write_media(
        tmp_path / "clip.mp4", picture=quadrants((160, 96)), sound=tone(), layout="stereo", fps=10
    )
    info = probe(path)
    assert info.duration_s == pytest.approx(2.0, abs=0.05)
    assert (info.has_sound, info.sample_rate, info.channels) == (True, 44_100, 2)
    assert (info.has_picture, info.width, info.height, info.fps) == (True, 160, 96, 10.0)


@pytest.mark.parametrize(
    "options",
    [{"fps": 0}, {"fps": float("nan")}, {"sample_rate": 0}, {"max_side": 0}],
)
def test_options_out_of_range_are_refused(long_clip: Path, options: dict) -> None:
    with pytest.raises(ConfigError, match="expected"):
        Decoder(long_clip, **options)


@pytest.mark.parametrize("span", [(-1.0, None), (2.0, 1.0), (float("nan"), None), (50.0, 51.0)])
def test_stretches_that_are_not_in_the_file_are_refused(
    long_clip: Path, span: tuple[float, float | None]
) -> None:
    with pytest.raises(ClipError, match="expected"):
        read_sound(long_clip, start=span[0], end=span[1])
    with pytest.raises(ClipError, match="expected"):
        list(read_frames(long_clip, start=span[0], end=span[1]))


@pytest.mark.shared
def test_real_clips_are_read_whole(shared: Path, caplog: pytest.LogCaptureFixture) -> None:
    clips = sorted((shared / "data" / "grid").glob("*.mpg"))
    clips += sorted((shared / "data" / "odd_clips").glob("*.m*"))
    assert len(clips) >= 10
    with caplog.at_level(logging.WARNING):
        for clip in clips:
            info = probe(clip)
            with Decoder(clip, fps=5) as decoder:
                frames = list(decoder.frames())
                sound = decoder.sound()
            assert sound is not None
            assert frames[-1].time_s == pytest.approx(info.duration_s, abs=0.3)
            assert frames[0].image.shape == (info.height, info.width, 3)
    assert not caplog.records
