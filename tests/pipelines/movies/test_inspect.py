"""The overlay: a video as long as the recording that shows the measurements."""

import av
import numpy as np
import pytest
from media_files import write_media
from movie_checks import frames, has, streams
from plain_clips import first_clip, grey, hum

from mmemo.features import Word
from pipelines.cli import main
from pipelines.movies import drawing


@pytest.fixture(scope="module")
def overlay(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("overlay") / "out.mp4"
    assert main(["inspect", str(first_clip(corpus)), "--out", str(out), "--quiet"]) == 0
    return out


def test_it_plays_as_long_as_the_recording_with_sound(corpus, overlay):
    assert streams(overlay) == {"video": "h264", "audio": "aac"}
    source, shown = frames(first_clip(corpus)), frames(overlay)
    assert len(shown) == len(source)
    np.testing.assert_allclose([t for t, _ in shown], [t for t, _ in source], atol=1e-3)
    with av.open(str(overlay)) as container:
        (audio,) = container.streams.audio
        sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio)])
        assert np.abs(sound).max() > 0.05
        assert len(sound) / audio.rate == pytest.approx(shown[-1][0], abs=0.3)


def test_face_bars_words_and_sound_are_on_the_picture(overlay):
    times, images = zip(*frames(overlay), strict=True)
    image = images[len(images) // 2]
    bottom = drawing.STRIP_HEIGHT + drawing.WORDS_HEIGHT
    view = image[drawing.HEADER_HEIGHT : -bottom, : -drawing.PANEL_WIDTH]
    panel = image[drawing.HEADER_HEIGHT : -bottom, -drawing.PANEL_WIDTH :]
    strip = image[-bottom : -drawing.WORDS_HEIGHT]
    assert has(view, drawing.GOOD)
    assert has(panel, drawing.LOW)
    assert has(strip, drawing.SOUND)
    assert has(strip, drawing.MARK)
    marked = [has(image[-drawing.WORDS_HEIGHT :], drawing.MARK) for image in images]
    assert any(marked)
    assert times[-1] > 1


def test_a_picture_without_a_face_is_marked(tmp_path):
    media = write_media(tmp_path / "grey.mp4", picture=grey, sound=hum, seconds=1.0)
    out = tmp_path / "out.mp4"
    assert main(["inspect", str(media), "--out", str(out), "--quiet"]) == 0
    for _, image in frames(out):
        assert has(image[drawing.HEADER_HEIGHT :, : -drawing.PANEL_WIDTH], drawing.ALARM)


def test_sound_alone_has_a_picture_and_silent_pictures_no_sound(tmp_path):
    sound = write_media(tmp_path / "hum.wav", sound=hum, audio_codec="pcm_s16le", seconds=1.0)
    picture = write_media(tmp_path / "grey.mp4", picture=grey, seconds=1.0)
    for media, kinds in ((sound, {"video", "audio"}), (picture, {"video"})):
        out = tmp_path / f"{media.stem}.out.mp4"
        assert main(["inspect", str(media), "--out", str(out), "--quiet"]) == 0
        assert set(streams(out)) == kinds
        assert frames(out)[-1][0] >= 0.85


def test_a_failure_leaves_what_was_there(tmp_path, capsys):
    out = tmp_path / "out.mp4"
    out.write_bytes(b"old")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    assert main(["inspect", str(broken), "--out", str(out)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert out.read_bytes() == b"old"
    media = write_media(tmp_path / "grey.mp4", picture=grey, seconds=0.5)
    assert main(["inspect", str(media), "--out", str(tmp_path / "none" / "out.mp4")]) == 1
    assert main(["inspect", str(media), "--out", str(media)]) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.mp4", "grey.mp4", "out.mp4"]


def test_the_current_word_is_marked_and_text_stays_inside():
    words = [Word(f"word{n}", n * 0.3, n * 0.3 + 0.2) for n in range(60)]
    for time_s, marked in ((0.1, True), (0.25, False), (9.1, True), (17.8, True), (99.0, False)):
        image = np.zeros((drawing.WORDS_HEIGHT, 500, 3), np.uint8)
        drawing.draw_words(image, words, time_s)
        assert has(image, drawing.MARK) == marked
        assert not image[:, -8:].any()
    assert drawing.readable("caf\u00e9 \u2019tis \u4f60") == "cafe 'tis ?"
