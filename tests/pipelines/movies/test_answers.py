"""The recording with its answers drawn: it plays, and shows words and answers in time."""

from pathlib import Path

import av
import numpy as np
import pytest
from media_files import gray, tone, write_media
from movie_checks import frames, has, streams

from mmemo.errors import ClipError, ConfigError
from mmemo.features import Word
from mmemo.labels import EMOTIONS
from mmemo.prediction import Prediction
from pipelines.movies import answer_panel as drawing
from pipelines.movies.answers import write_annotated
from pipelines.movies.drawing import LOW, MARK, TEXT, WORDS_HEIGHT

EFFECTS = {"text": 1.2, "audio": -0.3}


def utterance(start, end, labels=("anger",), probs=None):
    """Make an utterance of two words; without labels there is nothing to read."""
    half = (start + end) / 2
    return Prediction(
        video="talk.mp4",
        start=start,
        end=end,
        words=(Word("well", start, half), Word("then", half, end)),
        labels=labels,
        probs=None if labels is None else {e: (probs or {}).get(e, 0.0) for e in EMOTIONS},
        effects=None if labels is None else dict.fromkeys(EMOTIONS, EFFECTS),
        absent={"visual": "no face here"},
        demonstration=False,
    )


ANGRY = utterance(0.4, 1.0, probs={"anger": 1.0})
TALK = [ANGRY, utterance(1.2, 1.6, (), {"fear": 0.3}), utterance(1.6, 2.0, None)]


@pytest.fixture(scope="module")
def talk(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.mp4"
    return write_media(path, picture=lambda time: gray(90), sound=tone(), seconds=2.0)


@pytest.fixture(scope="module")
def movie(talk) -> Path:
    out = talk.with_name("seen.mp4")
    write_annotated(talk, TALK, out)
    return out


def yellow(image):
    """Return whether there is text in the colour of predicted labels; thin lines are paler."""
    return bool((image[..., 0].astype(int) - image[..., 2] > 60).any())


def parts(image):
    """Return the parts of a frame: the recording, the panel, the words and the strip."""
    rows = drawing.STRIP_ROW * len(EMOTIONS) + 4
    height = image.shape[0] - WORDS_HEIGHT - rows
    height -= height % 2
    view, panel = np.split(image[:height], [-drawing.PANEL_WIDTH], axis=1)
    return view, panel, image[height : height + WORDS_HEIGHT], image[height + WORDS_HEIGHT :]


def bar_of(panel, label):
    """Return the part of a panel where the bar of a label is."""
    top = 84 + drawing.ROW_HEIGHT * EMOTIONS.index(label)
    return panel[top + 4 : top + 14, 93:-44]


def test_it_plays_as_long_as_the_recording_with_its_sound(talk, movie):
    assert streams(movie) == {"video": "h264", "audio": "aac"}
    times, shown = [t for t, _ in frames(talk)], [t for t, _ in frames(movie)]
    np.testing.assert_allclose(shown, times, atol=1e-3)
    with av.open(str(movie)) as container:
        (audio,) = container.streams.audio
        sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio)])
        assert len(sound) / audio.rate == pytest.approx(2.0, abs=0.1)
        spectrum = np.abs(np.fft.rfft(sound[: audio.rate]))
        assert int(spectrum.argmax()) == pytest.approx(440, abs=2)


def test_answers_are_shown_while_the_utterance_lasts(movie):
    for time_s, image in frames(movie):
        view, panel, words, _ = parts(image)
        inside = 0.4 <= time_s < 1.0
        assert not yellow(view)
        assert yellow(panel[:30]) == inside, time_s
        assert has(bar_of(panel, "anger"), MARK) == inside, time_s
        assert has(bar_of(panel, "fear"), LOW) == (1.2 <= time_s < 1.6), time_s
        assert has(words, MARK) == (inside or 1.2 <= time_s < 2.0), time_s


def test_a_bar_is_as_long_as_its_probability():
    def length(prob):
        panel = np.zeros((400, drawing.PANEL_WIDTH, 3), np.uint8)
        drawing.draw_panel(panel, utterance(0, 1, ("anger",), {"anger": prob}), EMOTIONS)
        return int((bar_of(panel, "anger") == MARK).all(axis=2).any(axis=0).sum())

    full = length(1.0)
    assert full > 100
    for prob in (0.25, 0.5, 0.75):
        assert length(prob) == pytest.approx(prob * full, abs=2)


def test_the_effects_of_the_modalities_that_are_present_stand_below_the_bar():
    panel = np.zeros((400, drawing.PANEL_WIDTH, 3), np.uint8)
    drawing.draw_panel(panel, ANGRY, EMOTIONS)
    rows = panel[84 : 84 + drawing.ROW_HEIGHT * len(EMOTIONS)].astype(int)

    def written(modality):
        colour = np.array(drawing.COLOURS[modality])
        brightness = rows @ colour / (colour @ colour)
        return int(
            (np.abs(rows - brightness[..., None] * colour).max(axis=2) < 12)[brightness > 0.5].sum()
        )

    assert written("text") > 50
    assert written("audio") > 50
    assert written("visual") == 0


def test_the_strip_shows_where_and_which():
    strip = drawing.strip_of(TALK, EMOTIONS, drawing.GUTTER + 201, 2.0)
    row = EMOTIONS.index("anger")
    middle = strip[drawing.STRIP_ROW * row + drawing.STRIP_ROW // 2, drawing.GUTTER :]
    lit = np.flatnonzero(np.abs(middle.astype(int) - MARK).max(axis=1) < 10)
    assert (lit.min(), lit.max()) == (40, 98)
    underlined = (strip[:, drawing.GUTTER :] == TEXT).all(axis=2).any(axis=1)
    assert np.flatnonzero(underlined).max() < drawing.STRIP_ROW * (row + 1)
    before = strip.copy()
    drawing.draw_now(strip, 0.5)
    changed = np.flatnonzero((strip != before).any(axis=(0, 2)))
    assert changed.mean() == pytest.approx(drawing.GUTTER + 100, abs=1.5)


@pytest.mark.parametrize("size", [(63, 41), (90, 160), (640, 2), (2000, 1200)])
def test_pictures_of_any_size(tmp_path, size):
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    media = write_media(
        tmp_path / "odd.mp4", picture=lambda time: gray(90, even), seconds=0.2, fps=10
    )
    write_annotated(media, [ANGRY], tmp_path / "out.mp4")
    assert len(frames(tmp_path / "out.mp4")) == 2


def test_sound_alone_has_a_picture_and_silent_pictures_no_sound(tmp_path):
    sound = write_media(tmp_path / "hum.wav", sound=tone(), audio_codec="pcm_s16le", seconds=1.2)
    silent = write_media(tmp_path / "silent.mp4", picture=lambda time: gray(90), seconds=1.2)
    for media, kinds in ((sound, {"video", "audio"}), (silent, {"video"})):
        out = tmp_path / f"{media.stem}.out.mp4"
        write_annotated(media, [ANGRY], out)
        assert set(streams(out)) == kinds
        assert frames(out)[-1][0] >= 1.0
        assert yellow(parts(frames(out)[6][1])[1])


def test_a_recording_without_predictions_is_drawn(talk, tmp_path):
    write_annotated(talk, [], tmp_path / "out.mp4")
    assert len(frames(tmp_path / "out.mp4")) == 50


def test_a_failure_leaves_what_was_there(talk, tmp_path):
    out = tmp_path / "out.mp4"
    out.write_bytes(b"old")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(talk.read_bytes()[:3000])
    with pytest.raises(ClipError):
        write_annotated(broken, TALK, out)
    with pytest.raises(ConfigError, match="another file"):
        write_annotated(out, TALK, out)
    with pytest.raises(ConfigError, match="expected a folder"):
        write_annotated(talk, TALK, tmp_path / "none" / "out.mp4")
    assert out.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.mp4", "out.mp4"]


def test_progress_never_decreases(talk, tmp_path):
    progress = []
    write_annotated(
        talk, TALK, tmp_path / "out.mp4", on_progress=lambda stage, s: progress.append((stage, s))
    )
    shares = [share for _, share in progress]
    assert {stage for stage, _ in progress} == {"drawing"}
    assert shares == sorted(shares)
    assert 0.9 < shares[-1] <= 1.0
