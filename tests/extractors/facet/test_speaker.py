"""Who speaks: lips against sound, on generated recordings, and on real ones where present."""

import numpy as np
import pytest
from face_scenes import frames, head, mouth_open

from extractors.base import Frame, Sound
from extractors.facet.extractor import FacetExtractor
from extractors.facet.landmark_extractor import LandmarkExtractor
from extractors.facet.speaker import RANGE_DB, agreement, loudness
from extractors.media import read_frames, read_sound

RATE = 16_000


def speech(seconds: float, seed: int) -> np.ndarray:
    """Return a mouth's opening, 100 values per second: syllables of random strength, and pauses."""
    rng = np.random.default_rng(seed)
    opening = np.zeros(round(seconds * 100))
    at = 0.0
    while at < seconds:
        length = rng.uniform(0.12, 0.25)
        place = slice(round(at * 100), round((at + length) * 100))
        steps = np.arange(len(opening[place]))
        height = rng.uniform(0.3, 1.0) * (rng.random() > 0.2)
        opening[place] = height * np.sin(np.pi * (steps + 0.5) / (length * 100)) ** 2
        at += length
    return opening


def voiced(opening: np.ndarray, lag_s: float = 0.08) -> Sound:
    """Return sound that is as loud as the mouth is open, a little later."""
    count = round(len(opening) / 100 * RATE)
    times = np.arange(count) / RATE
    envelope = np.interp(times - lag_s, np.arange(len(opening)) / 100, opening)
    noise = np.random.default_rng(9).normal(size=count)
    return Sound((0.1 * noise * (envelope**2 + 0.003)).astype(np.float32), RATE)


def lips(opening: np.ndarray, fps: float = 30.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    times = np.arange(0, len(opening) / 100, 1 / fps)
    gap = np.interp(times, np.arange(len(opening)) / 100, opening)
    return times, 0.5 * gap + np.random.default_rng(seed).normal(size=len(gap)) * 0.03


def test_loudness_is_level_below_the_loudest():
    samples = np.random.default_rng(0).normal(size=2 * RATE) * 0.1
    samples[RATE:] *= 0.1
    times, level = loudness(Sound(samples.astype(np.float32), RATE, start_s=3.0))
    assert times[0] == pytest.approx(3.02)
    assert np.median(level[:24]) - np.median(level[26:]) == pytest.approx(20, abs=1)
    silent = loudness(Sound(np.zeros(RATE, np.float32), RATE))[1]
    assert np.isin(silent, (0.0, RANGE_DB)).all()


def test_own_sound_agrees_more_than_anothers():
    for seed in range(5):
        own, other = speech(8, seed), speech(8, seed + 50)
        assert agreement(*lips(own), voiced(own)) > 0.5
        assert agreement(*lips(own), voiced(own)) > agreement(*lips(own), voiced(other)) + 0.2


@pytest.mark.parametrize("start", [-5.0, 0.0, 2.5])
def test_times_of_the_sound_count(start):
    own = speech(8, 3)
    times, gap = lips(own)
    sound = voiced(own)
    moved = Sound(sound.samples, RATE, start_s=start)
    assert agreement(times + start, gap, moved) == pytest.approx(agreement(times, gap, sound))


def test_too_little_is_no_agreement():
    own = speech(8, 3)
    times, gap = lips(own)
    sound = voiced(own)
    assert agreement(times[:1], gap[:1], sound) == 0
    assert agreement(times[:20], gap[:20], sound) == 0
    assert agreement(times, np.ones_like(gap), sound) == 0
    assert agreement(times, gap, Sound(np.zeros(0, np.float32), RATE)) == 0
    assert agreement(times, gap, Sound(np.zeros(8 * RATE, np.float32), RATE)) == 0
    assert agreement(times + 100, gap, sound) == 0
    # One second counts less than eight of the same.
    assert agreement(times[:40], gap[:40], sound) < agreement(times, gap, sound)


def pair(openings: tuple[np.ndarray, np.ndarray], fps: float) -> list[Frame]:
    """Show two people side by side who open their mouths; the left one is a little larger."""
    images = []
    for time in np.arange(0, len(openings[0]) / 100, 1 / fps):
        amounts = [round(float(o[int(time * 100)]) * 4) * 0.05 for o in openings]
        small = np.pad(
            mouth_open(224, amounts[1])[:, 24:-24], ((32, 0), (40, 40), (0, 0)), mode="edge"
        )
        images.append(np.concatenate([mouth_open(256, amounts[0]), small], axis=1))
    return frames(images, fps)


@pytest.fixture(scope="module")
def scene():
    openings = speech(4, 1), speech(4, 2)
    return pair(openings, 10), *map(voiced, openings)


def side_of(features, extractor) -> str:
    """Return which face was measured, by its lips: yaw and size differ too little."""
    inner = features.names.index("inner_lips_2_y"), features.names.index("inner_lips_6_y")
    opening = features.values[:, inner[0]] - features.values[:, inner[1]]
    times = features.times[:, 0]
    matches = [
        np.corrcoef(np.interp(times, np.arange(400) / 100, speech(4, seed)), opening)[0, 1]
        for seed in (1, 2)
    ]
    return "left" if matches[0] > matches[1] else "right"


def test_speaker_is_the_one_whose_lips_go_with_the_sound(scene):
    images, of_left, of_right = scene
    extractor = LandmarkExtractor()
    assert side_of(extractor(images, sound=of_left), extractor) == "left"
    assert side_of(extractor(images, sound=lambda: of_right), extractor) == "right"
    # Without sound both move their lips alike, and the larger face wins.
    assert side_of(extractor(images), extractor) == "left"
    first, second = extractor.everyone(images, sound=of_right)
    assert (side_of(first, extractor), side_of(second, extractor)) == ("right", "left")
    assert first.valid.all()
    assert second.valid.all()


def test_everyone_has_rows_where_they_are_visible():
    alone, both = head(), np.concatenate([head(), head()[:, ::-1] // 2 + 60], axis=1)
    wide = np.pad(alone, ((0, 0), (0, 256), (0, 0)), mode="constant")
    images = [wide] * 3 + [both] * 5
    extractor = FacetExtractor()
    people = extractor.everyone(frames(images))
    assert [p.valid.tolist() for p in people] == [[True] * 8, [False] * 3 + [True] * 5]
    assert np.array_equal(people[0].values, extractor(frames(images)).values)
    assert (people[1].values[:3] == 0).all()
    assert extractor.everyone(frames([np.zeros_like(alone)] * 2)) == []


@pytest.mark.shared
def test_real_lips_go_with_their_own_sound(shared):
    """Stretches of one recording: lips of each against the sound of each."""
    video = shared / "data/facet_pairs/v-571d8cVauQ.mp4"
    stretches = [(20.0, 27.0), (30.0, 37.0)]
    extractor = LandmarkExtractor(max_faces=1)
    upper = extractor.names.index("inner_lips_2_y")
    lower = extractor.names.index("inner_lips_6_y")
    lips_of_stretches = []
    for start, end in stretches:
        features = extractor(read_frames(video, fps=12, start=start, end=end))
        gap = (features.values[:, upper] - features.values[:, lower]).astype(float)
        lips_of_stretches.append((features.times[:, 0] - start, gap))
    sounds = [read_sound(video, start=start, end=end) for start, end in stretches]
    sounds = [Sound(sound.samples, sound.sample_rate) for sound in sounds]
    table = np.array([[agreement(*lips, sound) for sound in sounds] for lips in lips_of_stretches])
    others = table[~np.eye(len(table), dtype=bool)]
    assert np.diag(table).mean() > others.mean() + 0.08
