"""Damaged and hostile files: one line of `ClipError`, or the readable part; nothing else."""

import logging
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from media_files import brightening, damage, gray, quadrants, tone, write_media

from extractors.media import Decoder, Limits, probe, read_frames, read_sound
from extractors.media.container import MAX_FAILURES_IN_A_ROW, Container, Track
from mmemo.errors import ClipError

FUZZED: dict[str, dict[str, Any]] = {
    "mp4": {"picture": brightening(1.0), "video_codec": "libx264", "audio_codec": "aac"},
    "wav": {"audio_codec": "pcm_s16le"},
    "webm": {
        "picture": brightening(1.0),
        "video_codec": "libvpx-vp9",
        "audio_codec": "libopus",
        "sample_rate": 48_000,
    },
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds, index in front, key frames every half second."""
    source = tmp_path_factory.mktemp("media") / "clip.mkv"
    return write_media(source, picture=brightening(4.0), sound=tone(), seconds=4.0)


def one_line(error: pytest.ExceptionInfo[ClipError], path: Path) -> bool:
    message = str(error.value)
    name = "".join(c if c.isprintable() else "?" for c in path.name)
    return "\n" not in message and "expected" in message and name in message


# Not a media file


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.mp4", None),
        ("empty.mp4", b""),
        ("text.mp4", b"This is a letter, not a film.\n" * 100),
        ("text.txt", b"This is a letter, not a film.\n" * 100),
        ("zeros.wav", bytes(10_000)),
        ("noise.avi", np.random.default_rng(0).bytes(10_000)),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:2,\nhttp://localhost:1/a.ts\n#EXT-X-ENDLIST\n"),
        ("list.mp4", b"ffconcat version 1.0\nfile clip.mp4\n"),
        ("header.wav", b"RIFF\x24\x00\x00\x00WAVEfmt "),
        ("x" * 300 + ".mp4", None),
        ("nul\0.mp4", None),
    ],
)
def test_files_that_are_not_media_are_refused(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    for read in (probe, read_sound, read_frames, Decoder):
        with pytest.raises(ClipError) as error:
            read(path)
        assert one_line(error, path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="folder") as error:
        probe(tmp_path)
    assert one_line(error, tmp_path)


def test_a_still_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "still.mp4"
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "rgb24"
        frame = av.VideoFrame.from_ndarray(gray(100), "rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ClipError, match="expected"):
        probe(path)


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container:
        audio = container.add_stream("libmp3lame", rate=44_100, layout="mono")
        cover = container.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 160, 120, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(gray(100), "rgb24")
        samples = np.zeros((1, 44_100), dtype=np.float32)
        sound = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
        sound.sample_rate, sound.time_base, sound.pts = 44_100, Fraction(1, 44_100), 0
        container.mux(cover.encode(picture))
        container.mux(cover.encode(None))
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))
    with av.open(str(path)) as container:
        assert container.streams.video
    info = probe(path)
    assert (info.has_sound, info.has_picture) == (True, False)
    with pytest.raises(ClipError, match="only sound"):
        read_frames(path)


# Damaged files


def test_a_truncated_file_is_read_with_a_warning_of_the_loss(
    tmp_path: Path, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "half.mkv"
    path.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with caplog.at_level(logging.WARNING), Decoder(path) as decoder:
        frames = list(decoder.frames())
        sound = decoder.sound()
    assert 20 < len(frames) < 90
    assert sound is not None
    assert 1.0 < sound.duration_s < 3.5
    [record] = [r for r in caplog.records if "picture" in r.getMessage()]
    assert "half.mkv" in record.getMessage()
    missing_s = next(float(arg) for arg in record.args or () if isinstance(arg, float))
    assert missing_s == pytest.approx(4.0 - frames[-1].time_s - 0.04, abs=0.1)


def test_a_whole_file_is_read_without_a_message(
    clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), Decoder(clip) as decoder:
        assert len(list(decoder.frames())) == 100
    assert not caplog.records


def test_a_hole_in_the_middle_is_bridged(tmp_path: Path) -> None:
    source = write_media(tmp_path / "clip.ts", picture=brightening(6.0), sound=tone(), seconds=6.0)
    data = bytearray(source.read_bytes())
    packets = len(data) // 188
    begin, end = packets * 2 // 5 * 188, packets * 3 // 5 * 188
    data[begin:end] = bytes(end - begin)
    source.write_bytes(data)
    with Decoder(source) as decoder:
        last = list(decoder.frames())[-1]
        sound = decoder.sound()
    assert last.time_s > 5.5
    assert last.image.mean() == pytest.approx(20 + 200 * last.time_s / 6, abs=6)
    assert sound is not None
    assert sound.duration_s == pytest.approx(6.0, abs=0.3)
    assert np.abs(sound.samples[-8_000:-2_000]).max() > 0.4


@pytest.mark.parametrize("suffix", FUZZED)
def test_random_damage_never_escapes(tmp_path: Path, suffix: str) -> None:
    source = write_media(tmp_path / f"clip.{suffix}", sound=tone(), seconds=1.0, **FUZZED[suffix])
    data = source.read_bytes()
    read = refused = 0
    for seed in range(20):
        source.write_bytes(damage(data, np.random.default_rng(seed)))
        began = time.monotonic()
        try:
            probe(source)
            with Decoder(source, fps=10) as decoder:
                times = [frame.time_s for frame in decoder.frames()]
                sound = decoder.sound()
            assert times == sorted(set(times))
            assert sound is None or np.isfinite(sound.samples).all()
            read += 1
        except ClipError:
            refused += 1
        assert time.monotonic() - began < 10
    assert read + refused == 20
    assert read


@pytest.mark.parametrize(
    "failure", [AttributeError("x"), UnicodeDecodeError("utf-8", b"", 0, 1, "x")]
)
def test_errors_of_any_class_inside_the_decoder_are_bounded_and_become_one(
    clip: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    calls = []

    def broken(packet: Any) -> list[Any]:
        calls.append(packet)
        raise failure

    monkeypatch.setattr(Track, "decode", lambda self, packet: self.attempt(broken, packet) or [])
    with pytest.raises(ClipError, match="could be decoded") as error:
        list(read_frames(clip))
    assert one_line(error, clip)
    assert 1 <= len(calls) <= MAX_FAILURES_IN_A_ROW


def test_a_demuxer_that_fails_for_ever_ends(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def broken(self: Container, tracks: list[Track]) -> Iterator[Any]:
        calls.append(1)
        raise ValueError("no packet")
        yield

    monkeypatch.setattr(Container, "_demux", broken)
    with pytest.raises(ClipError, match="no packet"):
        read_sound(clip)
    assert 1 <= len(calls) <= MAX_FAILURES_IN_A_ROW + 1


# Limits


def test_large_frames_are_refused(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mp4", picture=quadrants((320, 240)), seconds=0.2)
    limits = Limits(max_pixels=320 * 240 - 1)
    for read in (probe, read_frames):
        with pytest.raises(ClipError, match="320x240") as error:
            read(path, limits=limits)
        assert one_line(error, path)
    assert len(list(read_frames(path, limits=Limits(max_pixels=320 * 240)))) == 5


def test_an_8k_bomb_is_refused_by_default(tmp_path: Path) -> None:
    path = write_media(
        tmp_path / "bomb.mp4",
        picture=lambda t: np.zeros((4320, 7680, 3), dtype=np.uint8),
        video_codec="mpeg4",
        fps=1,
        seconds=1.0,
    )
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ClipError, match="7680x4320"):
        read_frames(path)


def test_square_pixels_may_not_pass_the_limit_either(tmp_path: Path) -> None:
    path = write_media(
        tmp_path / "clip.mp4", picture=quadrants(), seconds=0.2, pixel_aspect=Fraction(3)
    )
    with pytest.raises(ClipError, match="480x120"):
        list(read_frames(path, limits=Limits(max_pixels=160 * 120 * 2)))


def test_long_stretches_are_refused_but_cuts_of_them_are_not(clip: Path) -> None:
    limits = Limits(max_duration_s=2.0)
    with pytest.raises(ClipError, match="at most 2 s"):
        read_sound(clip, limits=limits)
    assert read_sound(clip, start=1.0, end=2.5, limits=limits).duration_s == 1.5


def test_a_stated_duration_does_not_hide_the_true_one(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Container, "duration_s", property(lambda s: None, lambda s, v: None), False)
    with pytest.raises(ClipError, match="at most 2 s"):
        list(read_frames(clip, limits=Limits(max_duration_s=2.0)))


def test_holes_are_filled_up_to_a_limit(tmp_path: Path) -> None:
    path = write_media(
        tmp_path / "clip.mp4", picture=quadrants(), sound=tone(), seconds=4.0, sound_starts=3.0
    )
    assert read_sound(path, limits=Limits(max_missing_s=3.1)).duration_s > 3.9
    with pytest.raises(ClipError, match="without sound"):
        read_sound(path, limits=Limits(max_missing_s=2.9))
    assert not read_sound(path, end=2.0, limits=Limits(max_missing_s=2.9)).samples.any()


@pytest.mark.parametrize("limits", [Limits(max_sample_rate=44_000), Limits(max_channels=1)])
def test_sound_beyond_the_limits_is_refused(tmp_path: Path, limits: Limits) -> None:
    path = write_media(
        tmp_path / "clip.wav", sound=tone(), audio_codec="pcm_s16le", layout="stereo", seconds=0.2
    )
    with pytest.raises(ClipError, match="44100 Hz and 2"):
        read_sound(path, limits=limits)
