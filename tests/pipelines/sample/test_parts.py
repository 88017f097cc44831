"""Voice, face and film of the sample corpus: each cue shows where it should and nowhere else."""

import sys
from dataclasses import replace

import av
import librosa
import numpy as np
import pytest

from extractors.facet.networks import BLENDSHAPES
from extractors.facet.tracker import FaceTracker
from mmemo.assets.resolve import resolve
from mmemo.errors import AssetError
from mmemo.labels import EMOTIONS
from pipelines.sample.espeak import Espeak, Speech
from pipelines.sample.face import TalkingHead, loudness, plan_motion
from pipelines.sample.landmarks import CONTROLS, displacements
from pipelines.sample.movie import write_movie
from pipelines.sample.plan import ClipPlan, make_plan
from pipelines.sample.portrait import SIZE_PX, make_portrait, person_mask, photograph
from pipelines.sample.speakers import SPEAKERS
from pipelines.sample.voice import act, speak
from pipelines.sample.warp import Warp

RATE = 22050


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    return Espeak()


@pytest.fixture(scope="module")
def photo():
    picture = photograph()
    return picture, person_mask(picture)


def planned(speaker_id: str, **intensities: int) -> ClipPlan:
    plan = make_plan(16, 0)[0]
    speaker = next(s for s in SPEAKERS if s.id == speaker_id)
    levels = tuple(intensities.get(name, 0) for name in EMOTIONS)
    return replace(plan, speaker=speaker, intensities=levels)


def spoken(espeak: Espeak, plan: ClipPlan) -> Speech:
    return act(speak(plan, espeak), plan)


def level_db(speech: Speech) -> float:
    return float(10 * np.log10(np.mean(np.square(speech.samples, dtype=float))))


def median_pitch_hz(speech: Speech) -> float:
    pitch = librosa.yin(speech.samples, fmin=60, fmax=500, sr=speech.sample_rate)
    return float(np.median(pitch))


def periodicity(speech: Speech) -> float:
    """Average the highest autocorrelation at lags of 60 to 400 Hz over 50 ms frames."""
    size = speech.sample_rate // 20
    frames = speech.samples[: len(speech.samples) // size * size].reshape(-1, size)
    frames = frames[np.square(frames).mean(axis=1) > 1e-5]
    power = np.abs(np.fft.rfft(frames, 2 * size, axis=1)) ** 2
    correlation = np.fft.irfft(power, axis=1)
    lags = slice(speech.sample_rate // 400, speech.sample_rate // 60)
    return float(np.mean(correlation[:, lags].max(axis=1) / correlation[:, 0]))


@pytest.mark.parametrize("speaker", ["nils", "olga", "paul", "lukas", "maria"])
def test_anger_and_fear_are_heard_apart_whoever_speaks(espeak, speaker):
    calm = spoken(espeak, planned(speaker))
    angry = spoken(espeak, planned(speaker, anger=1))
    afraid = spoken(espeak, planned(speaker, fear=1))
    both = spoken(espeak, planned(speaker, anger=1, fear=1))
    assert level_db(angry) > level_db(calm) + 8
    assert level_db(both) > level_db(afraid) + 8
    assert abs(level_db(afraid) - level_db(calm)) < 3
    assert median_pitch_hz(angry) > 1.2 * median_pitch_hz(calm)
    assert periodicity(afraid) < periodicity(calm) - 0.2
    assert periodicity(both) < periodicity(angry) - 0.2
    assert abs(periodicity(angry) - periodicity(calm)) < 0.15


@pytest.mark.parametrize("emotion", ["happiness", "sadness", "surprise", "disgust"])
def test_other_emotions_are_not_heard(espeak, emotion):
    raw = speak(planned("nils"), espeak)
    calm = act(raw, planned("nils"))
    felt = act(raw, planned("nils", **{emotion: 3}))
    np.testing.assert_array_equal(felt.samples, calm.samples)


def test_sound_stays_in_range_and_is_never_digitally_silent(espeak):
    for levels in ({}, {"anger": 3}, {"fear": 3}, {"anger": 3, "fear": 3}):
        samples = spoken(espeak, planned("karin", **levels)).samples
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() < 1.0
        assert (samples != 0).all()


def test_words_that_run_together_share_their_time(espeak):
    words = ("the", "end", "of", "the", "road")
    speech = espeak.say(words, voice="en-us", pitch=50, pitch_range=50, rate_wpm=160)
    assert tuple(word.text for word in speech.words) == words
    times = np.array([(word.start, word.end) for word in speech.words])
    assert (times[:, 1] > times[:, 0]).all()
    np.testing.assert_array_equal(times[1:, 0], times[:-1, 1])
    assert times[-1, 1] <= len(speech.samples) / speech.sample_rate


def test_an_unknown_voice_is_named(espeak):
    with pytest.raises(AssetError, match="no-such-voice"):
        espeak.say(("one",), voice="no-such-voice", pitch=50, pitch_range=50, rate_wpm=160)


@pytest.mark.parametrize(
    ("package", "part"), [("espeakng_loader", Espeak), ("skimage", photograph)]
)
def test_missing_packages_are_named_with_what_to_do(monkeypatch, package, part):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(AssetError, match=r"pip install 'mmemo\[sample\]'"):
        part()


def test_a_warp_moves_points_to_their_targets():
    rng = np.random.default_rng(0)
    targets = CONTROLS + rng.uniform(-2, 2, CONTROLS.shape)
    maps = Warp(SIZE_PX).source_map(targets, CONTROLS)
    x, y = np.rint(targets).astype(int).T
    at_targets = maps[y, x] + (targets - np.rint(targets))
    assert np.abs(at_targets - CONTROLS).max() < 1.0
    assert np.abs(at_targets - CONTROLS).mean() < 0.2


def test_a_warp_that_moves_nothing_changes_nothing():
    still = Warp(SIZE_PX).source_map(CONTROLS, CONTROLS)
    pixels = np.stack(np.meshgrid(np.arange(SIZE_PX), np.arange(SIZE_PX)), axis=-1)
    np.testing.assert_allclose(still, pixels, atol=1e-3)


def test_moves_of_pairs_are_mirrored():
    field = displacements({"mouth_corner": (2.0, 1.0), "chin": (0.0, 3.0)})
    moved = field[np.abs(field).sum(axis=1) > 0]
    assert sorted(map(tuple, moved)) == [(-2.0, 1.0), (0.0, 3.0), (2.0, 1.0)]


@pytest.mark.parametrize("speaker", ["nils", "olga", "paul", "lukas", "maria", "karin"])
def test_happiness_and_surprise_are_seen_apart_whoever_speaks(photo, speaker):
    tracker = FaceTracker(resolve("face-landmarker"))
    look = next(s.look for s in SPEAKERS if s.id == speaker)
    head = TalkingHead(make_portrait(*photo, look), look)
    opening = np.tile([0.1, 1.0, 0.4], 12)
    for smile, surprise in ((0.0, 0.0), (0.9, 0.0), (0.0, 0.9), (0.9, 0.9)):
        motion = plan_motion(opening, smile=smile, surprise=surprise, rng=np.random.default_rng(5))
        tracker.reset()
        blendshapes = []
        for picture in list(head.render(motion))[12::4]:
            (face,) = tracker.track(picture)
            blendshapes.append(face.blendshapes)
        median = dict(zip(BLENDSHAPES, np.median(blendshapes, axis=0), strict=True))
        smiling = (median["mouthSmileLeft"] + median["mouthSmileRight"]) / 2
        lifted = (median["browOuterUpLeft"] + median["browOuterUpRight"]) / 2
        assert (smiling > 0.7) if smile else (smiling < 0.3), (smile, surprise, smiling)
        assert (lifted > 0.4) if surprise else (lifted < 0.25), (smile, surprise, lifted)


def test_the_mouth_opens_with_the_sound_however_loud_it_is():
    time_s = np.arange(2 * RATE) / RATE
    syllables = (np.sin(2 * np.pi * 100 * time_s) * (time_s > 1)).astype(np.float32)
    quiet, loud = loudness(0.05 * syllables, RATE), loudness(0.8 * syllables, RATE)
    np.testing.assert_allclose(quiet, loud, atol=1e-5)
    assert len(loud) == 50
    assert loud[:24].max() == 0
    assert loud[27:].min() > 0.9


def test_silence_keeps_the_mouth_shut():
    assert loudness(np.zeros(RATE, np.float32), RATE).max() == 0


def test_eyes_blink_and_speech_moves_the_jaw():
    opening = np.clip(np.sin(np.arange(125)), 0, 1)
    motion = plan_motion(opening, smile=0.0, surprise=0.0, rng=np.random.default_rng(1))
    assert motion.lids.max() == 1.0
    assert motion.lids.min() == 0.0
    assert np.corrcoef(motion.jaw, opening)[0, 1] > 0.9
    assert (motion.smile == 0).all()
    assert (motion.surprise == 0).all()


def test_a_film_holds_its_pictures_and_its_sound(tmp_path):
    pictures = [np.full((64, 96, 3), 10 * k, np.uint8) for k in range(20)]
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(0.8 * RATE)) / RATE)
    path = tmp_path / "film.mp4"
    write_movie(path, iter(pictures), 25, tone.astype(np.float32), RATE)
    with av.open(str(path)) as container:
        shown = [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(video=0)]
    np.testing.assert_allclose(shown, [10 * k for k in range(20)], atol=4)
    with av.open(str(path)) as container:
        heard = np.concatenate([f.to_ndarray().ravel() for f in container.decode(audio=0)])
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.fft.rfftfreq(len(heard), 1 / 44100)[spectrum.argmax()] == pytest.approx(440, abs=2)


def test_a_film_that_fails_leaves_nothing_behind(tmp_path):
    def broken():
        yield np.zeros((64, 64, 3), np.uint8)
        raise RuntimeError("no more pictures")

    with pytest.raises(RuntimeError, match="no more pictures"):
        write_movie(tmp_path / "film.mp4", broken(), 25, np.zeros(RATE, np.float32), RATE)
    assert list(tmp_path.iterdir()) == []
