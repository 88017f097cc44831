"""Recordings that were joined end to end, or begin before zero: nothing of them is lost."""

import itertools
import shutil
import subprocess

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import write_media

from extractors.media import Decoder, probe, read_sound
from extractors.media.clock import Clock


@given(
    st.lists(st.tuples(st.floats(0, 50_000), st.integers(40, 200)), min_size=1, max_size=4),
    st.floats(0, 0.3),
)
def test_joined_recordings_follow_each_other_on_all_tracks(recordings, lag_s):
    """Two tracks of 25 pieces per second; the second one begins ``lag_s`` later in each."""
    clock, reached, begins = Clock(), -1.0, []
    last_s = -1.0
    joined = []
    for begin_s, count in recordings:
        if joined and begin_s > last_s - 2.0:
            begin_s = max(0.0, last_s - 2.0 - count / 25)
        joined.append((begin_s, count))
        last_s = begin_s + count / 25
    for begin_s, count in joined:
        for piece in range(count):
            time_s = clock.continued(0, begin_s + piece / 25, 0.04)
            if piece == 0:
                begins.append(time_s)
            assert time_s > reached
            reached = time_s
            other_s = clock.continued(1, begin_s + piece / 25 + lag_s, 0.04)
            assert other_s - time_s == pytest.approx(lag_s, abs=1e-6)
    restarted = sum(a[0] + a[1] / 25 - 1.1 > b[0] for a, b in itertools.pairwise(joined))
    assert clock.restarts == restarted


@given(st.floats(20, 5000), st.integers(2, 20))
def test_one_damaged_stamp_ahead_is_no_new_recording(ahead_s, at):
    clock = Clock()
    for piece in range(40):
        damaged = ahead_s if piece == at else 0.0
        time_s = clock.continued(0, piece / 25 + damaged, 0.04)
        assert time_s == pytest.approx(piece / 25 + damaged)
    assert clock.restarts == 0
    assert clock.end_s == pytest.approx(1.6)


def grey(time_s):
    return np.full((64, 80, 3), 30 + int(60 * time_s), np.uint8)


def chirp(times):
    return 0.3 * np.sin(2 * np.pi * (200 + 100 * times) * times)


FORMS = {
    "mpg": {"video_codec": "mpeg1video", "audio_codec": "mp2"},
    "ts": {"video_codec": "libx264", "audio_codec": "aac"},
    "flv": {"video_codec": "flv1", "audio_codec": "aac"},
}


def frames_by_ffmpeg(path):
    """Count the frames as FFmpeg's program does."""
    if shutil.which("ffprobe") is None:
        pytest.skip("needs ffprobe")
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-count_frames", "-show_entries",
               "stream=nb_read_frames", "-of", "csv=p=0", str(path)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0].strip(","))


@pytest.mark.parametrize("suffix", ["mpg", "ts"])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_parts_joined_with_cat_are_read_to_the_end(tmp_path, suffix, parts):
    content = b""
    for part in range(parts):
        path = write_media(
            tmp_path / f"part{part}.{suffix}", picture=grey, sound=chirp, seconds=2.0 + part / 2,
            **FORMS[suffix],
        )  # fmt: skip
        content += path.read_bytes()
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(content)
    seconds = sum(2.0 + part / 2 for part in range(parts))
    assert probe(joined).duration_s == pytest.approx(seconds, abs=0.2 * parts)
    with Decoder(joined) as decoder:
        times = [frame.time_s for frame in decoder.frames()]
        sound = decoder.sound()
    assert len(times) >= frames_by_ffmpeg(joined) - 2 * (parts - 1)
    assert all(a < b for a, b in itertools.pairwise(times))
    assert times[-1] == pytest.approx(seconds, abs=0.2 * parts)
    assert sound.duration_s == pytest.approx(seconds, abs=0.2 * parts)
    level = np.abs(sound.samples.reshape(-1)[: 1600 * (len(sound.samples) // 1600)])
    assert (level.reshape(-1, 1600).max(axis=1) > 0.1).mean() > 0.9


@pytest.mark.parametrize("start", [2.5, 3.5])
def test_a_cut_of_joined_parts_is_that_part_of_the_whole(tmp_path, start):
    path = write_media(tmp_path / "a.mpg", picture=grey, sound=chirp, seconds=2.0, **FORMS["mpg"])
    joined = tmp_path / "joined.mpg"
    joined.write_bytes(2 * path.read_bytes())
    whole = read_sound(joined).samples
    cut = read_sound(joined, start=start).samples
    np.testing.assert_allclose(cut, whole[int(start * 16_000) :][: len(cut)], atol=1e-3)
    assert len(cut) == pytest.approx(len(whole) - start * 16_000, abs=400)


@pytest.mark.parametrize(
    ("form", "begin_s"),
    [
        ("mpegts", -2.3), ("mpegts", -0.9), ("mpegts", 0.0), ("mpegts", 3.0),
        ("matroska", 0.0), ("matroska", 3.0),  # which has no times below zero
    ],
)  # fmt: skip
def test_a_recording_may_begin_before_zero(tmp_path, form, begin_s):
    movie = write_media(tmp_path / "a.mp4", picture=grey, sound=chirp, seconds=3.0)
    moved = tmp_path / f"b.{form}"
    keep = {"avoid_negative_ts": "disabled"}
    with av.open(str(movie)) as source, av.open(str(moved), "w", format=form, options=keep) as sink:
        streams = {s.index: sink.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is None:
                continue
            shift = round(begin_s / packet.time_base)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = streams[packet.stream.index]
            sink.mux(packet)
    with Decoder(moved) as decoder:
        frames = list(decoder.frames())
        sound = decoder.sound()
    assert len(frames) == frames_by_ffmpeg(moved)
    assert frames[0].time_s == pytest.approx(0.0, abs=0.2)
    assert frames[-1].time_s == pytest.approx(2.96, abs=0.2)
    assert sound.duration_s == pytest.approx(3.0, abs=0.2)


@pytest.mark.shared
def test_the_parts_that_people_joined(shared):
    path = shared / "cases/media/concat_two.mpg"
    assert probe(path).duration_s == pytest.approx(5.96, abs=0.05)
    with Decoder(path) as decoder:
        assert len(list(decoder.frames())) >= 149
        assert decoder.sound().duration_s == pytest.approx(5.96, abs=0.05)
