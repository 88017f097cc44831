"""Words of doubtful voices stand only if the voice alone is heard as English."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.media import read_sound
from extractors.sound import at_16_khz
from extractors.text.recogniser import Recogniser
from extractors.text.second_look import looked_again
from extractors.text.unread import reason_unread


@dataclass(frozen=True)
class Word:
    word: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class Segment:
    start: float
    end: float
    words: list[Word] = field(default_factory=list)
    avg_logprob: float = -0.2
    no_speech_prob: float = 0.1
    compression_ratio: float = 1.0
    text: str = " as the words say"


VOICES = [(0.0, 2.0), (3.0, 5.0)]


def words(start, text, probability):
    return [Word(f" {w}", start + n / 4, start + n / 4 + 0.2, probability)
            for n, w in enumerate(text.split())]  # fmt: skip


def used(segments):
    return [word.word.strip() for s in segments if reason_unread(s) is None for word in s.words]


@pytest.mark.parametrize("in_one_segment", [True, False])
@pytest.mark.parametrize(
    ("probability", "alone", "expected"),
    [
        (0.6, Segment(3.1, 4.9, words(3, "thank you", 0.2)), "good day"),
        (0.6, Segment(3.1, 4.9, words(3, "thank you", 0.9), compression_ratio=4.0), "good day"),
        (0.6, None, "good day"),
        (0.6, Segment(3.1, 4.9, words(3, "pull cannot", 0.8)), "good day pull can not"),
        (0.9, None, "good day pull can not"),
    ],
)
def test_doubtful_words_stand_if_their_voice_alone_is_english(
    probability, alone, expected, in_one_segment
):
    first, second = words(0.2, "good day", 0.95), words(3.2, "pull can not", probability)
    segments = [Segment(0, 5, first + second)]
    if not in_one_segment:
        segments = [Segment(0, 2, first), Segment(3, 5, second)]
    heard = []

    def listen(start, end):
        heard.append((start, end))
        return [] if alone is None else [alone]

    looked = looked_again(segments, VOICES, listen)
    assert used(looked) == expected.split()
    assert heard == ([VOICES[1]] if probability < 0.7 else [])
    unread = [s for s in looked if reason_unread(s) is not None]
    assert bool(unread) == ("pull" not in expected)
    assert all(VOICES[1][0] <= s.start < s.end <= VOICES[1][1] for s in unread)


def test_a_single_voice_was_heard_alone_already():
    segments = [Segment(0, 2, words(0.2, "good day", 0.6))]
    assert looked_again(segments, VOICES[:1], pytest.fail) == segments


def test_few_doubtful_words_may_belong_to_the_voice_beside():
    segments = [Segment(0, 5, words(0.2, "good day", 0.95) + words(3.2, "pull can", 0.6))]
    assert looked_again(segments, VOICES, pytest.fail) == segments


@pytest.mark.shared
def test_polish_beside_english_becomes_no_english_words(shared):
    """A sentence of nEMO stands between two of RAVDESS; without a second look its words pass."""
    english = shared / "data/ravdess/03-01-01-01-01-02-10.flac"
    polish = shared / "data/nemo/TP0_neutral_9.flac"
    sounds = [at_16_khz(read_sound(path)).samples for path in (english, polish, english)]
    samples = np.concatenate(sounds)
    recogniser = Recogniser()
    counts = {}
    for second_look in (False, True):
        parts = recogniser.segments(Sound(samples, SAMPLE_RATE_HZ), second_look=second_look)
        counts[second_look] = [word for _, heard in parts for word in used(heard)]
    assert len(counts[False]) > 14
    assert 10 <= len(counts[True]) <= 12
